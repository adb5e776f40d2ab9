// RtlTail over one Verilated class of the tail harness.
#pragma once

#include <verilated.h>

#include <algorithm>
#include <cstring>
#include <string>

#include "exact/steps.hpp"
#include "spec/error.hpp"
#include "types/program.hpp"

namespace quasim::cosim {

template <class Top>
class RtlTail final : public exact::PointSource {
 public:
  explicit RtlTail(const LayerProgram& program) : program_(program), top_(&context_) {
    if (program.conv_bits != spec::kConvBitsDefault)
      throw InputError("RTL: expected conv_bits " + std::to_string(spec::kConvBitsDefault) +
                       " as verilated; got " + std::to_string(program.conv_bits));
    top_.clk_i = 0;
    top_.eval();  // the first evaluation only settles: it sees no edge
    top_.multiplier_i = program.multiplier;
    top_.shift_i = static_cast<CData>(program.shift_bits);
    top_.half_away_i = program.rounding == Rounding::kHalfAway;
    top_.bias_wen_i = 0;
    top_.table_wen_i = 1;
    for (std::size_t entry = 0; entry < program.silu_table.size(); entry += 4) {
      top_.table_entry_i = static_cast<CData>(entry);
      std::memcpy(&top_.table_wdata_i, program.silu_table.data() + entry, 4);
      clock();
    }
    top_.table_wen_i = 0;
  }

  bool has_q() const override { return true; }
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
      take(edge + 1, kEdgesToQ, blocks, count, &top_.q_o, q);
      take(edge + 1, kEdgesToOut, blocks, count, &top_.out_o, out);
    }
  }

 private:
  static constexpr std::size_t kLanes = 16;
  static constexpr std::size_t kEdgesToQ = 2;
  static constexpr std::size_t kEdgesToOut = 3;

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
