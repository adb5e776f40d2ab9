// The search for M, S and B: the smallest multiplier that reproduces a target's steps exactly, or the one
// that comes closest.
//
// For a fixed shift S every step of the target is a pair of inequalities in M and B: at the step's
// accumulator t the program must have reached the new level k, M*t + B >= threshold(k), and one accumulator
// earlier it must not, M*(t-1) + B < threshold(k). For one slice the M for which some B meets all of them
// form an interval (a convex set, projected); the M that serve every slice are the intersection of those
// intervals. A program for (S, M, B) equals the one for (S+1, 2M, 2B), so wider shifts only add.
#pragma once

#include <optional>

#include "compile/bias_interval.hpp"

namespace quasim::compile {

struct Multiplier {
  std::uint32_t multiplier = 0;          ///< M
  int shift_bits = 0;                    ///< S
  std::vector<std::int64_t> bias_words;  ///< B, one for each slice of the domain
};

/// The smallest M, over all S, for which every bound can be met; its B are the middles of their intervals.
/// None where no M below 2^mult_bits serves.
std::optional<Multiplier> find_exact(const std::vector<SliceBounds>& bounds, const Datapath& datapath);

struct ClosestMultiplier {
  Multiplier multiplier;
  /// Sum over all bounds of the accumulators by which the program misses them.
  std::int64_t displaced_points = 0;
  std::int64_t at_least = 0;  ///< proven: no M below 2^mult_bits displaces fewer points
};

/// The multiplier with the fewest displaced points that a search over the ends of the slices' M intervals and
/// the crossings of conflicting bounds finds. It is proven to be the best one where displaced_points equals
/// at_least.
ClosestMultiplier find_closest(const std::vector<SliceBounds>& bounds, const Datapath& datapath);

}  // namespace quasim::compile
