#include <algorithm>
#include <map>
#include <set>

#include "compile/multiplier.hpp"

namespace quasim::compile {
namespace {

constexpr std::size_t kStartsTried = 96;
constexpr std::size_t kCrossingsTried = 400;

std::int64_t ceil_divide(std::int64_t a, std::int64_t b) {
  return a <= 0 ? 0 : (a + b - 1) / b;
}

/// The cheapest B for one slice at one M.
struct Choice {
  std::int64_t bias_word = 0;
  std::int64_t displaced = 0;
};

/// The search at one shift.
class ClosestSearch {
 public:
  ClosestSearch(const std::vector<SliceBounds>& bounds, const Datapath& datapath, int shift_bits)
      : limit_((std::int64_t{1} << datapath.mult_bits) - 1), datapath_(datapath), shift_bits_(shift_bits) {
    for (const SliceBounds& slice : bounds) intervals_.emplace_back(slice, shift_bits, datapath);
    centre_ = convex_minimum(0, limit_, [&](std::int64_t m) { return worst_gap(intervals_, m); });
    find_starts();
  }

  /// The M whose largest conflict is least fits below 2^mult_bits with room to spare.
  bool centre_fits() const { return centre_ < limit_; }
  /// No M at this shift displaces fewer points: every slice that it does not serve misses a bound.
  std::int64_t at_least() const { return at_least_; }

  ClosestMultiplier run() {
    std::set<std::int64_t> candidates = starts_;
    std::int64_t best = centre_, best_cost = cost(centre_);
    for (int round = 0; round < 3; ++round) {
      for (std::int64_t multiplier : candidates) {
        const std::int64_t found = cost(multiplier, best_cost);
        if (found < best_cost) {
          best = multiplier;
          best_cost = found;
        }
      }
      if (best_cost == at_least_) break;
      candidates = crossings_near(best);
    }
    ClosestMultiplier result;
    result.displaced_points = best_cost;
    result.multiplier.multiplier = static_cast<std::uint32_t>(best);
    result.multiplier.shift_bits = shift_bits_;
    for (const BiasInterval& interval : intervals_)
      result.multiplier.bias_words.push_back(choose(interval, best).bias_word);
    return result;
  }

 private:
  /// Ends of the M intervals of the slices, those that serve most slices first, and the most slices that any
  /// M serves.
  void find_starts() {
    std::map<std::int64_t, int> change;  // how many more slices are served from this M on
    for (const BiasInterval& interval : intervals_) {
      const auto gap = [&](std::int64_t m) { return interval.gap(m); };
      const std::int64_t widest = convex_minimum(0, limit_, gap);
      if (gap(widest) > 0) continue;
      change[first_true(0, widest, [&](std::int64_t m) { return gap(m) <= 0; })] += 1;
      if (gap(limit_) > 0)
        change[first_true(widest, limit_, [&](std::int64_t m) { return gap(m) > 0; })] -= 1;
    }
    std::vector<std::pair<int, std::int64_t>> served;
    int now = 0;
    for (const auto& [multiplier, delta] : change) {
      now += delta;
      served.emplace_back(-now, multiplier);
    }
    std::sort(served.begin(), served.end());
    at_least_ = static_cast<std::int64_t>(intervals_.size()) + (served.empty() ? 0 : served.front().first);
    starts_.insert(centre_);
    for (std::size_t i = 0; i < std::min(kStartsTried, served.size()); ++i) {
      starts_.insert(served[i].second);
      starts_.insert(std::max<std::int64_t>(served[i].second - 1, 0));
    }
  }

