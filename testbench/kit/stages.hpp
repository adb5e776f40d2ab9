// What the unit computes at each stage boundary, for blocks of time steps in beat order.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>
#include <vector>

#include "io/npy.hpp"
#include "stages/conv_acc.hpp"
#include "types/program.hpp"

namespace quasim::kit {

enum class Boundary { kX, kAcc, kP, kQ, kOut };
inline constexpr std::array<Boundary, 5> kBoundaries{Boundary::kX, Boundary::kAcc, Boundary::kP, Boundary::kQ,
                                                     Boundary::kOut};

/// How values of a stage are written: signed, `bits` significant, sign-extended to the bytes of `dtype`.
struct BoundaryFormat {
  std::string_view name;
  std::string_view meaning;
  int bits;
  DType dtype;
};
BoundaryFormat format_of(Boundary stage, const LayerProgram& program);

/// Some time steps of one sequence, each all beats of a time step: [tokens][groups * lanes]. Dead lanes are
/// 0.
struct StageBlock {
  std::size_t tokens = 0;
  std::vector<std::int8_t> x;
  std::vector<std::int32_t> acc;
  std::vector<std::int64_t> p;
  std::vector<std::int8_t> q8;    ///< q where conv_bits is 8 or less
  std::vector<std::int16_t> q16;  ///< q where it is more
  std::vector<std::int32_t> q32;  ///< what the q register holds in fused
  std::vector<std::int8_t> out;

  const void* data(Boundary stage) const;
  /// Element i of stage q, whichever type holds it.
  std::int64_t q_at(std::size_t i) const {
    return !q32.empty() ? std::int64_t{q32[i]} : !q16.empty() ? std::int64_t{q16[i]} : std::int64_t{q8[i]};
  }
};

/// Elements that the unit's saturation counters count.
struct SaturationCounts {
  std::uint64_t conv = 0, out = 0;
};

class StageEvaluator {
 public:
  /// The program must outlive it.
  StageEvaluator(const LayerProgram& program, std::size_t lanes);

  /// Samples of a time step: groups * lanes.
  std::size_t width() const { return width_; }
  /// The next time step is the first of a sequence.
  void start_sequence();
  /// Evaluates `samples`, [C][tokens], the continuation of what came before.
  void evaluate(const std::int8_t* samples, std::size_t tokens, StageBlock& block);
  const SaturationCounts& saturation() const { return saturation_; }

 private:
  static constexpr std::size_t kTile = 64;
  struct Tile {
    std::int8_t w[spec::kTapsMax][kTile] = {};
    std::int8_t history[stages::kHistoryTaps][kTile] = {};
  };
  void evaluate_token(std::size_t row, StageBlock& block);

  const LayerProgram& program_;
  std::size_t width_;
  std::vector<Tile> tiles_;
  SaturationCounts saturation_;
};

}  // namespace quasim::kit
