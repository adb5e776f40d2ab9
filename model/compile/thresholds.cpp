#include "compile/thresholds.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace quasim::compile {

/// T[to] - T[from] <= M*accs - slack. `upper` and `lower` are the slices it comes from; none for the order of
/// the thresholds themselves.
struct ThresholdSystem::Constraint {
  std::size_t from, to;
  std::int64_t accs;
  std::int64_t slack;
  std::ptrdiff_t slice;

  std::int64_t limit(std::int64_t multiplier) const { return multiplier * accs - slack; }
};

namespace {

constexpr std::int64_t kFullResolution = std::int64_t{1} << 22;
constexpr std::ptrdiff_t kNone = -1;

/// Lowers `values` until every difference holds. Where none can, the indices of a negative cycle.
template <class Constraints>
std::vector<std::size_t> lower_until_held(const Constraints& constraints, std::int64_t multiplier,
                                          std::vector<std::int64_t>& values) {
  std::vector<std::ptrdiff_t> cause(values.size(), kNone);
  std::ptrdiff_t changed = kNone;
  for (std::size_t round = 0; round <= values.size(); ++round) {
    changed = kNone;
    for (std::size_t i = 0; i < constraints.size(); ++i) {
      const auto& d = constraints[i];
      const std::int64_t limit = values[d.from] + d.limit(multiplier);
      if (limit >= values[d.to]) continue;
      values[d.to] = limit;
      cause[d.to] = static_cast<std::ptrdiff_t>(i);
      changed = static_cast<std::ptrdiff_t>(d.to);
    }
    if (changed == kNone) return {};
  }
  // As many steps back as there are values end inside a cycle.
  auto at = static_cast<std::size_t>(changed);
  for (std::size_t i = 0; i < values.size(); ++i) at = constraints[static_cast<std::size_t>(cause[at])].from;
  std::vector<std::size_t> cycle;
  const std::size_t start = at;
  do {
    cycle.push_back(static_cast<std::size_t>(cause[at]));
    at = constraints[cycle.back()].from;
  } while (at != start);
  return cycle;
}

/// Raises `values` until every difference holds; only where a solution exists.
template <class Constraints>
void raise_until_held(const Constraints& constraints, std::int64_t multiplier,
                      std::vector<std::int64_t>& values) {
  for (bool changed = true; changed;) {
    changed = false;
    for (const auto& d : constraints) {
      const std::int64_t limit = values[d.to] - d.limit(multiplier);
      if (limit <= values[d.from]) continue;
      values[d.from] = limit;
      changed = true;
    }
  }
}

std::int64_t ceil_div(std::int64_t a, std::int64_t b) {
  return a > 0 ? (a - 1) / b + 1 : -(-a / b);
}

std::int64_t floor_half(std::int64_t sum) {
  return sum >= 0 ? sum / 2 : -((1 - sum) / 2);
}

}  // namespace

ThresholdSystem::ThresholdSystem(const LayerParams& layer, const exact::Domain& domain,
                                 const RankLadder& ladder)
    : layer_(layer),
      domain_(domain),
      ladder_(ladder),
      count_(static_cast<std::size_t>(ladder.highest)),
      real_(real_thresholds(layer, ladder.turn, ladder.highest)) {
  for (std::size_t s = 0; s < ladder.slices.size(); ++s) {
    double largest = 0;
    const double shift = bias_shift(layer, domain.slices[s].bias);
    for (const RankRun& run : ladder.slices[s])
      if (run.rank > 0 && run.first > domain.slices[s].acc_min)
        largest =
            std::max(largest, std::abs(run.first + shift - real_[static_cast<std::size_t>(run.rank) - 1]));
    distance_.push_back(largest);
  }
}

