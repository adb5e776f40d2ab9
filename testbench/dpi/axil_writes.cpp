#include "dpi/axil_writes.hpp"

namespace quasim::dpi {
namespace {

/// Up to four bytes, little end first.
std::uint32_t word_of(const std::int8_t* bytes, std::size_t count) {
  std::uint32_t word = 0;
  for (std::size_t i = 0; i < count; ++i) word |= std::uint32_t{static_cast<std::uint8_t>(bytes[i])} << (8 * i);
  return word;
}

}  // namespace

std::vector<AxilWrite> axil_writes(const LayerProgram& program) {
  const auto channels = static_cast<std::uint32_t>(program.channels());
  const auto taps = static_cast<std::size_t>(program.taps);
  const std::uint32_t half_away = program.rounding == Rounding::kHalfAway ? 1 : 0;
  std::vector<AxilWrite> writes{
      {spec::kRegControl, 0},
      {spec::kRegClearCounters, 1U << spec::kClearCountersClearLsb},
      {spec::kRegChannels, channels},
      {spec::kRegTaps, static_cast<std::uint32_t>(program.taps)},
      {spec::kRegMultiplier, program.multiplier},
      {spec::kRegRequant, static_cast<std::uint32_t>(program.shift_bits) << spec::kRequantShiftLsb |
                              half_away << spec::kRequantHalfAwayLsb}};
  for (std::uint32_t c = 0; c < channels; ++c) {
    const auto bias = static_cast<std::uint64_t>(program.bias_words[c]);
    writes.push_back({spec::kWeightBase + 4 * c, word_of(program.weight.data() + c * taps, taps)});
    writes.push_back({spec::kHistoryBase + 4 * c, 0});
    writes.push_back({spec::kBiasBase + 8 * c, static_cast<std::uint32_t>(bias)});
    writes.push_back({spec::kBiasBase + 8 * c + 4, static_cast<std::uint32_t>(bias >> 32)});
  }
  const std::vector<std::int8_t>& table = program.silu_table;
  for (std::size_t i = 0; i < table.size(); i += 4)
    writes.push_back({spec::kTableBase + static_cast<std::uint32_t>(i), word_of(table.data() + i, 4)});
  writes.push_back({spec::kRegControl, 1U << spec::kControlEnableLsb});
  return writes;
}

}  // namespace quasim::dpi
