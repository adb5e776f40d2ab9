#include "types/register_writes.hpp"

namespace quasim {

std::uint32_t word_of(const std::int8_t* bytes, std::size_t count) {
  static_assert(spec::kTapsMax == sizeof(std::uint32_t), "a weight word holds every tap");
  std::uint32_t word = 0;
  for (std::size_t i = 0; i < count; ++i)
    word |= std::uint32_t{static_cast<std::uint8_t>(bytes[i])} << (8 * i);
  return word;
}

std::vector<RegisterWrite> register_writes(const LayerProgram& program) {
  program.validate();
  std::vector<RegisterWrite> writes{
      {spec::kRegControl, 0},
      {spec::kRegClearCounters, 1U << spec::kClearCountersClearLsb},
      {spec::kRegChannels, static_cast<std::uint32_t>(program.channels())},
      {spec::kRegTaps, static_cast<std::uint32_t>(program.taps)},
      {spec::kRegMultiplier, program.multiplier},
      {spec::kRegRequant, static_cast<std::uint32_t>(program.shift_bits) << spec::kRequantShiftLsb |
                              (program.rounding == Rounding::kHalfAway ? 1U : 0U)
                                  << spec::kRequantHalfAwayLsb}};
  const auto taps = static_cast<std::size_t>(program.taps);
  for (std::uint32_t channel = 0; channel < static_cast<std::uint32_t>(program.channels()); ++channel) {
    const auto bias = static_cast<std::uint64_t>(program.bias_words[channel]);
    writes.push_back(
        {spec::kWeightBase + 4 * channel, word_of(program.weight.data() + channel * taps, taps)});
    writes.push_back({spec::kHistoryBase + 4 * channel, 0});
    writes.push_back({spec::kBiasBase + 8 * channel, static_cast<std::uint32_t>(bias)});
    writes.push_back({spec::kBiasBase + 8 * channel + 4, static_cast<std::uint32_t>(bias >> 32)});
  }
  for (std::uint32_t entry = 0; entry < program.silu_table.size(); entry += 4)
    writes.push_back({spec::kTableBase + entry, word_of(program.silu_table.data() + entry, 4)});
  writes.push_back({spec::kRegControl, 1U << spec::kControlEnableLsb});
  return writes;
}

}  // namespace quasim
