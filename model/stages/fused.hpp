// The fused dataflow after the MAC: p to out by thresholds, guessed and then compared once.
//
// SiLU falls to its least value and rises from there, so out takes each of its values at most twice. Ranks
// count its steps from the left: rank r holds r thresholds at or below u. A cell of u gives a guess c of the
// rank that is at most one too small; one comparison with threshold c settles it. Near thresholds are
// compared at full width, far ones by their low bits, which decide as long as u is within 2^(FarBits-1).
#pragma once

#include <cstdint>

#include "types/program.hpp"

namespace quasim::stages {

/// u, in the low bits of the word, and whether the clamp changed p.
struct Position {
  std::uint32_t u;
  bool saturated;
};

inline Position fused_position(std::int64_t p) {
  constexpr std::int64_t kLast = (std::int64_t{1} << spec::kThresholdBits) - 1;
  const std::int64_t u = p < 0 ? 0 : (p > kLast ? kLast : p);
  return {static_cast<std::uint32_t>(u), u != p};
}

/// The guess c of the rank of u.
inline std::uint32_t fused_guess(const GuessCell* cells, int cell_bits, std::uint32_t u) {
  const GuessCell cell = cells[u >> (spec::kThresholdBits - cell_bits)];
  const std::uint32_t position = u >> (spec::kThresholdBits - cell_bits - spec::kCellPositionBits) &
                                 ((1U << spec::kCellPositionBits) - 1);
  const std::uint32_t half_ranks = cell.base + (cell.slope * position >> spec::kCellPositionBits);
  return half_ranks >> 1 & ((1U << spec::kRankBits) - 1);
}

/// True where u has reached the threshold of rank c. Far rows wrap around.
inline bool fused_reached(const FusedTables& tables, std::uint32_t c, std::uint32_t u) {
  if (c < tables.near.size()) return u >= tables.near[c];
  const std::uint32_t threshold = tables.far[(c - tables.near.size()) % spec::kFarRows];
  return ((u - threshold) >> (spec::kFarBits - 1) & 1) == 0;
}

/// The output of a rank, kept to the eight bits that the unit has.
inline std::int8_t fused_output(std::uint32_t rank, int turn) {
  const auto signed_rank = static_cast<std::int32_t>(rank);
  return static_cast<std::int8_t>(signed_rank <= turn ? -signed_rank : signed_rank - 2 * turn);
}

/// u and c as the q register holds them, one word.
inline std::int32_t fused_index(std::uint32_t u, std::uint32_t c) {
  return static_cast<std::int32_t>(u << spec::kRankBits | c);
}
struct FusedParts {
  std::uint32_t u, guess;
};
/// Either of them from the word, or from the register's bits with any sign above them.
inline FusedParts fused_parts(std::int64_t index) {
  const auto word =
      static_cast<std::uint32_t>(index) & ((1U << (spec::kThresholdBits + spec::kRankBits)) - 1);
  return {word >> spec::kRankBits, word & ((1U << spec::kRankBits) - 1)};
}
inline std::int8_t fused_silu(const FusedTables& tables, std::int32_t index) {
  const auto [u, c] = fused_parts(index);
  return fused_output(c + (fused_reached(tables, c, u) ? 1U : 0U), tables.turn);
}

}  // namespace quasim::stages