std::vector<ThresholdSystem::Constraint> ThresholdSystem::constraints(const Slices& left_out,
                                                                      bool forced_only) const {
  constexpr std::int32_t kNever = std::numeric_limits<std::int32_t>::max();
  struct Nearest {
    std::int32_t accs = kNever;
    std::ptrdiff_t slice = kNone;
  };
  std::vector<Nearest> nearest(count_ * count_);
  for (std::size_t s = 0; s < ladder_.slices.size(); ++s) {
    if (left_out[s]) continue;
    for (const RankRun& upper : ladder_.slices[s]) {
      const auto to = static_cast<std::size_t>(upper.rank) - 1;  // reached at upper.first
      if (upper.rank == 0 || (forced_only && upper.chosen)) continue;
      for (const RankRun& lower : ladder_.slices[s]) {
        const auto from = static_cast<std::size_t>(lower.rank);  // not yet reached at lower.last
        if (from == count_ || from == to || (forced_only && lower.chosen)) continue;
        Nearest& entry = nearest[to * count_ + from];
        const std::int32_t accs = upper.first - lower.last;
        if (accs < entry.accs) entry = {accs, static_cast<std::ptrdiff_t>(s)};
      }
    }
  }
  std::vector<Constraint> list;
  for (std::size_t from = 0; from < count_; ++from)
    for (std::size_t to = 0; to < count_; ++to)
      if (const Nearest& entry = nearest[to * count_ + from]; entry.accs != kNever)
        list.push_back({from, to, entry.accs, 1, entry.slice});
  for (std::size_t k = 0; k + 1 < count_; ++k) list.push_back({k + 1, k, 0, 0, kNone});
  return list;
}

std::vector<std::int64_t> ThresholdSystem::wanted(std::int64_t multiplier, Near near) const {
  std::vector<std::int64_t> values;
  if (near == Near::kEven) {
    const std::int64_t positions = std::int64_t{1} << spec::kThresholdBits;
    const std::int64_t distance = std::min(positions / static_cast<std::int64_t>(count_ + 1),
                                           (std::int64_t{1} << (spec::kFarBits - 1)) - 1);
    for (std::size_t k = 0; k < count_; ++k) values.push_back(static_cast<std::int64_t>(k + 1) * distance);
    return values;
  }
  for (const double threshold : real_)
    values.push_back(std::llround(std::clamp(threshold * static_cast<double>(multiplier), -0x1p50, 0x1p50)));
  return values;
}

ThresholdSystem::Solution ThresholdSystem::solve(std::int64_t multiplier, Near near) const {
  Solution solution;
  Slices left_out(ladder_.slices.size());
  for (;;) {
    const std::vector<Constraint> list = constraints(left_out, false);
    std::vector<std::int64_t> lowered = wanted(multiplier, near), raised = lowered;
    const std::vector<std::size_t> cycle = lower_until_held(list, multiplier, lowered);
    if (cycle.empty()) {
      raise_until_held(list, multiplier, raised);
      // Half way between two solutions lies one, floors included, because the limits are integers.
      for (std::size_t k = 0; k < count_; ++k)
        solution.thresholds.push_back(floor_half(lowered[k] + raised[k]));
      break;
    }
    std::ptrdiff_t farthest = kNone;
    for (const std::size_t i : cycle) {
      const std::ptrdiff_t s = list[i].slice;
      if (s == kNone) continue;
      if (farthest == kNone ||
          distance_[static_cast<std::size_t>(s)] > distance_[static_cast<std::size_t>(farthest)])
        farthest = s;
    }
    left_out[static_cast<std::size_t>(farthest)] = true;
  }
  for (std::size_t s = 0; s < ladder_.slices.size(); ++s)
    solution.bias_words.push_back(word_of(s, solution.thresholds, multiplier, near));
  return solution;
}

