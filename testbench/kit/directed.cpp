#include "kit/directed.hpp"

#include <algorithm>
#include <vector>

#include "kit/reachable.hpp"
#include "stages/evaluate.hpp"

namespace quasim::kit {
namespace {

std::int32_t index_at(const LayerProgram& program, std::size_t channel, std::int32_t acc) {
  return stages::evaluate(program, channel, acc).index.index;
}

/// The least accumulator of the widest range at which q reaches `level`; one beyond the range where none
/// does.
std::int32_t threshold_of(const LayerProgram& program, std::size_t channel, std::int32_t level) {
  std::int32_t low = -spec::max_accumulator(program.taps), high = -low + 1;
  while (low < high) {
    const std::int32_t middle = low + (high - low) / 2;
    if (index_at(program, channel, middle) >= level)
      high = middle;
    else
      low = middle + 1;
  }
  return low;
}

/// Calls visit(level, threshold, in_out) for every step of a two_step channel, in ascending order.
template <class Visit>
void two_step_steps(const LayerProgram& program, std::size_t channel, const Visit& visit) {
  const StageProgram& stage = program.stage_of(channel);
  const auto last = static_cast<int>(spec::max_of_bits(stage.conv_bits));
  for (int level = static_cast<int>(spec::min_of_bits(stage.conv_bits)) + 1; level <= last; ++level)
    visit(level, threshold_of(program, channel, level),
          stage.silu_entry(level) != stage.silu_entry(level - 1));
}

/// The same for a fused channel: out changes there to `level`. Every accumulator that the weights could reach
/// is evaluated, so nothing is assumed of the tables.
template <class Visit>
void fused_steps(const LayerProgram& program, std::size_t channel, const Visit& visit) {
  const std::int8_t* weight = program.weight.data() + channel * static_cast<std::size_t>(program.taps);
  std::int32_t low = 0, high = 0;
  for (int k = 0; k < program.taps; ++k) {
    low += std::min(weight[k] * -128, weight[k] * 127);
    high += std::max(weight[k] * -128, weight[k] * 127);
  }
  std::int8_t before = stages::evaluate(program, channel, low).out;
  for (std::int32_t acc = low + 1; acc <= high; ++acc) {
    const std::int8_t out = stages::evaluate(program, channel, acc).out;
    if (out != before) visit(int{out}, acc, true);
    before = out;
  }
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
    const auto add = [&](int level, std::int32_t threshold, bool in_out) {
      DirectedStep step{static_cast<int>(channel), level, threshold, in_out, std::nullopt, std::nullopt};
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
    };
    if (program.stage_of(channel).is_fused())
      fused_steps(program, channel, add);
    else
      two_step_steps(program, channel, add);
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
