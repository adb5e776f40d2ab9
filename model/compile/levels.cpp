#include "compile/levels.hpp"

namespace quasim::compile {
namespace {

SliceBounds slice_bounds(const exact::Slice& slice, const exact::SliceSteps& steps, int conv_bits,
                         const LevelRuns& runs) {
  SliceBounds bounds;
  const int start = runs.first(steps.front().value), end = runs.last(steps.back().value);
  if (start > spec::min_of_bits(conv_bits)) bounds.at_least.push_back({steps.front().acc, start});
  for (std::size_t i = 1; i < steps.size(); ++i) {
    const int before = runs.last(steps[i - 1].value), after = runs.first(steps[i].value);
    if (after <= before) continue;  // within one run
    bounds.at_most.push_back({steps[i].acc - 1, before});
    bounds.at_least.push_back({steps[i].acc, after});
  }
  if (end < spec::max_of_bits(conv_bits)) bounds.at_most.push_back({slice.acc_max, end});
  return bounds;
}

}  // namespace

LevelRuns::LevelRuns(int conv_bits) : q_min_(static_cast<int>(spec::min_of_bits(conv_bits))) {
  for (int q = q_min_; q <= spec::max_of_bits(conv_bits); ++q) first_.push_back(q);
  last_ = first_;
}

LevelRuns::LevelRuns(int conv_bits, const std::vector<std::int8_t>& table) : LevelRuns(conv_bits) {
  for (std::size_t i = 1; i < table.size(); ++i)
    if (table[i] == table[i - 1]) first_[i] = first_[i - 1];
  for (std::size_t i = table.size() - 1; i > 0; --i)
    if (table[i] == table[i - 1]) last_[i - 1] = last_[i];
}

std::vector<SliceBounds> bounds_of(const exact::StepFunction& q, const exact::Domain& domain, int conv_bits,
                                   const LevelRuns& runs) {
  std::vector<SliceBounds> bounds;
  for (std::size_t s = 0; s < domain.slices.size(); ++s)
    bounds.push_back(slice_bounds(domain.slices[s], q[s], conv_bits, runs));
  return bounds;
}

std::int64_t level_threshold(std::int64_t level, int shift_bits, Rounding rounding) {
  if (shift_bits == 0) return level;
  const bool tie_goes_up = rounding == Rounding::kHalfEven ? level % 2 == 0 : level > 0;
  return (2 * level - 1) * (std::int64_t{1} << (shift_bits - 1)) + (tie_goes_up ? 0 : 1);
}

bool falls_somewhere(const exact::StepFunction& q) {
  for (const exact::SliceSteps& steps : q)
    for (std::size_t i = 1; i < steps.size(); ++i)
      if (steps[i].value < steps[i - 1].value) return true;
  return false;
}

}  // namespace quasim::compile
