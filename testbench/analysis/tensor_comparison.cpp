#include "analysis/tensor_comparison.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <memory>

#include "analysis/axis_order.hpp"
#include "analysis/decode.hpp"
#include "analysis/joint_counts.hpp"
#include "analysis/kernel.hpp"
#include "analysis/ticks.hpp"

namespace quasim::analysis {
namespace {

/// Figures of a block of pairs of finite numbers.
struct BlockSums {
  double max_absolute = 0, sum_absolute = 0, max_relative = 0, sum_relative = 0;
  std::uint64_t unequal = 0;
};

/// Keeps the kLargestListed largest differences. Elements must be offered in rising order of their index.
class Largest {
 public:
  /// Whether a difference of this size would be kept. One that is only equal to the least of those kept is
  /// not: of equal differences the first ones stay.
  bool wants(double magnitude) const {
    return magnitude > 0 && (kept_.size() < kLargestListed || magnitude > bar_);
  }
  void offer(const LargeDifference& item) {
    if (!wants(item.magnitude)) return;
    const auto larger = [](const LargeDifference& x, const LargeDifference& y) {
      return x.magnitude > y.magnitude;
    };
    kept_.insert(std::upper_bound(kept_.begin(), kept_.end(), item, larger), item);
    if (kept_.size() > kLargestListed) kept_.pop_back();
    bar_ = kept_.back().magnitude;
  }
  std::vector<LargeDifference> take() { return std::move(kept_); }

 private:
  std::vector<LargeDifference> kept_;
  double bar_ = 0;
};

}  // namespace

QUASIM_VECTOR_CLONES static BlockSums block_sums(const double* a, const double* b, std::size_t count) {
  std::array<double, kLanes> max_absolute{}, sum_absolute{}, max_relative{}, sum_relative{};
  std::array<std::uint64_t, kLanes> unequal{};
  const auto add = [&](std::size_t i, std::size_t j) {
    const double magnitude_a = std::fabs(a[i]), magnitude_b = std::fabs(b[i]);
    const double absolute = std::fabs(a[i] - b[i]);
    const double larger = magnitude_a > magnitude_b ? magnitude_a : magnitude_b;
    const double relative = absolute / (larger > 0 ? larger : 1.0);
    max_absolute[j] = absolute > max_absolute[j] ? absolute : max_absolute[j];
    sum_absolute[j] += absolute;
    max_relative[j] = relative > max_relative[j] ? relative : max_relative[j];
    sum_relative[j] += relative;
    unequal[j] += a[i] != b[i] ? 1U : 0U;
  };
  std::size_t i = 0;
  for (; i + kLanes <= count; i += kLanes)
    for (std::size_t j = 0; j < kLanes; ++j) add(i + j, j);
  for (; i < count; ++i) add(i, 0);
  BlockSums sums;
  for (std::size_t j = 0; j < kLanes; ++j) {
    sums.max_absolute = std::max(sums.max_absolute, max_absolute[j]);
    sums.sum_absolute += sum_absolute[j];
    sums.max_relative = std::max(sums.max_relative, max_relative[j]);
    sums.sum_relative += sum_relative[j];
    sums.unequal += unequal[j];
  }
  return sums;
}

QUASIM_VECTOR_CLONES static int max_step_of_block(const std::int8_t* a, const std::int8_t* b,
                                                  std::size_t count) {
  std::int16_t largest = 0;
  for (std::size_t i = 0; i < count; ++i) {
    const auto step = static_cast<std::int16_t>(std::abs(a[i] - b[i]));
    largest = std::max(largest, step);
  }
  return largest;
}

namespace {

/// Accumulates blocks of two tensors of the same shape.
class BlockwiseComparison {
 public:
  BlockwiseComparison(const TensorView& a, const TensorView& b, std::optional<double> lsb,
                      TensorComparison& result)
      : a_(a),
        b_(b),
        result_(result),
        ticks_(a.dtype, b.dtype, lsb),
        both_int8_(a.dtype == DType::kInt8 && b.dtype == DType::kInt8 && !lsb) {
    result_.step = ticks_.name();
  }

  void run() {
    PageRelease pages_a(a_), pages_b(b_);
    const std::size_t block_elems = both_int8_ ? kInt8BlockElems : kBlockElems;
    for (std::size_t begin = 0; begin < a_.length_elems; begin += block_elems) {
      const std::size_t count = std::min(block_elems, a_.length_elems - begin);
      if (both_int8_)
        int8_block(begin, count);
      else
        block(begin, count);
      pages_a.consumed(begin + count);
      pages_b.consumed(begin + count);
    }
    finish();
  }

