// The layer program: all that the integer datapath needs, in either dataflow. The file that carries it:
// io/program_file.hpp.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "spec/contract.hpp"
#include "types/groups.hpp"
#include "types/tensor.hpp"

namespace quasim {

/// One cell of the guess: the rank is near (base + slope * position / 2^CellPositionBits) / 2.
struct GuessCell {
  std::uint16_t base = 0;  ///< K
  std::uint8_t slope = 0;  ///< G

  friend bool operator==(const GuessCell& a, const GuessCell& b) {
    return a.base == b.base && a.slope == b.slope;
  }
};

/// The tables of the fused dataflow, bit for bit as the unit holds them.
struct FusedTables {
  int turn = 0;                     ///< the rank at which SiLU is least; -turn is the least output
  std::vector<GuessCell> guess;     ///< 2^4 or 2^5 cells
  std::vector<std::uint32_t> near;  ///< the thresholds of the first ranks, ThresholdBits wide
  std::vector<std::uint16_t> far;   ///< FarRows of them: the low FarBits of the thresholds that follow

  /// Bits of u that choose a cell.
  int cell_bits() const {
    return guess.size() > (std::size_t{1} << spec::kCellBitsMin) ? spec::kCellBitsMax : spec::kCellBitsMin;
  }
};

/// What requant and silu hold for the channels of one group.
struct StageProgram {
  std::string name;  ///< of the group; empty where the layer has no groups
  Dataflow dataflow = Dataflow::kTwoStep;
  std::uint32_t multiplier = 0;             ///< M, below 2^mult_bits
  int conv_bits = spec::kConvBitsDefault;   ///< two_step: N
  Rounding rounding = Rounding::kHalfEven;  ///< two_step: tie rule of round_shift
  int shift_bits = 0;                       ///< two_step: S, at most spec::kShiftMax
  std::vector<std::int8_t> silu_table;      ///< two_step: 2^N entries; entry i is for q = i - 2^(N-1)
  FusedTables fused;                        ///< fused: its tables

  bool is_fused() const { return dataflow == Dataflow::kFused; }
  /// The silu_table folded at 0, as a folded unit holds it: out = max(q, 0) - g with g entry |q| of 2^(N-1),
  /// 0 <= g < 2^FoldBits; the least q has entry 0, since out is 0 at q = 0. Throws InputError, naming what
  /// keeps it from folding, where the table is not such a one.
  std::vector<std::uint8_t> folded_table() const;
  std::int8_t silu_entry(std::int64_t q) const {
    return silu_table[static_cast<std::size_t>(q - spec::min_of_bits(conv_bits))];
  }
};

/// p = M*acc + B[c], and then
///   two_step:  q = clamp_N(round_shift(p, S));  out = silu_table[q + 2^(N-1)]
///   fused:     u = clamp(p, 0, 2^ThresholdBits - 1);  rank = how many thresholds are at most u;
///              out = rank <= turn ? -rank : rank - 2*turn
struct LayerProgram {
  std::string name;
  int taps = spec::kTapsMax;               ///< K
  int mult_bits = spec::kMultBitsDefault;  ///< width of M
  int bias_bits = spec::kBiasBitsDefault;  ///< width of B
  TensorCK<std::int8_t> weight;            ///< [C, K]
  std::vector<std::int64_t> bias_words;    ///< B, [C], signed bias_bits wide
  std::vector<StageProgram> groups{1};     ///< what the channels of each group share
  ChannelGroup channel_group;              ///< which group each channel is of; empty: all are of one
  nlohmann::ordered_json compiled_from;    ///< target and hashes of what the program was compiled from
  nlohmann::ordered_json certificate;      ///< what was proven of it; null where nothing was

  int channels() const { return static_cast<int>(weight.extent<'C'>()); }
  std::size_t group_of(std::size_t channel) const {
    return channel_group.empty() ? 0 : channel_group[channel];
  }
  /// The stages that a channel goes through.
  const StageProgram& stage_of(std::size_t channel) const { return groups[group_of(channel)]; }
  /// The stages of a program of one group, which is what a unit holds. Throws InputError where there are
  /// more, with how many.
  const StageProgram& stage() const {
    require_one_group();
    return groups.front();
  }
  StageProgram& stage() {
    require_one_group();
    return groups.front();
  }
  /// The group as a program of its own: its channels in their order, as wide as its multiplier needs. The
  /// program itself where it has one group.
  LayerProgram group(std::size_t index) const;

  /// Throws InputError naming the first field that is out of range, its value and the range.
  void validate() const;

 private:
  void require_one_group() const;
};

/// The programs of a layer's groups, which have names, as the program of the layer: `channel_group` says
/// whose channels are whose. The inverse of LayerProgram::group().
LayerProgram join_groups(const std::string& name, const std::vector<LayerProgram>& parts,
                         const ChannelGroup& channel_group);
/// The least width, 2 at least, that holds a multiplier.
int mult_bits_of(std::uint32_t multiplier);
/// The least width, that of the default unit at least, that holds these bias words.
int bias_bits_of(const std::vector<std::int64_t>& words);

}  // namespace quasim
