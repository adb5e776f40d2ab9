// What a target's steps demand of a program: at which accumulators q must have reached a level, and where it
// must not yet.
#pragma once

#include <cstdint>
#include <vector>

#include "exact/steps.hpp"

namespace quasim::compile {

/// Neighbouring q that a search may exchange for one another: none, or those with equal table entries. With
/// every q on its own a program must equal the target in q and out; with the runs of a table, in out.
class LevelRuns {
 public:
  explicit LevelRuns(int conv_bits);
  LevelRuns(int conv_bits, const std::vector<std::int8_t>& table);

  int first(int q) const { return first_[index(q)]; }  ///< least q of the run
  int last(int q) const { return last_[index(q)]; }    ///< greatest q of the run

 private:
  std::size_t index(int q) const { return static_cast<std::size_t>(q - q_min_); }
  int q_min_;
  std::vector<int> first_, last_;
};

/// The target needs q(acc) >= level, or q(acc) <= level.
struct Bound {
  std::int32_t acc;
  std::int32_t level;
};

/// Each list in ascending acc.
struct SliceBounds {
  std::vector<Bound> at_least;
  std::vector<Bound> at_most;
};

/// One entry a slice. The target must be non-decreasing in acc.
std::vector<SliceBounds> bounds_of(const exact::StepFunction& q, const exact::Domain& domain, int conv_bits,
                                   const LevelRuns& runs);

/// Smallest p with round_shift(p, shift_bits) >= level.
std::int64_t level_threshold(std::int64_t level, int shift_bits, Rounding rounding);

/// True where the target's q decreases from one accumulator to the next; no multiplier can follow that.
bool falls_somewhere(const exact::StepFunction& q);

}  // namespace quasim::compile
