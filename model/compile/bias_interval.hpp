// For one slice and one shift: the interval of bias words that each multiplier leaves.
#pragma once

#include <cstdint>
#include <vector>

#include "compile/levels.hpp"

namespace quasim::compile {

/// What is fixed before a search.
struct Datapath {
  int conv_bits = spec::kConvBitsDefault;
  Rounding rounding = Rounding::kHalfEven;
  int mult_bits = spec::kMultBitsMax;  ///< M is below 2^mult_bits
  int bias_bits = spec::kBiasBitsMax;
};

/// A bound on B that is linear in M: offset - M*acc.
struct Line {
  std::int64_t acc;
  std::int64_t offset;

  std::int64_t at(std::int64_t multiplier) const { return offset - multiplier * acc; }
};

class BiasInterval {
 public:
  BiasInterval(const SliceBounds& bounds, int shift_bits, const Datapath& datapath);

  /// Least and greatest B that meet every bound at this M; low > high where there is none.
  std::int64_t low(std::int64_t multiplier) const { return greatest(low_envelope_, multiplier, low_limit_); }
  std::int64_t high(std::int64_t multiplier) const {
    return -greatest(negated_high_envelope_, multiplier, -high_limit_);
  }
  /// low - high: convex in M, and not above 0 exactly where a B exists.
  std::int64_t gap(std::int64_t multiplier) const { return low(multiplier) - high(multiplier); }

  /// Every bound: B >= line, and B <= line.
  const std::vector<Line>& lower_lines() const { return lower_lines_; }
  const std::vector<Line>& upper_lines() const { return upper_lines_; }

 private:
  static std::int64_t greatest(const std::vector<Line>& lines, std::int64_t multiplier, std::int64_t start);

  std::vector<Line> lower_lines_, upper_lines_;
  std::vector<Line> low_envelope_, negated_high_envelope_;  // the lines that are extreme for some M
  std::int64_t low_limit_, high_limit_;
};

/// The largest gap of all slices; convex in M, and not above 0 exactly where this M serves all of them.
std::int64_t worst_gap(const std::vector<BiasInterval>& intervals, std::int64_t multiplier);

/// Least argument in [low, high] at which a convex function of an integer is least.
template <class Function>
std::int64_t convex_minimum(std::int64_t low, std::int64_t high, const Function& function) {
  while (low < high) {
    const std::int64_t middle = low + (high - low) / 2;
    if (function(middle) <= function(middle + 1))
      high = middle;
    else
      low = middle + 1;
  }
  return low;
}

/// First argument in [low, high] from which on `holds` is true; high where it is nowhere true before.
template <class Predicate>
std::int64_t first_true(std::int64_t low, std::int64_t high, const Predicate& holds) {
  while (low < high) {
    const std::int64_t middle = low + (high - low) / 2;
    if (holds(middle))
      high = middle;
    else
      low = middle + 1;
  }
  return low;
}

}  // namespace quasim::compile
