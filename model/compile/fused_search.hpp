// The search for a fused program: M, thresholds, guess and bias words.
#pragma once

#include <optional>

#include "exact/steps.hpp"
#include "types/program.hpp"

namespace quasim::compile {

/// What a unit for fused offers.
struct FusedUnit {
  int mult_bits = spec::kMultBitsMax;
  int bias_bits = spec::kBiasBitsMax;
  int cell_bits = spec::kCellBitsDefault;
  int near_rows = spec::kNearRowsDefault;
};

struct FusedSearch {
  StageProgram stage;
  std::vector<std::int64_t> bias_words;          ///< B, one for each slice of the domain
  std::optional<std::int64_t> least_multiplier;  ///< the least at which thresholds exist, tables aside
  bool target_falls = false;                     ///< the target goes back to a rank that it has left
  std::int64_t differing_at_least = 0;           ///< proven, whatever the tables
};

/// The program for `out` over `domain`. A multiplier that is a power of two comes first, because it needs no
/// multiplier; then the largest, which leaves the thresholds most room. Where none is exact, the one that
/// misses the fewest positions. Throws InputError where the tables cannot hold as many steps.
FusedSearch search_fused(const LayerParams& layer, const exact::Domain& domain,
                         const exact::StepFunction& out, const FusedUnit& unit);

}  // namespace quasim::compile
