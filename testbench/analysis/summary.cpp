#include "analysis/summary.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "analysis/decode.hpp"
#include "analysis/kernel.hpp"

namespace quasim::analysis {
namespace {

bool all_finite(const double* values, std::size_t count) {
  // x - x is 0 for finite x and NaN otherwise; the sum of such terms is 0 or NaN.
  std::array<double, kLanes> sums{};
  std::size_t i = 0;
  for (; i + kLanes <= count; i += kLanes)
    for (std::size_t j = 0; j < kLanes; ++j) sums[j] += values[i + j] - values[i + j];
  for (; i < count; ++i) sums[0] += values[i] - values[i];
  double total = 0;
  for (double sum : sums) total += sum;
  return total == 0;
}

}  // namespace

double Summary::std() const {
  return finite == 0 ? 0.0 : std::sqrt(squares / static_cast<double>(finite));
}

Summary Summary::of_constant(double value, std::uint64_t count) {
  return {count, 0, 0, value, value, value, 0};
}

void Summary::merge(const Summary& other) {
  nan += other.nan;
  infinite += other.infinite;
  if (other.finite == 0) return;
  if (finite == 0) {
    const std::uint64_t nan_total = nan, infinite_total = infinite;
    *this = other;
    nan = nan_total;
    infinite = infinite_total;
    return;
  }
  const auto mine = static_cast<double>(finite), theirs = static_cast<double>(other.finite);
  const double delta = other.mean - mean, total = mine + theirs;
  mean += delta * (theirs / total);
  squares += other.squares + delta * delta * (mine * theirs / total);
  min = std::min(min, other.min);
  max = std::max(max, other.max);
  finite += other.finite;
}

QUASIM_VECTOR_CLONES static Summary summarise_finite(const double* values, std::size_t count) {
  Summary summary;
  if (count == 0) return summary;
  const double shift = values[0];
  std::array<double, kLanes> sums{}, squares{}, lows{}, highs{};
  lows.fill(shift);
  highs.fill(shift);
  std::size_t i = 0;
  for (; i + kLanes <= count; i += kLanes)
    for (std::size_t j = 0; j < kLanes; ++j) {
      const double value = values[i + j], distance = value - shift;
      sums[j] += distance;
      squares[j] += distance * distance;
      lows[j] = value < lows[j] ? value : lows[j];
      highs[j] = value > highs[j] ? value : highs[j];
    }
  for (; i < count; ++i) {
    const double value = values[i], distance = value - shift;
    sums[0] += distance;
    squares[0] += distance * distance;
    lows[0] = value < lows[0] ? value : lows[0];
    highs[0] = value > highs[0] ? value : highs[0];
  }
  double sum = 0, square = 0;
  for (std::size_t j = 0; j < kLanes; ++j) {
    sum += sums[j];
    square += squares[j];
  }
  const auto elements = static_cast<double>(count);
  summary.finite = count;
  summary.mean = shift + sum / elements;
  summary.squares = std::max(0.0, square - sum * sum / elements);
  summary.min = *std::min_element(lows.begin(), lows.end());
  summary.max = *std::max_element(highs.begin(), highs.end());
  return summary;
}

Summary summarise(const double* values, std::size_t count) {
  if (all_finite(values, count)) return summarise_finite(values, count);
  std::array<double, kBlockElems> finite;
  std::size_t kept = 0;
  Summary summary;
  for (std::size_t i = 0; i < count; ++i) {
    if (std::isnan(values[i]))
      ++summary.nan;
    else if (std::isinf(values[i]))
      ++summary.infinite;
    else
      finite[kept++] = values[i];
  }
  summary.merge(summarise_finite(finite.data(), kept));
  return summary;
}

Summary summarise(const TensorView& view) {
  Summary summary;
  PageRelease pages(view);
  std::array<double, kBlockElems> block;
  for (std::size_t begin = 0; begin < view.length_elems; begin += kBlockElems) {
    const std::size_t count = std::min(kBlockElems, view.length_elems - begin);
    decode(view, begin, count, block.data());
    summary.merge(summarise(block.data(), count));
    pages.consumed(begin + count);
  }
  return summary;
}

nlohmann::ordered_json to_json(const Summary& summary) {
  nlohmann::ordered_json json;
  const double none = std::numeric_limits<double>::quiet_NaN();
  const bool any = summary.finite > 0;
  json["min"] = any ? summary.min : none;
  json["max"] = any ? summary.max : none;
  json["mean"] = any ? summary.mean : none;
  json["std"] = any ? summary.std() : none;
  if (summary.nan > 0) json["nan"] = summary.nan;
  if (summary.infinite > 0) json["infinite"] = summary.infinite;
  return json;
}

}  // namespace quasim::analysis
