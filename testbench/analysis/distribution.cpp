#include "analysis/distribution.hpp"

#include <algorithm>
#include <array>
#include <cmath>

#include "analysis/decode.hpp"
#include "analysis/kernel.hpp"
#include "analysis/order_statistics.hpp"
#include "spec/contract.hpp"
#include "spec/error.hpp"

namespace quasim::analysis {
namespace {

constexpr double kMildRanges = 1.5, kExtremeRanges = 3.0;
constexpr std::array<double, 6> kRangeEnds{0.01, 0.10, 0.25, 0.50, 0.75, 1.0};

struct Fences {
  double low, high;
};

struct Signs {
  std::uint64_t positive = 0, negative = 0;
};

template <class Visit>
void for_each_block(const TensorView& view, Visit visit) {
  PageRelease pages(view);
  std::array<double, kBlockElems> block;
  for (std::size_t begin = 0; begin < view.length_elems; begin += kBlockElems) {
    const std::size_t count = std::min(kBlockElems, view.length_elems - begin);
    decode(view, begin, count, block.data());
    visit(begin, block.data(), count);
    pages.consumed(begin + count);
  }
}

/// The finite elements of largest magnitude; elements are offered in rising index order.
class LargestMagnitudes {
 public:
  bool wants(double magnitude) const { return kept_.size() < kExtremesListed || magnitude > bar_; }
  void offer(std::size_t index, double value) {
    if (!std::isfinite(value) || !wants(std::fabs(value))) return;
    const Extreme item{index, value};
    const auto larger = [](const Extreme& a, const Extreme& b) {
      return std::fabs(a.value) > std::fabs(b.value);
    };
    kept_.insert(std::upper_bound(kept_.begin(), kept_.end(), item, larger), item);
    if (kept_.size() > kExtremesListed) kept_.pop_back();
    bar_ = std::fabs(kept_.back().value);
  }
  std::vector<Extreme> take() { return std::move(kept_); }

 private:
  std::vector<Extreme> kept_;
  double bar_ = 0;
};

/// Largest magnitude of each channel, fed by blocks in order.
class ChannelMaxima {
 public:
  explicit ChannelMaxima(const std::vector<std::size_t>& shape) {
    if (shape.size() != 2 && shape.size() != 3) return;
    maxima_.resize(shape[shape.size() - 2]);
    inner_ = shape.back();
  }
  void add(std::size_t begin, const double* values, std::size_t count) {
    if (maxima_.empty()) return;
    for (std::size_t i = 0; i < count;) {
      const std::size_t row = (begin + i) / inner_, row_end = std::min(count, (row + 1) * inner_ - begin);
      double& maximum = maxima_[row % maxima_.size()];
      for (; i < row_end; ++i)
        if (std::isfinite(values[i])) maximum = std::max(maximum, std::fabs(values[i]));
    }
  }
  std::vector<double> take() { return std::move(maxima_); }

