// The bit-accurate model of one layer as a live reference: every stage on its own, and whole elements with a
// history for each channel. Arithmetic is that of model/stages; this class checks arguments and keeps the
// history.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "stages/conv_acc.hpp"
#include "stages/evaluate.hpp"
#include "types/program.hpp"

namespace quasim::dpi {

/// One sample in checked form; throws InputError beyond int8.
std::int8_t checked_sample(std::int64_t value);

class LayerModel {
 public:
  using Window = std::array<std::int8_t, spec::kTapsMax>;         ///< oldest first
  using History = std::array<std::int8_t, stages::kHistoryTaps>;  ///< x[t-3], x[t-2], x[t-1]

  /// Throws InputError where the program is not valid. Every history starts at 0.
  explicit LayerModel(LayerProgram program);

  const LayerProgram& program() const { return program_; }

  /// Stage conv_acc; samples older than the layer's taps do not matter.
  std::int32_t conv_acc(std::int64_t channel, const Window& window) const;
  /// Stage requant, first half: p = M*acc + B[c]; |acc| <= 2^16.
  std::int64_t requant_p(std::int64_t channel, std::int64_t acc) const;
  /// Stage requant, second half: clamp_N(round_shift(p, S)), or in fused 256*u + guessed rank; p fits
  /// ProductBits.
  std::int32_t requant_q(std::int64_t p) const;
  /// Stage silu; q fits conv_bits, or is what requant_q gives in fused.
  std::int8_t silu(std::int64_t q) const;

  /// All stages for the next sample of a channel, whose history moves on. `first`: the sequence starts here,
  /// and older samples are 0.
  stages::StageValues element(std::int64_t channel, std::int8_t x, bool first);

  History history(std::int64_t channel) const;
  void set_history(std::int64_t channel, const History& history);

 private:
  struct Channel {
    std::int8_t weight[spec::kTapsMax][1] = {};  ///< taps that the layer does not have are 0
    std::int8_t history[stages::kHistoryTaps][1] = {};
  };
  std::size_t checked_channel(std::int64_t channel) const;

  LayerProgram program_;
  std::vector<Channel> channels_;
};

}  // namespace quasim::dpi
