// The outputs of the fused dataflow as ranks, which only rise: what a threshold list has to reproduce.
#pragma once

#include <cstdint>
#include <vector>

#include "exact/steps.hpp"

namespace quasim::compile {

/// Consecutive accumulators of one rank.
struct RankRun {
  std::int32_t first = 0, last = 0;
  int rank = 0;
  /// The output leaves it open whether SiLU still falls or rises already; another rank would do as well.
  bool chosen = false;
};

struct RankLadder {
  int turn = 0;                              ///< -turn is the least output of the domain
  int lowest = 0;                            ///< the least rank that occurs
  int highest = 0;                           ///< the largest: as many thresholds are needed
  std::vector<std::vector<RankRun>> slices;  ///< ascending accumulators and ranks
  /// The target goes back to a rank that it has left; no threshold list can follow it there.
  std::vector<bool> falls;
};

/// `out` of the fused dataflow over `domain`. Falling and rising sides are told apart by where SiLU is least.
RankLadder make_rank_ladder(const LayerParams& layer, const exact::Domain& domain,
                            const exact::StepFunction& out);

/// Where SiLU's own steps lie, in accumulators, for bias 0: entry k is where rank k becomes rank k + 1.
std::vector<double> real_thresholds(const LayerParams& layer, int turn, int count);

/// y of a bias value in accumulators.
double bias_shift(const LayerParams& layer, int bias);

}  // namespace quasim::compile
