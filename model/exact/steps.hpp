// Step functions: an integer function of (bias, acc) held as the places where it changes. A few hundred
// numbers for each bias value stand for all of its accumulators, so whole domains can be stored and compared
// exactly.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

#include "exact/domain.hpp"

namespace quasim::exact {

/// From `acc` on, the value is `value`.
struct Step {
  std::int32_t acc = 0;
  std::int16_t value = 0;

  friend bool operator==(const Step& a, const Step& b) { return a.acc == b.acc && a.value == b.value; }
};

/// The function over one slice: never empty, first step at the slice's acc_min, ascending acc, neighbours
/// differ in value.
using SliceSteps = std::vector<Step>;

/// Appends a step unless the value stays the same.
void append_step(SliceSteps& steps, std::int32_t acc, int value);
/// Value at `acc`, which must not be below the first step.
int value_at(const SliceSteps& steps, std::int32_t acc);

/// One SliceSteps for each slice of a domain.
using StepFunction = std::vector<SliceSteps>;

/// What one implementation computes after the MAC. q exists where the dataflow has it.
struct StageSteps {
  std::optional<StepFunction> q;
  StepFunction out;
};

/// An implementation that is called point by point.
class PointSource {
 public:
  virtual ~PointSource() = default;
  virtual bool has_q() const = 0;
  /// False where the implementation says nothing about a slice; it then has no steps there.
  virtual bool covers(const Slice&) const { return true; }
  /// Results for acc_first, acc_first + 1, ... (`count` of them) at one slice's bias. `q` is written only
  /// where has_q().
  virtual void evaluate(const Slice& slice, std::int32_t acc_first, std::size_t count, std::int16_t* q,
                        std::int8_t* out) const = 0;
};

/// Calls the source for every point of the domain.
StageSteps enumerate(const PointSource& source, const Domain& domain);

/// Called for each maximal run of accumulators in which two functions keep one pair of different values.
using DifferenceVisitor = std::function<void(const Slice& slice, std::int32_t acc_first,
                                             std::int32_t acc_last, int value_a, int value_b)>;

/// How many points two functions were compared at, and in how many of them they differ.
struct PointCounts {
  std::int64_t points = 0;  ///< points of the slices that both functions cover
  std::int64_t differing = 0;
};

/// Visits every difference, in order of slice and acc. Both functions are over `domain`; slices that one of
/// them does not cover are skipped and not counted.
PointCounts compare(const StepFunction& a, const StepFunction& b, const Domain& domain,
                    const DifferenceVisitor& visit = {});

/// table[q] for every point; entry 0 is for q = q_min.
StepFunction map_values(const StepFunction& q, const std::vector<std::int8_t>& table, int q_min);

}  // namespace quasim::exact
