// The chain after the MAC, in either dataflow: the one place that puts the stages one after the other.
//
//   acc -> product -> p -> index, what the q register holds -> out
#pragma once

#include <cstdint>

#include "stages/fused.hpp"
#include "stages/requant.hpp"
#include "stages/silu.hpp"
#include "types/program.hpp"

namespace quasim::stages {

/// What the q register holds: q in two_step; u and the guessed rank in fused.
struct Indexed {
  std::int32_t index;
  bool saturated;  ///< the clamp changed the value
};

inline Indexed index_of(const StageProgram& stage, std::int64_t p) {
  if (stage.is_fused()) {
    const auto [u, saturated] = fused_position(p);
    return {fused_index(u, fused_guess(stage.fused.guess.data(), stage.fused.cell_bits(), u)), saturated};
  }
  const auto [q, saturated] = requant_round(p, 0, stage.shift_bits, stage.rounding, stage.conv_bits);
  return {q, saturated};
}

inline std::int8_t out_of(const StageProgram& stage, std::int32_t index) {
  return stage.is_fused() ? fused_silu(stage.fused, index)
                          : stage.silu_table[silu_index(index, stage.conv_bits)];
}

/// Every value of one element after the MAC.
struct StageValues {
  std::int32_t acc = 0;
  std::int64_t product = 0;  ///< M*acc
  std::int64_t p = 0;        ///< M*acc + B
  Indexed index{0, false};
  std::int8_t out = 0;
};

inline StageValues evaluate(const StageProgram& stage, std::int64_t bias_word, std::int32_t acc) {
  StageValues values;
  values.acc = acc;
  values.product = requant_product(stage.multiplier, acc);
  values.p = values.product + bias_word;
  values.index = index_of(stage, values.p);
  values.out = out_of(stage, values.index.index);
  return values;
}

/// All of them for a channel of a program; |acc| <= 2^16.
inline StageValues evaluate(const LayerProgram& program, std::size_t channel, std::int32_t acc) {
  return evaluate(program.stage_of(channel), program.bias_words[channel], acc);
}

}  // namespace quasim::stages
