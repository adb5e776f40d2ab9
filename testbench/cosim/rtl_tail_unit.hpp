// RtlTail over one Verilated class of the tail harness.
#pragma once

#include <verilated.h>

#include <algorithm>
#include <cstring>
#include <string>

#include "exact/steps.hpp"
#include "spec/error.hpp"
#include "types/register_writes.hpp"

namespace quasim::cosim {

template <class Top>
class RtlTail final : public exact::PointSource {
 public:
  explicit RtlTail(const LayerProgram& program) : program_(program), top_(&context_) {
    const StageProgram& stage = program.stage();
    top_.clk_i = 0;
    top_.eval();  // the first evaluation only settles: it sees no edge
    top_.multiplier_i = stage.multiplier;
    top_.bias_wen_i = top_.table_wen_i = top_.guess_wen_i = top_.near_wen_i = 0;
    top_.fused_i = stage.is_fused();
    if (stage.is_fused())
      load_fused(stage.fused);
    else
      load_two_step(stage);
  }

  bool has_q() const override { return !program_.stage().is_fused(); }
  bool covers(const exact::Slice& slice) const override { return slice.channel >= 0; }

  void evaluate(const exact::Slice& slice, std::int32_t acc_first, std::size_t count, std::int16_t* q,
                std::int8_t* out) const override {
    constexpr std::uint64_t kBiasMask = (std::uint64_t{1} << spec::kBiasBitsMax) - 1;
    top_.bias_wdata_i =
        static_cast<std::uint64_t>(program_.bias_words[static_cast<std::size_t>(slice.channel)]) & kBiasMask;
    top_.bias_wen_i = 1;
    clock();
    top_.bias_wen_i = 0;
    constexpr std::uint32_t kAccMask = (1U << spec::kAccBits) - 1;
    const std::size_t blocks = (count + kLanes - 1) / kLanes;
    // Before edge e, block e is applied; after it, q shows block e + 1 - kEdgesToQ and out block e + 1 -
    // kEdgesToOut.
    for (std::size_t edge = 0; edge + 1 < blocks + kEdgesToOut; ++edge) {
      top_.acc_base_i =
          (static_cast<std::uint32_t>(acc_first) + static_cast<std::uint32_t>(edge * kLanes)) & kAccMask;
      clock();
      if (has_q()) take(edge + 1, kEdgesToQ, blocks, count, &top_.q_o, q);
      take(edge + 1, kEdgesToOut, blocks, count, &top_.out_o, out);
    }
  }

 private:
  static constexpr std::size_t kLanes = 16;
  static constexpr std::size_t kEdgesToQ = 2;
  static constexpr std::size_t kEdgesToOut = 3;

  void load_two_step(const StageProgram& stage) {
    if (stage.conv_bits != spec::kConvBitsDefault)
      throw InputError("RTL: expected conv_bits " + std::to_string(spec::kConvBitsDefault) +
                       " as verilated; got " + std::to_string(stage.conv_bits));
    top_.shift_i = static_cast<CData>(stage.shift_bits);
    top_.half_away_i = stage.rounding == Rounding::kHalfAway;
    for (std::size_t word = 0; 4 * word < stage.silu_table.size(); ++word)
      write(top_.table_wen_i, word, word_of(stage.silu_table.data() + 4 * word, 4));
  }

  void load_fused(const FusedTables& tables) {
    constexpr std::size_t kCells = std::size_t{1} << spec::kCellBitsDefault;
    if (tables.guess.size() != kCells || tables.near.size() != spec::kNearRowsDefault)
      throw InputError("RTL: expected " + std::to_string(kCells) + " guess cells and " +
                       std::to_string(spec::kNearRowsDefault) + " near thresholds as verilated; got " +
                       std::to_string(tables.guess.size()) + " and " + std::to_string(tables.near.size()));
    top_.turn_i = static_cast<CData>(tables.turn);
    for (std::size_t cell = 0; cell < tables.guess.size(); ++cell)
      write(top_.guess_wen_i, cell, word_of(tables.guess[cell]));
    for (std::size_t rank = 0; rank < tables.near.size(); ++rank)
      write(top_.near_wen_i, rank, tables.near[rank]);
    for (std::size_t word = 0; 2 * word < tables.far.size(); ++word)
      write(top_.table_wen_i, word,
            tables.far[2 * word] | std::uint32_t{tables.far[2 * word + 1]} << spec::kFarBits);
  }

  void write(CData& enable, std::size_t index, std::uint32_t word) {
    top_.windex_i = static_cast<CData>(index);
    top_.wdata_i = word;
    enable = 1;
    clock();
    enable = 0;
  }

  /// Copies the block that a port shows after `edges` edges, if it shows one.
  template <class T>
  static void take(std::size_t edges, std::size_t delay, std::size_t blocks, std::size_t count,
                   const void* port, T* to) {
    if (edges < delay || edges - delay >= blocks) return;
    const std::size_t first = (edges - delay) * kLanes;
    std::memcpy(to + first, port, std::min(kLanes, count - first) * sizeof(T));
  }

  void clock() const {
    top_.clk_i = 1;
    top_.eval();
    top_.clk_i = 0;
    top_.eval();
  }

  const LayerProgram& program_;
  mutable VerilatedContext context_;
  mutable Top top_;
};

}  // namespace quasim::cosim
