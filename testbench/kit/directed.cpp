#include "kit/directed.hpp"

#include <algorithm>
#include <vector>

#include "kit/reachable.hpp"
#include "stages/requant.hpp"

namespace quasim::kit {
namespace {

std::int32_t q_of(const LayerProgram& program, std::int64_t bias_word, std::int32_t acc) {
  return stages::requant_round(stages::requant_product(program.multiplier, acc), bias_word,
                               program.shift_bits, program.rounding, program.conv_bits)
      .q;
}

/// The least accumulator of the widest range at which q reaches `level`; one beyond the range where none
/// does.
std::int32_t threshold_of(const LayerProgram& program, std::int64_t bias_word, std::int32_t level) {
  std::int32_t low = -spec::max_accumulator(program.taps), high = -low + 1;
  while (low < high) {
    const std::int32_t middle = low + (high - low) / 2;
    if (q_of(program, bias_word, middle) >= level)
      high = middle;
    else
      low = middle + 1;
  }
  return low;
}

/// The windows of one channel, in ascending accumulator except for neighbours that two steps share.
class ChannelWindows {
 public:
  ChannelWindows(const LayerProgram& program, int channel)
      : taps_(static_cast<std::size_t>(program.taps)),
        channel_(channel),
        reachable_(program.weight.data() + static_cast<std::size_t>(channel) * taps_, taps_) {}

  std::optional<std::int32_t> below(std::int32_t threshold) const {
    return reachable_.at_or_below(threshold - 1);
  }
  std::optional<std::int32_t> above(std::int32_t threshold) const {
    return reachable_.at_or_above(threshold);
  }

  /// The window that gives `acc`. Steps come in ascending order, so an equal one is among the last two.
  std::size_t window_of(std::int32_t acc) {
    for (std::size_t back = 1; back <= 2 && back <= accs_.size(); ++back)
      if (accs_[accs_.size() - back] == acc) return accs_.size() - back;
    samples_.resize(samples_.size() + taps_);
    const auto pivot =
        static_cast<unsigned>(accs_.size() * 37 + static_cast<std::size_t>(channel_) * 101) % 256;
    reachable_.solve(acc, pivot, samples_.data() + samples_.size() - taps_);
    accs_.push_back(acc);
    return accs_.size() - 1;
  }
  const std::vector<std::int8_t>& samples() const { return samples_; }

 private:
  std::size_t taps_;
  int channel_;
  ReachableSet reachable_;
  std::vector<std::int32_t> accs_;
  std::vector<std::int8_t> samples_;
};

}  // namespace

DirectedVectors solve_directed(const LayerProgram& program,
                               const std::function<void(const DirectedStep&)>& visit) {
  const auto channels = static_cast<std::size_t>(program.channels()),
             taps = static_cast<std::size_t>(program.taps);
  DirectedVectors result;
  std::vector<std::vector<std::int8_t>> samples(channels);
  std::size_t most_windows = 1;
  for (std::size_t channel = 0; channel < channels; ++channel) {
    ChannelWindows windows(program, static_cast<int>(channel));
    const auto first = static_cast<int>(spec::min_of_bits(program.conv_bits)) + 1;
    const auto last = static_cast<int>(spec::max_of_bits(program.conv_bits));
    for (int level = first; level <= last; ++level) {
      DirectedStep step{static_cast<int>(channel),
                        level,
                        threshold_of(program, program.bias_words[channel], level),
                        program.silu_entry(level) != program.silu_entry(level - 1),
                        std::nullopt,
                        std::nullopt};
      const auto below = windows.below(step.threshold), above = windows.above(step.threshold);
      if (below && above) {
        step.below = DirectedStep::Side{*below, windows.window_of(*below)};
        step.above = DirectedStep::Side{*above, windows.window_of(*above)};
      }
      result.counts.q_steps += 1;
      result.counts.q_covered += step.covered() ? 1U : 0U;
      result.counts.out_steps += step.in_out ? 1U : 0U;
      result.counts.out_covered += step.in_out && step.covered() ? 1U : 0U;
      visit(step);
    }
    samples[channel] = windows.samples();
    result.counts.windows += samples[channel].size() / taps;
    most_windows = std::max(most_windows, samples[channel].size() / taps);
  }
  result.windows = TensorBCL<std::int8_t>({most_windows, channels, taps});
  for (std::size_t channel = 0; channel < channels; ++channel)
    for (std::size_t i = 0; i < samples[channel].size(); ++i)
      result.windows.at(i / taps, channel, i % taps) = samples[channel][i];
  return result;
}

}  // namespace quasim::kit
