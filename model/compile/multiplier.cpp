#include "compile/multiplier.hpp"

namespace quasim::compile {

std::optional<Multiplier> find_exact(const std::vector<SliceBounds>& bounds, const Datapath& datapath) {
  std::int64_t largest = (std::int64_t{1} << datapath.mult_bits) - 1;
  std::optional<Multiplier> best;
  for (int shift_bits = 0; shift_bits <= spec::kShiftMax && largest >= 0; ++shift_bits) {
    std::vector<BiasInterval> intervals;
    for (const SliceBounds& slice : bounds) intervals.emplace_back(slice, shift_bits, datapath);
    const auto gap = [&](std::int64_t multiplier) { return worst_gap(intervals, multiplier); };
    const std::int64_t widest = convex_minimum(0, largest, gap);
    if (gap(widest) > 0) continue;
    const std::int64_t multiplier = first_true(0, widest, [&](std::int64_t m) { return gap(m) <= 0; });
    best = Multiplier{static_cast<std::uint32_t>(multiplier), shift_bits, {}};
    for (const BiasInterval& interval : intervals) {
      const std::int64_t low = interval.low(multiplier);
      best->bias_words.push_back(low + (interval.high(multiplier) - low) / 2);
    }
    largest = multiplier - 1;
  }
  return best;
}

}  // namespace quasim::compile
