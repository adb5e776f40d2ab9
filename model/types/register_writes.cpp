#include "types/register_writes.hpp"

namespace quasim {

std::uint32_t word_of(const std::int8_t* bytes, std::size_t count) {
  static_assert(spec::kTapsMax == sizeof(std::uint32_t), "a weight word holds every tap");
  std::uint32_t word = 0;
  for (std::size_t i = 0; i < count; ++i)
    word |= std::uint32_t{static_cast<std::uint8_t>(bytes[i])} << (8 * i);
  return word;
}

namespace {

void append_two_step(std::vector<RegisterWrite>& writes, const StageProgram& stage, bool folded) {
  writes.push_back({spec::kRegRequant,
                    static_cast<std::uint32_t>(stage.shift_bits) << spec::kRequantShiftLsb |
                        (stage.rounding == Rounding::kHalfAway ? 1U : 0U) << spec::kRequantHalfAwayLsb});
  writes.push_back({spec::kRegDataflow, kSelectTwoStep << spec::kDataflowSelectLsb});
  const std::vector<std::uint32_t> words = table_words(stage, folded);
  for (std::uint32_t i = 0; i < words.size(); ++i) writes.push_back({spec::kTableBase + 4 * i, words[i]});
}

void append_fused(std::vector<RegisterWrite>& writes, const FusedTables& tables) {
  writes.push_back(
      {spec::kRegDataflow, kSelectFused << spec::kDataflowSelectLsb | static_cast<std::uint32_t>(tables.turn)
                                                                          << spec::kDataflowTurnLsb});
  for (std::uint32_t cell = 0; cell < tables.guess.size(); ++cell)
    writes.push_back({spec::kGuessBase + 4 * cell, word_of(tables.guess[cell])});
  for (std::uint32_t rank = 0; rank < tables.near.size(); ++rank)
    writes.push_back({spec::kNearBase + 4 * rank, tables.near[rank]});
  for (std::uint32_t row = 0; row < tables.far.size(); row += 2)
    writes.push_back(
        {spec::kTableBase + 2 * row, tables.far[row] | std::uint32_t{tables.far[row + 1]} << spec::kFarBits});
}

}  // namespace

std::uint32_t word_of(const GuessCell& cell) {
  return cell.base | std::uint32_t{cell.slope} << spec::kCellBaseBits;
}

std::vector<std::uint32_t> table_words(const StageProgram& stage, bool folded) {
  std::vector<std::uint32_t> words;
  if (!folded) {
    for (std::size_t entry = 0; entry < stage.silu_table.size(); entry += 4)
      words.push_back(word_of(stage.silu_table.data() + entry, 4));
    return words;
  }
  constexpr std::size_t kEntries = 32 / spec::kFoldBits;  // a word
  const std::vector<std::uint8_t> entries = stage.folded_table();
  words.resize((entries.size() + kEntries - 1) / kEntries);
  for (std::size_t i = 0; i < entries.size(); ++i)
    words[i / kEntries] |= std::uint32_t{entries[i]} << (spec::kFoldBits * (i % kEntries));
  return words;
}

std::vector<RegisterWrite> register_writes(const LayerProgram& program, bool folded) {
  program.validate();
  std::vector<RegisterWrite> writes{{spec::kRegControl, 0},
                                    {spec::kRegClearCounters, 1U << spec::kClearCountersClearLsb},
                                    {spec::kRegChannels, static_cast<std::uint32_t>(program.channels())},
                                    {spec::kRegTaps, static_cast<std::uint32_t>(program.taps)},
                                    {spec::kRegMultiplier, program.stage().multiplier}};
  const auto taps = static_cast<std::size_t>(program.taps);
  for (std::uint32_t channel = 0; channel < static_cast<std::uint32_t>(program.channels()); ++channel) {
    const auto bias = static_cast<std::uint64_t>(program.bias_words[channel]);
    writes.push_back(
        {spec::kWeightBase + 4 * channel, word_of(program.weight.data() + channel * taps, taps)});
    writes.push_back({spec::kHistoryBase + 4 * channel, 0});
    writes.push_back({spec::kBiasBase + 8 * channel, static_cast<std::uint32_t>(bias)});
    writes.push_back({spec::kBiasBase + 8 * channel + 4, static_cast<std::uint32_t>(bias >> 32)});
  }
  if (program.stage().is_fused())
    append_fused(writes, program.stage().fused);
  else
    append_two_step(writes, program.stage(), folded);
  writes.push_back({spec::kRegControl, 1U << spec::kControlEnableLsb});
  return writes;
}

}  // namespace quasim