std::int64_t ThresholdSystem::differing(const Solution& solution, std::int64_t multiplier) const {
  std::int64_t points = 0;
  for (std::size_t s = 0; s < ladder_.slices.size(); ++s) {
    // The first accumulator at which p reaches a threshold.
    const auto reached = [&](std::size_t k) {
      return ceil_div(solution.thresholds[k] - solution.bias_words[s], multiplier);
    };
    for (const RankRun& run : ladder_.slices[s]) {
      const auto rank = static_cast<std::size_t>(run.rank);
      const std::int64_t first = rank > 0 ? std::max<std::int64_t>(run.first, reached(rank - 1)) : run.first;
      const std::int64_t last =
          rank < count_ ? std::min<std::int64_t>(run.last, reached(rank) - 1) : run.last;
      points += run.last - run.first + 1 - std::max<std::int64_t>(last - first + 1, 0);
    }
  }
  return points;
}

std::int64_t ThresholdSystem::word_of(std::size_t slice, const std::vector<std::int64_t>& thresholds,
                                      std::int64_t multiplier, Near near) const {
  // Each step of the slice leaves B an interval. Where they have nothing in common, the median of all ends
  // has the least distance to them.
  std::vector<std::int64_t> ends;
  std::int64_t least = std::numeric_limits<std::int64_t>::min(), largest = -(least + 1);
  for (const RankRun& run : ladder_.slices[slice]) {
    if (run.rank > 0) {
      ends.push_back(thresholds[static_cast<std::size_t>(run.rank) - 1] - multiplier * run.first);
      least = std::max(least, ends.back());
    }
    if (static_cast<std::size_t>(run.rank) < count_) {
      ends.push_back(thresholds[static_cast<std::size_t>(run.rank)] - 1 - multiplier * run.last);
      largest = std::min(largest, ends.back());
    }
  }
  const double shift = bias_shift(layer_, domain_.slices[slice].bias) * static_cast<double>(multiplier);
  const std::int64_t own = near == Near::kEven ? 0 : std::llround(std::clamp(shift, -0x1p50, 0x1p50));
  if (least <= largest) {
    const bool both = least > std::numeric_limits<std::int64_t>::min() &&
                      largest < std::numeric_limits<std::int64_t>::max();
    return both ? least + (largest - least) / 2 : std::clamp(own, least, largest);
  }
  std::nth_element(ends.begin(), ends.begin() + static_cast<std::ptrdiff_t>(ends.size() / 2), ends.end());
  return ends[ends.size() / 2];
}

std::optional<std::int64_t> ThresholdSystem::least_multiplier() const {
  if (std::find(ladder_.falls.begin(), ladder_.falls.end(), true) != ladder_.falls.end()) return std::nullopt;
  const std::vector<Constraint> list = constraints(Slices(ladder_.slices.size()), false);
  const auto serves = [&](std::int64_t multiplier) {
    std::vector<std::int64_t> values(count_, 0);
    return lower_until_held(list, multiplier, values).empty();
  };
  if (!serves(kFullResolution)) return std::nullopt;
  std::int64_t low = 1, high = kFullResolution;
  while (low < high) {
    const std::int64_t middle = low + (high - low) / 2;
    if (serves(middle))
      high = middle;
    else
      low = middle + 1;
  }
  return low;
}

std::int64_t ThresholdSystem::differing_at_least() const {
  std::int64_t points = 0;
  Slices left_out = ladder_.falls;
  for (const bool falls : ladder_.falls) points += falls ? 1 : 0;
  for (;;) {
    const std::vector<Constraint> list = constraints(left_out, true);
    std::vector<std::int64_t> values(count_, 0);
    // A cycle is negative at every multiplier when its accumulators do not add up to more than 0; at full
    // resolution the slacks of a simple cycle cannot make another one negative.
    const std::vector<std::size_t> cycle = lower_until_held(list, kFullResolution, values);
    if (cycle.empty()) return points;
    for (const std::size_t i : cycle)
      if (list[i].slice != kNone) left_out[static_cast<std::size_t>(list[i].slice)] = true;
    ++points;
  }
}

}  // namespace quasim::compile