 private:
  std::vector<double> maxima_;
  std::size_t inner_ = 0;
};

}  // namespace

QUASIM_VECTOR_CLONES static Signs count_signs(const double* values, std::size_t count) {
  Signs signs;
  for (std::size_t i = 0; i < count; ++i) {
    signs.positive += ((values[i] > 0) & (values[i] < HUGE_VAL)) != 0 ? 1U : 0U;
    signs.negative += ((values[i] < 0) & (values[i] > -HUGE_VAL)) != 0 ? 1U : 0U;
  }
  return signs;
}

QUASIM_VECTOR_CLONES static std::uint64_t count_outside(const double* values, std::size_t count,
                                                        Fences fences) {
  std::uint64_t outside = 0;
  for (std::size_t i = 0; i < count; ++i)
    outside +=
        (std::fabs(values[i]) < HUGE_VAL) & ((values[i] < fences.low) | (values[i] > fences.high)) ? 1U : 0U;
  return outside;
}

QUASIM_VECTOR_CLONES static std::uint64_t count_up_to(const double* values, std::size_t count,
                                                      double magnitude) {
  std::uint64_t inside = 0;
  for (std::size_t i = 0; i < count; ++i) inside += std::fabs(values[i]) <= magnitude ? 1U : 0U;
  return inside;
}

namespace {

void first_pass(const TensorView& view, Distribution& result) {
  LargestMagnitudes largest;
  ChannelMaxima channels(view.shape);
  for_each_block(view, [&](std::size_t begin, const double* values, std::size_t count) {
    const Summary summary = summarise(values, count);
    result.summary.merge(summary);
    const Signs signs = count_signs(values, count);
    result.positive += signs.positive;
    result.negative += signs.negative;
    channels.add(begin, values, count);
    if (largest.wants(std::max(std::fabs(summary.min), std::fabs(summary.max))))
      for (std::size_t i = 0; i < count; ++i) largest.offer(begin + i, values[i]);
  });
  result.largest = largest.take();
  result.channel_maxima = channels.take();
}

void last_pass(const TensorView& view, Distribution& result) {
  const double spread = result.upper_quartile - result.lower_quartile;
  const auto fences = [&](double ranges) {
    return Fences{result.lower_quartile - ranges * spread, result.upper_quartile + ranges * spread};
  };
  const Fences mild = fences(kMildRanges), extreme = fences(kExtremeRanges);
  const double maximum = result.absolute_max();
  std::array<std::uint64_t, kRangeEnds.size()> up_to{};
  std::uint64_t beyond_mild = 0;
  for_each_block(view, [&](std::size_t, const double* values, std::size_t count) {
    beyond_mild += count_outside(values, count, mild);
    result.extreme += count_outside(values, count, extreme);
    for (std::size_t r = 0; r < up_to.size(); ++r)
      up_to[r] += count_up_to(values, count, kRangeEnds[r] * maximum);
  });
  result.mild = beyond_mild - result.extreme;
  for (std::size_t r = 0; r < up_to.size(); ++r)
    result.ranges.push_back(
        {r == 0 ? 0.0 : kRangeEnds[r - 1], kRangeEnds[r], up_to[r] - (r == 0 ? 0 : up_to[r - 1])});
}

}  // namespace

double Distribution::absolute_max() const {
  return std::max(std::fabs(summary.min), std::fabs(summary.max));
}

Distribution analyse(const TensorView& view) {
  if (view.length_elems == 0)
    throw InputError(view.name + ": expected at least one element; the tensor is empty");
  Distribution result;
  result.tensor = view;
  first_pass(view, result);
  const std::uint64_t elements = result.summary.finite;
  if (elements == 0) throw InputError(view.name + ": expected at least one finite value; there is none");
  result.zero = elements - result.positive - result.negative;

  const std::vector<double> quartiles = percentiles(view, OrderBy::kValue, elements, {25, 50, 75});
  result.lower_quartile = quartiles[0];
  result.median = quartiles[1];
  result.upper_quartile = quartiles[2];
  result.magnitude_percentiles = percentiles(view, OrderBy::kMagnitude, elements, kPercents);
  last_pass(view, result);

  const auto clip_position = std::find(kPercents.begin(), kPercents.end(), kClipPercent) - kPercents.begin();
  const double clip = result.magnitude_percentiles[static_cast<std::size_t>(clip_position)];
  if (clip > 0 && result.absolute_max() / clip > kClipRatio)
    result.clip = ClipSuggestion{result.absolute_max() / clip, clip,
                                 clip / static_cast<double>(spec::max_of_bits(spec::kSampleBits)),
                                 view.dtype != DType::kFloat16 && view.dtype != DType::kFloat32};
  return result;
}

nlohmann::ordered_json to_json(const Distribution& distribution) {
  const TensorView& tensor = distribution.tensor;
  nlohmann::ordered_json json{{"name", tensor.name},
                              {"dtype", to_string(tensor.dtype)},
                              {"shape", tensor.shape},
                              {"elements", tensor.length_elems}};
  json.update(to_json(distribution.summary));
  json["median"] = distribution.median;
  json["quartiles"] = {distribution.lower_quartile, distribution.upper_quartile};
  json["magnitude_percentiles"] = nlohmann::ordered_json::array();
  for (std::size_t i = 0; i < kPercents.size(); ++i)
    json["magnitude_percentiles"].push_back({kPercents[i], distribution.magnitude_percentiles[i]});
  json["outliers"] = {{"mild", distribution.mild}, {"extreme", distribution.extreme}};
  json["signs"] = {
      {"positive", distribution.positive}, {"negative", distribution.negative}, {"zero", distribution.zero}};
  json["ranges"] = nlohmann::ordered_json::array();
  for (const RangeShare& range : distribution.ranges)
    json["ranges"].push_back({{"from", range.from}, {"to", range.to}, {"count", range.count}});
  json["largest"] = nlohmann::ordered_json::array();
  for (const Extreme& item : distribution.largest)
    json["largest"].push_back({{"index", index_of(item.index, tensor.shape)}, {"value", item.value}});
  json["channel_maxima"] = distribution.channel_maxima;
  if (distribution.clip)
    json["clip"] = {{"ratio", distribution.clip->ratio},
                    {"value", distribution.clip->clip},
                    {"scale", distribution.clip->scale},
                    {"scale_of", distribution.clip->of_present ? "present scale" : "absolute"}};
  return json;
}

}  // namespace quasim::analysis
