// The threshold list of a fused program: free integers T, and for each slice a bias word B, with rank r
// reached exactly where the target reaches it.
//
// p = M*acc + B passes T_k between accumulators u and a = u + 1 exactly when M*u + B < T_k <= M*a + B. Of two
// such conditions of one slice B drops out: T_k - T_l <= M*(a_k - u_l) - 1. These differences, over all
// slices, have a solution exactly when no cycle of them is negative, which Bellman-Ford decides; every B then
// has an interval of its own.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "compile/rank_ladder.hpp"

namespace quasim::compile {

class ThresholdSystem {
 public:
  /// `domain` and `ladder` must outlive it.
  ThresholdSystem(const LayerParams& layer, const exact::Domain& domain, const RankLadder& ladder);

  struct Solution {
    std::vector<std::int64_t> thresholds;  ///< ascending
    std::vector<std::int64_t> bias_words;  ///< one for each slice
  };

  enum class Near {
    kSilu,  ///< to SiLU's own
    kEven,  ///< evenly spread: where the domain shows few of SiLU's steps, its own may be too far apart
  };
  /// The thresholds nearest to those at this multiplier. Of slices that
  /// contradict each other the one is left out whose steps lie farthest from SiLU's own.
  Solution solve(std::int64_t multiplier, Near near) const;
  /// How many points of the domain differ from the target.
  std::int64_t differing(const Solution& solution, std::int64_t multiplier) const;
  /// The least multiplier at which every slice is served; none where no multiplier does that.
  std::optional<std::int64_t> least_multiplier() const;
  /// Proven: whatever the multiplier, at least so many points differ. Each cycle that is negative at every
  /// multiplier costs one, and no two of those counted share a slice.
  std::int64_t differing_at_least() const;

 private:
  struct Constraint;
  using Slices = std::vector<bool>;

  std::vector<Constraint> constraints(const Slices& left_out, bool forced_only) const;
  std::vector<std::int64_t> wanted(std::int64_t multiplier, Near near) const;
  std::int64_t word_of(std::size_t slice, const std::vector<std::int64_t>& thresholds,
                       std::int64_t multiplier, Near near) const;

  const LayerParams& layer_;
  const exact::Domain& domain_;
  const RankLadder& ladder_;
  std::size_t count_;  ///< thresholds
  std::vector<double> real_;
  std::vector<double> distance_;  ///< of each slice's steps from SiLU's own, the largest, in accumulators
};

}  // namespace quasim::compile
