#include "analysis/comparison_set.hpp"

#include <algorithm>

#include "spec/error.hpp"

namespace quasim::analysis {
namespace {

constexpr std::size_t kNamesListed = 12;

/// The names of one side, those of the shape of `like` (where it is given) first and marked.
std::string candidates(const std::vector<TensorView>& tensors, const TensorView* like) {
  std::vector<std::string> names;
  const auto has_its_shape = [like](const TensorView& tensor) {
    return like != nullptr && tensor.shape == like->shape;
  };
  for (const bool wanted : {true, false})
    for (const TensorView& tensor : tensors)
      if (has_its_shape(tensor) == wanted) names.push_back(tensor.name + (wanted ? " (same shape)" : ""));
  std::string text;
  for (std::size_t i = 0; i < names.size() && i < kNamesListed; ++i) text += (i == 0 ? "" : ", ") + names[i];
  if (names.size() > kNamesListed) text += " and " + std::to_string(names.size() - kNamesListed) + " more";
  return text.empty() ? "none" : text;
}

}  // namespace

std::size_t ComparisonSet::identical() const {
  return static_cast<std::size_t>(std::count_if(
      pairs.begin(), pairs.end(), [](const TensorComparison& pair) { return is_identical(pair.verdict); }));
}

std::size_t ComparisonSet::identical_bits() const {
  return static_cast<std::size_t>(std::count_if(pairs.begin(), pairs.end(), [](const TensorComparison& pair) {
    return pair.verdict == Verdict::kIdenticalBits;
  }));
}

std::uint64_t ComparisonSet::compared() const {
  std::uint64_t total = 0;
  for (const TensorComparison& pair : pairs) total += pair.compared;
  return total;
}

ComparisonSet compare(const TensorSource& a, const TensorSource& b, std::optional<double> lsb) {
  ComparisonSet set;
  const auto pair_up = [&](const TensorView& left, const TensorView& right) {
    set.pairs.push_back(compare(left, right, lsb));
  };
  const std::vector<TensorView>&left = a.tensors(), &right = b.tensors();
  if (left.size() == 1 && right.size() == 1) {
    pair_up(left[0], right[0]);
    return set;
  }
  std::size_t i = 0, j = 0;
  while (i < left.size() || j < right.size()) {
    const int order = i == left.size() ? 1 : j == right.size() ? -1 : left[i].name.compare(right[j].name);
    if (order < 0)
      set.only_in_a.push_back(left[i++].name);
    else if (order > 0)
      set.only_in_b.push_back(right[j++].name);
    else
      pair_up(left[i++], right[j++]);
  }
  if (set.pairs.empty())
    throw InputError("compare: expected at least one tensor present in both, by name; A has " +
                     candidates(left, right.size() == 1 ? &right[0] : nullptr) + "; B has " +
                     candidates(right, left.size() == 1 ? &left[0] : nullptr) +
                     (left.size() == 1 || right.size() == 1 ? "; name the file to compare with" : ""));
  return set;
}

nlohmann::ordered_json to_json(const ComparisonSet& set) {
  nlohmann::ordered_json json{{"format", "quasim.compare/1"}, {"tensors", nlohmann::ordered_json::array()}};
  for (const TensorComparison& pair : set.pairs) json["tensors"].push_back(to_json(pair));
  json["only_in_a"] = set.only_in_a;
  json["only_in_b"] = set.only_in_b;
  json["summary"] = {{"tensors", set.pairs.size()},
                     {"identical", set.identical()},
                     {"identical_bitwise", set.identical_bits()},
                     {"different", set.pairs.size() - set.identical()},
                     {"elements_compared", set.compared()}};
  return json;
}

}  // namespace quasim::analysis
