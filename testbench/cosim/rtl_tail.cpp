#include "cosim/rtl_tail.hpp"

#include <algorithm>
#include <cstring>
#include <string>

#include "cosim/verilated_object.hpp"
#include "spec/error.hpp"
#include "types/register_writes.hpp"

namespace quasim::cosim {
namespace {

/// Drives the ports of quasim_tail_harness.
class RtlTail final : public exact::PointSource {
 public:
  RtlTail(const VerilatedAbi& abi, const sc::PipelineConfig& config, const LayerProgram& program)
      : program_(program), top_(abi, {}) {
    sc::require_fits(program, config);
    const StageProgram& stage = program.stage();
    top_.settle();  // the first evaluation sees no edge
    multiplier_i_ = stage.multiplier;
    bias_wen_i_ = table_wen_i_ = guess_wen_i_ = near_wen_i_ = false;
    fused_i_ = stage.is_fused();
    if (stage.is_fused())
      load_fused(stage.fused);
    else
      load_two_step(stage, config.folded);
  }

  bool has_q() const override { return !program_.stage().is_fused(); }
  bool covers(const exact::Slice& slice) const override { return slice.channel >= 0; }

  void evaluate(const exact::Slice& slice, std::int32_t acc_first, std::size_t count, std::int16_t* q,
                std::int8_t* out) const override {
    constexpr std::uint64_t kBiasMask = (std::uint64_t{1} << spec::kBiasBitsMax) - 1;
    bias_wdata_i_ =
        static_cast<std::uint64_t>(program_.bias_words[static_cast<std::size_t>(slice.channel)]) & kBiasMask;
    bias_wen_i_ = true;
    top_.clock();
    bias_wen_i_ = false;
    top_.clock();  // the memory's output holds it before the first product
    constexpr std::uint32_t kAccMask = (1U << spec::kAccBits) - 1;
    const std::size_t blocks = (count + kLanes - 1) / kLanes;
    // Before edge e, block e is applied; after it, q shows block e + 1 - kEdgesToQ and out block e + 1 -
    // kEdgesToOut.
    for (std::size_t edge = 0; edge + 1 < blocks + kEdgesToOut; ++edge) {
      acc_base_i_ =
          (static_cast<std::uint32_t>(acc_first) + static_cast<std::uint32_t>(edge * kLanes)) & kAccMask;
      top_.clock();
      if (has_q()) take(edge + 1, kEdgesToQ, blocks, count, q_o_, q);
      take(edge + 1, kEdgesToOut, blocks, count, out_o_, out);
    }
  }

 private:
  static constexpr std::size_t kLanes = 16;
  static constexpr std::size_t kEdgesToQ = 2;
  static constexpr std::size_t kEdgesToOut = 3;

  void load_two_step(const StageProgram& stage, bool folded) {
    shift_i_ = static_cast<std::uint64_t>(stage.shift_bits);
    half_away_i_ = stage.rounding == Rounding::kHalfAway;
    const std::vector<std::uint32_t> words = table_words(stage, folded);
    for (std::size_t word = 0; word < words.size(); ++word) write(table_wen_i_, word, words[word]);
  }

  void load_fused(const FusedTables& tables) {
    turn_i_ = static_cast<std::uint64_t>(tables.turn);
    for (std::size_t cell = 0; cell < tables.guess.size(); ++cell)
      write(guess_wen_i_, cell, word_of(tables.guess[cell]));
    for (std::size_t rank = 0; rank < tables.near.size(); ++rank) write(near_wen_i_, rank, tables.near[rank]);
    for (std::size_t word = 0; 2 * word < tables.far.size(); ++word)
      write(table_wen_i_, word,
            tables.far[2 * word] | std::uint32_t{tables.far[2 * word + 1]} << spec::kFarBits);
  }

  void write(BitPort& enable, std::size_t index, std::uint32_t word) {
    windex_i_ = index;
    wdata_i_ = word;
    enable = true;
    top_.clock();
    enable = false;
  }

  /// Copies the block that a port shows after `edges` edges, if it shows one.
  template <class T>
  static void take(std::size_t edges, std::size_t delay, std::size_t blocks, std::size_t count,
                   const void* port, T* to) {
    if (edges < delay || edges - delay >= blocks) return;
    const std::size_t first = (edges - delay) * kLanes;
    std::memcpy(to + first, port, std::min(kLanes, count - first) * sizeof(T));
  }

  const LayerProgram& program_;
  VerilatedObject top_;
  BitPort fused_i_{top_, "fused_i"}, half_away_i_{top_, "half_away_i"};
  NumberPort turn_i_{top_, "turn_i"}, multiplier_i_{top_, "multiplier_i"}, shift_i_{top_, "shift_i"};
  mutable NumberPort acc_base_i_{top_, "acc_base_i"}, bias_wdata_i_{top_, "bias_wdata_i"};
  mutable BitPort bias_wen_i_{top_, "bias_wen_i"};
  BitPort table_wen_i_{top_, "table_wen_i"}, guess_wen_i_{top_, "guess_wen_i"},
      near_wen_i_{top_, "near_wen_i"};
  NumberPort windex_i_{top_, "windex_i"}, wdata_i_{top_, "wdata_i"};
  const void* q_o_ = top_.port("q_o").data;
  const void* out_o_ = top_.port("out_o").data;
};

}  // namespace

std::unique_ptr<exact::PointSource> make_rtl_tail(const VerilatedAbi& abi, const sc::PipelineConfig& config,
                                                  const LayerProgram& program) {
  return std::make_unique<RtlTail>(abi, config, program);
}

}  // namespace quasim::cosim