  /// Multipliers at which two bounds that conflict at `multiplier` stop or start to do so, nearest first.
  std::set<std::int64_t> crossings_near(std::int64_t multiplier) const {
    std::set<std::pair<std::int64_t, std::int64_t>> by_distance;
    for (const BiasInterval& interval : intervals_) {
      if (interval.gap(multiplier) <= 0) continue;
      const std::int64_t low = interval.low(multiplier), high = interval.high(multiplier);
      for (const Line& lower : interval.lower_lines()) {
        if (lower.at(multiplier) <= high) continue;
        for (const Line& upper : interval.upper_lines()) {
          if (upper.at(multiplier) >= low || lower.acc == upper.acc) continue;
          const std::int64_t crossing = (lower.offset - upper.offset) / (lower.acc - upper.acc);
          for (std::int64_t m = crossing - 1; m <= crossing + 1; ++m)
            if (m >= 0 && m <= limit_) by_distance.emplace(std::abs(m - multiplier), m);
        }
      }
    }
    std::set<std::int64_t> nearest;
    for (const auto& [distance, m] : by_distance) {
      if (nearest.size() >= kCrossingsTried) break;
      nearest.insert(m);
    }
    return nearest;
  }

  Choice choose(const BiasInterval& interval, std::int64_t multiplier) const {
    const std::int64_t low = interval.low(multiplier), high = interval.high(multiplier);
    if (low <= high) return {low + (high - low) / 2, 0};
    // The cost is piecewise constant; it changes only at bounds, and only those between high and low are in
    // conflict.
    std::vector<std::int64_t> lowers, uppers, candidates{low, high};
    for (const Line& line : interval.lower_lines())
      if (line.at(multiplier) > high) lowers.push_back(line.at(multiplier));
    for (const Line& line : interval.upper_lines())
      if (line.at(multiplier) < low) uppers.push_back(line.at(multiplier));
    candidates.insert(candidates.end(), lowers.begin(), lowers.end());
    candidates.insert(candidates.end(), uppers.begin(), uppers.end());
    const std::int64_t width = std::max<std::int64_t>(multiplier, 1);
    Choice best{0, INT64_MAX};
    for (std::int64_t candidate : candidates) {
      const std::int64_t word = spec::clamp_bits(candidate, datapath_.bias_bits);
      std::int64_t displaced = 0;
      for (std::int64_t bound : lowers) displaced += ceil_divide(bound - word, width);
      for (std::int64_t bound : uppers) displaced += ceil_divide(word - bound, width);
      if (displaced < best.displaced) best = {word, displaced};
    }
    return best;
  }

  /// Displaced points of all slices; stops counting at `enough`.
  std::int64_t cost(std::int64_t multiplier, std::int64_t enough = INT64_MAX) const {
    std::int64_t total = 0;
    for (const BiasInterval& interval : intervals_) {
      if (total >= enough) break;
      if (interval.gap(multiplier) > 0) total += choose(interval, multiplier).displaced;
    }
    return total;
  }

  std::int64_t limit_;
  Datapath datapath_;
  int shift_bits_;
  std::int64_t centre_ = 0;
  std::int64_t at_least_ = 0;
  std::vector<BiasInterval> intervals_;
  std::set<std::int64_t> starts_;
};

}  // namespace

ClosestMultiplier find_closest(const std::vector<SliceBounds>& bounds, const Datapath& datapath) {
  // A program at one shift is also one at the next wider shift, as long as 2M fits. So the two widest shifts
  // at which the best M fits hold all that narrower ones do; the bound is taken over every shift.
  ClosestMultiplier best;
  best.displaced_points = INT64_MAX;
  best.at_least = INT64_MAX;
  int searches_left = 2;
  for (int shift_bits = spec::kShiftMax; shift_bits >= 0; --shift_bits) {
    ClosestSearch search(bounds, datapath, shift_bits);
    best.at_least = std::min(best.at_least, search.at_least());
    const bool worth_a_search = searches_left > 0 && (search.centre_fits() || shift_bits == 0);
    if (!worth_a_search) continue;
    --searches_left;
    ClosestMultiplier found = search.run();
    if (found.displaced_points >= best.displaced_points) continue;
    found.at_least = best.at_least;
    best = std::move(found);
  }
  return best;
}

}  // namespace quasim::compile