 private:
  static constexpr std::size_t kInt8BlockElems = 1 << 14;

  bool same_bytes(std::size_t begin, std::size_t count) const {
    return a_.dtype == b_.dtype &&
           std::memcmp(a_.at(begin), b_.at(begin), count * size_bytes_of(a_.dtype)) == 0;
  }

  void block(std::size_t begin, std::size_t count) {
    decode(a_, begin, count, block_a_.data());
    const Summary summary_a = summarise(block_a_.data(), count);
    result_.summary_a.merge(summary_a);
    if (same_bytes(begin, count)) {
      result_.summary_b.merge(summary_a);
      result_.histogram.add(0, summary_a.finite);
      return;
    }
    same_bits_ = false;
    decode(b_, begin, count, block_b_.data());
    const Summary summary_b = summarise(block_b_.data(), count);
    result_.summary_b.merge(summary_b);
    if (summary_a.finite == count && summary_b.finite == count)
      finite_pairs(nullptr, begin, count);
    else
      pick_finite_pairs(begin, count);
  }

  /// Moves the pairs of finite values to the front and counts the others.
  void pick_finite_pairs(std::size_t begin, std::size_t count) {
    std::array<std::size_t, kBlockElems> origin;
    std::size_t kept = 0;
    for (std::size_t i = 0; i < count; ++i) {
      const double a = block_a_[i], b = block_b_[i];
      if (std::isfinite(a) && std::isfinite(b)) {
        block_a_[kept] = a;
        block_b_[kept] = b;
        origin[kept++] = begin + i;
      } else if (!(a == b || (std::isnan(a) && std::isnan(b)))) {
        ++result_.unordered;
      }
    }
    finite_pairs(origin.data(), begin, kept);
  }

  /// `origin` holds the index of each pair, or is null where they follow each other from `begin`.
  void finite_pairs(const std::size_t* origin, std::size_t begin, std::size_t count) {
    const BlockSums sums = block_sums(block_a_.data(), block_b_.data(), count);
    add(sums);
    if (sums.unequal == 0) {
      result_.histogram.add(0, count);
      return;
    }
    ticks_.between(block_a_.data(), block_b_.data(), count, steps_.data());
    for (std::size_t i = 0; i < count; ++i) (i % 2 == 0 ? even_ : odd_).add(steps_[i]);
    if (!largest_.wants(sums.max_absolute)) return;
    for (std::size_t i = 0; i < count; ++i)
      largest_.offer({origin == nullptr ? begin + i : origin[i], block_a_[i], block_b_[i],
                      std::fabs(block_a_[i] - block_b_[i])});
  }

  void int8_block(std::size_t begin, std::size_t count) {
    const auto* a = reinterpret_cast<const std::int8_t*>(a_.at(begin));
    const auto* b = reinterpret_cast<const std::int8_t*>(b_.at(begin));
    joint_.add(a, b, count);
    if (same_bytes(begin, count)) return;
    same_bits_ = false;
    if (!largest_.wants(max_step_of_block(a, b, count))) return;
    for (std::size_t i = 0; i < count; ++i)
      if (a[i] != b[i])
        largest_.offer({begin + i, static_cast<double>(a[i]), static_cast<double>(b[i]),
                        static_cast<double>(std::abs(a[i] - b[i]))});
  }

  void add(const BlockSums& sums) {
    result_.max_absolute = std::max(result_.max_absolute, sums.max_absolute);
    result_.max_relative = std::max(result_.max_relative, sums.max_relative);
    sum_absolute_ += sums.sum_absolute;
    sum_relative_ += sums.sum_relative;
    unequal_ += sums.unequal;
  }

  void fold_joint_counts() {
    joint_.for_each([this](int a, int b, std::uint64_t count) {
      const auto times = static_cast<double>(count);
      result_.summary_a.merge(Summary::of_constant(a, count));
      result_.summary_b.merge(Summary::of_constant(b, count));
      result_.histogram.add(a - b, count);
      if (a == b) return;
      const double absolute = std::abs(a - b), relative = absolute / std::max(std::abs(a), std::abs(b));
      unequal_ += count;
      sum_absolute_ += absolute * times;
      sum_relative_ += relative * times;
      result_.max_absolute = std::max(result_.max_absolute, absolute);
      result_.max_relative = std::max(result_.max_relative, relative);
    });
  }

