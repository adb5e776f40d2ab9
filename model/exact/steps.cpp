#include "exact/steps.hpp"

#include <algorithm>
#include <array>
#include <cstring>

namespace quasim::exact {
namespace {

constexpr std::int64_t kBlockElems = 4096;

/// Appends the steps of `count` consecutive values. Runs are long, so whole words are compared at a time.
template <class T>
void append_values(SliceSteps& steps, std::int32_t acc_first, const T* values, std::size_t count) {
  constexpr std::size_t kChunk = 64;
  std::size_t i = 0;
  if (steps.empty()) append_step(steps, acc_first, values[i]);
  while (i < count) {
    const T current = static_cast<T>(steps.back().value);
    if (i + kChunk <= count) {
      T changed = 0;
      for (std::size_t j = 0; j < kChunk; ++j) changed = static_cast<T>(changed | (values[i + j] ^ current));
      if (changed == 0) {
        i += kChunk;
        continue;
      }
    }
    const std::size_t end = std::min(count, i + kChunk);
    for (; i < end; ++i) append_step(steps, acc_first + static_cast<std::int32_t>(i), values[i]);
  }
}

}  // namespace

void append_step(SliceSteps& steps, std::int32_t acc, int value) {
  if (steps.empty() || steps.back().value != value) steps.push_back({acc, static_cast<std::int16_t>(value)});
}

int value_at(const SliceSteps& steps, std::int32_t acc) {
  const auto after =
      std::upper_bound(steps.begin(), steps.end(), acc,
                       [](std::int32_t wanted, const Step& step) { return wanted < step.acc; });
  return std::prev(after)->value;
}

StageSteps enumerate(const PointSource& source, const Domain& domain) {
  StageSteps steps;
  if (source.has_q()) steps.q.emplace();
  std::array<std::int16_t, kBlockElems> q{};
  std::array<std::int8_t, kBlockElems> out{};
  for (const Slice& slice : domain.slices) {
    SliceSteps q_steps, out_steps;
    const std::int64_t last = source.covers(slice) ? slice.acc_max : std::int64_t{slice.acc_min} - 1;
    for (std::int64_t acc = slice.acc_min; acc <= last; acc += kBlockElems) {
      const auto first = static_cast<std::int32_t>(acc);
      const auto count = static_cast<std::size_t>(std::min(kBlockElems, last - acc + 1));
      source.evaluate(slice, first, count, q.data(), out.data());
      if (steps.q) append_values(q_steps, first, q.data(), count);
      append_values(out_steps, first, out.data(), count);
    }
    if (steps.q) steps.q->push_back(std::move(q_steps));
    steps.out.push_back(std::move(out_steps));
  }
  return steps;
}

PointCounts compare(const StepFunction& a, const StepFunction& b, const Domain& domain,
                    const DifferenceVisitor& visit) {
  PointCounts result;
  for (std::size_t s = 0; s < domain.slices.size(); ++s) {
    const SliceSteps &steps_a = a[s], &steps_b = b[s];
    if (steps_a.empty() || steps_b.empty()) continue;
    const Slice& slice = domain.slices[s];
    result.points += slice.points();
    std::size_t i = 0, j = 0;
    std::int64_t acc = slice.acc_min;
    while (acc <= slice.acc_max) {
      const std::int64_t end_a =
          i + 1 < steps_a.size() ? steps_a[i + 1].acc : std::int64_t{slice.acc_max} + 1;
      const std::int64_t end_b =
          j + 1 < steps_b.size() ? steps_b[j + 1].acc : std::int64_t{slice.acc_max} + 1;
      const std::int64_t end = std::min(end_a, end_b);
      if (steps_a[i].value != steps_b[j].value) {
        result.differing += end - acc;
        if (visit)
          visit(slice, static_cast<std::int32_t>(acc), static_cast<std::int32_t>(end - 1), steps_a[i].value,
                steps_b[j].value);
      }
      if (end_a == end) ++i;
      if (end_b == end) ++j;
      acc = end;
    }
  }
  return result;
}

StepFunction map_values(const StepFunction& q, const std::vector<std::int8_t>& table, int q_min) {
  StepFunction mapped;
  for (const SliceSteps& steps : q) {
    SliceSteps slice;
    for (const Step& step : steps)
      append_step(slice, step.acc, table[static_cast<std::size_t>(step.value - q_min)]);
    mapped.push_back(std::move(slice));
  }
  return mapped;
}

}  // namespace quasim::exact