  void finish() {
    fold_joint_counts();
    result_.histogram.merge(even_);
    result_.histogram.merge(odd_);
    result_.compared = a_.length_elems;
    result_.matches = result_.compared - unequal_ - result_.unordered;
    std::uint64_t finite_pairs = 0;
    for (const TickHistogram::Row& row : result_.histogram.rows()) finite_pairs += row.count;
    if (finite_pairs > 0) {
      result_.mean_absolute = sum_absolute_ / static_cast<double>(finite_pairs);
      result_.mean_relative = sum_relative_ / static_cast<double>(finite_pairs);
    }
    result_.largest = largest_.take();
    if (same_bits_ && a_.dtype == b_.dtype)
      result_.verdict = Verdict::kIdenticalBits;
    else if (result_.matches == result_.compared)
      result_.verdict = Verdict::kIdenticalValues;
    else if (result_.unordered == 0 && result_.max_absolute < kCloseEnough)
      result_.verdict = Verdict::kIdenticalClose;
    else
      result_.verdict = Verdict::kDifferent;
  }

  const TensorView& a_;
  const TensorView& b_;
  TensorComparison& result_;
  Ticks ticks_;
  bool both_int8_;
  bool same_bits_ = true;
  double sum_absolute_ = 0, sum_relative_ = 0;
  std::uint64_t unequal_ = 0;
  Largest largest_;
  JointCounts joint_;
  std::array<std::int64_t, kBlockElems> steps_{};
  // Elements at even places are counted in one, the others in the other. In a run of equal differences a
  // single histogram would add to the same counter each time, and each addition would wait for the last.
  TickHistogram even_, odd_;
  std::array<double, kBlockElems> block_a_{}, block_b_{};
};

nlohmann::ordered_json side_json(const TensorView& view, const Summary& summary) {
  nlohmann::ordered_json json{{"dtype", to_string(view.dtype)}, {"shape", view.shape}};
  json.update(to_json(summary));
  return json;
}

}  // namespace

std::string to_string(Verdict verdict) {
  switch (verdict) {
    case Verdict::kIdenticalBits:
      return "IDENTICAL (bitwise)";
    case Verdict::kIdenticalValues:
      return "IDENTICAL (as values)";
    case Verdict::kIdenticalClose:
      return "IDENTICAL (< 1e-6)";
    case Verdict::kDifferent:
      return "DIFFERENT";
    case Verdict::kShapesDiffer:
      return "DIFFERENT (shapes)";
    case Verdict::kEmpty:
      return "EMPTY (nothing compared)";
  }
  return "";
}

bool is_identical(Verdict verdict) {
  return verdict == Verdict::kIdenticalBits || verdict == Verdict::kIdenticalValues ||
         verdict == Verdict::kIdenticalClose;
}

TensorComparison compare(const TensorView& a, const TensorView& b, std::optional<double> lsb) {
  TensorComparison result;
  result.name = a.name;
  result.a = a;
  result.b = b;
  if (a.shape != b.shape) {
    result.verdict = Verdict::kShapesDiffer;
    result.summary_a = summarise(a);
    result.summary_b = summarise(b);
    result.hint = same_values_otherwise(a, b);
    return result;
  }
  if (a.length_elems > 0) BlockwiseComparison(a, b, lsb, result).run();
  if (result.verdict == Verdict::kDifferent) result.hint = same_values_otherwise(a, b);
  return result;
}

nlohmann::ordered_json to_json(const TensorComparison& difference) {
  nlohmann::ordered_json json{{"name", difference.name},
                              {"verdict", to_string(difference.verdict)},
                              {"identical", is_identical(difference.verdict)},
                              {"a", side_json(difference.a, difference.summary_a)},
                              {"b", side_json(difference.b, difference.summary_b)},
                              {"compared", difference.compared}};
  if (!difference.hint.empty()) json["hint"] = difference.hint;
  if (difference.compared == 0) return json;
  json["exact_matches"] = difference.matches;
  json["exact_match_percent"] =
      100.0 * static_cast<double>(difference.matches) / static_cast<double>(difference.compared);
  json["unordered"] = difference.unordered;
  json["max_absolute"] = difference.max_absolute;
  json["mean_absolute"] = difference.mean_absolute;
  json["max_relative"] = difference.max_relative;
  json["mean_relative"] = difference.mean_relative;
  json["step"] = difference.step;
  json["histogram"] = to_json(difference.histogram);
  nlohmann::ordered_json largest = nlohmann::ordered_json::array();
  for (const LargeDifference& item : difference.largest)
    largest.push_back({{"index", index_of(item.index, difference.a.shape)},
                       {"a", item.a},
                       {"b", item.b},
                       {"difference", item.a - item.b}});
  json["largest"] = std::move(largest);
  return json;
}

}  // namespace quasim::analysis
