#include "stages/untimed.hpp"

#include <algorithm>
#include <cstdlib>
#include <limits>
#include <map>

#include "spec/error.hpp"
#include "stages/evaluate.hpp"
#include "stages/fp32_form.hpp"
#include "stages/transpose.hpp"
#include "stages/untimed_kernels.hpp"

namespace quasim::stages {
namespace {

constexpr int kByteBits = 8;
constexpr std::int32_t kLeast16 = std::numeric_limits<std::int16_t>::min();
constexpr std::int32_t kLargest16 = std::numeric_limits<std::int16_t>::max();

struct Range {
  std::int32_t min = 0, max = 0;
};

/// Accumulators that a channel's weights can reach.
Range reach_of(const ChannelPlan& channel) {
  Range range;
  for (const std::int8_t w : channel.weights) {
    range.min += std::min(w * -128, w * 127);
    range.max += std::max(w * -128, w * 127);
  }
  return range;
}

/// Whether the sum of taps 0 and 1, and that of 2 and 3, always fit 16 bits: all do but -128 beside -128.
bool pairs_fit(const ChannelPlan& channel) {
  const auto fits = [&](std::size_t k) { return channel.weights[k] > -128 || channel.weights[k + 1] > -128; };
  return fits(0) && fits(2);
}

/// For each bias word of a group, what any channel that has it can reach.
std::map<std::int64_t, Range> ranges_of(const std::vector<ChannelPlan>& channels, std::size_t group) {
  std::map<std::int64_t, Range> ranges;
  for (const ChannelPlan& channel : channels) {
    if (channel.group != group) continue;
    const Range reach = reach_of(channel);
    Range& range = ranges[channel.bias_word];
    range = {std::min(range.min, reach.min), std::max(range.max, reach.max)};
  }
  return ranges;
}

}  // namespace

Kernel best_kernel() {
  return has_avx512() ? Kernel::kAvx512 : (has_avx2() ? Kernel::kAvx2 : Kernel::kPortable);
}

UntimedPlan::UntimedPlan(const LayerProgram& program) {
  program.validate();
  const auto taps = static_cast<std::size_t>(program.taps);
  for (std::size_t c = 0; c < program.bias_words.size(); ++c) {
    ChannelPlan channel;
    std::copy_n(program.weight.data() + c * taps, taps,
                channel.weights.end() - static_cast<std::ptrdiff_t>(taps));
    channel.bias_word = program.bias_words[c];
    channel.group = program.group_of(c);
    channel.sixteen = pairs_fit(channel);
    channels_.push_back(channel);
  }
  for (const StageProgram& stage : program.groups) {
    groups_.push_back({stage, {}});
    if (stage.is_fused())
      plan_fused(groups_.size() - 1);
    else
      plan_two_step(groups_.size() - 1);
  }
}

void UntimedPlan::plan_two_step(std::size_t group) {
  GroupPlan& plan = groups_[group];
  const StageProgram& stage = plan.stage;
  if (stage.conv_bits > kByteBits) return;
  const auto entry = [&](int q) { return stage.silu_entry(spec::clamp_bits(q, stage.conv_bits)); };
  for (int m = 0; m < 128; ++m) plan.table.by_magnitude[static_cast<std::size_t>(m)] = entry(-m);
  plan.table.mirrored = true;
  for (int q = -128; q <= 127; ++q) {
    plan.table.bytes[static_cast<std::uint8_t>(q)] = entry(q);
    plan.table.mirrored &=
        entry(q) ==
        std::max(q, 0) + plan.table.by_magnitude[static_cast<std::size_t>(std::min(std::abs(q), 127))];
  }
  std::map<std::int64_t, std::optional<Fp32Form>> forms;
  for (const auto& [word, range] : ranges_of(channels_, group))
    forms[word] = find_fp32_form(stage, word, range.min, range.max);
  for (ChannelPlan& channel : channels_) {
    if (channel.group != group) continue;
    auto form = forms[channel.bias_word];
    if (!form) {  // the channel's own range may be narrower than that of all channels with its bias word
      const Range reach = reach_of(channel);
      form = find_fp32_form(stage, channel.bias_word, reach.min, reach.max);
    }
    if (!form) continue;
    channel.fp32 = true;
    channel.a = form->a;
    channel.b = form->b;
    const auto q_at = [&](std::int32_t acc) {
      return index_of(stage, requant_product(stage.multiplier, acc) + channel.bias_word).index;
    };
    const Range reach = reach_of(channel);
    channel.sixteen &= q_at(reach.min) == q_at(std::max(reach.min, kLeast16)) &&
                       q_at(reach.max) == q_at(std::min(reach.max, kLargest16));
  }
}

void UntimedPlan::plan_fused(std::size_t group) {
  std::map<std::int64_t, std::size_t> row_of;
  for (const auto& [word, range] : ranges_of(channels_, group)) {
    row_of[word] = fused_rows_.size();
    fused_rows_.push_back(make_fused_row(groups_[group].stage, word, range.min, range.max));
  }
  for (ChannelPlan& channel : channels_)
    if (channel.group == group) channel.fused_row = row_of[channel.bias_word];
}

std::size_t UntimedPlan::fast_channels() const {
  return static_cast<std::size_t>(
      std::count_if(channels_.begin(), channels_.end(), [this](const ChannelPlan& channel) {
        return groups_[channel.group].stage.is_fused() ? fused_rows_[channel.fused_row].fast() : channel.fp32;
      }));
}

void UntimedPlan::run_row(const ChannelPlan& channel, const Row& row, Kernel kernel) const {
  const GroupPlan& group = groups_[channel.group];
  if (group.stage.is_fused()) {
    const FusedRow& fused = fused_rows_[channel.fused_row];
    if (fused.fast() && kernel == Kernel::kAvx512)
      fused_row_avx512(channel, fused, row);
    else if (fused.few.steps >= 0 && channel.sixteen && kernel == Kernel::kAvx2)
      fused_row_avx2(channel, fused, row);
    else
      fused_row_any(channel, fused, row);
  } else if (!channel.fp32 || kernel == Kernel::kPortable) {
    integer_row(channel, group.stage, row);
  } else if (kernel == Kernel::kAvx512) {
    fp32_row_avx512(channel, group.table.bytes.data(), row);
  } else if (channel.sixteen) {
    fp32_row_avx2(channel, group.table, row);
  } else {
    fp32_row_wide_avx2(channel, group.table.bytes.data(), row);
  }
}

void UntimedPlan::run(const std::int8_t* x, std::int8_t* out, std::size_t sequences, std::size_t length_elems,
                      Kernel kernel, Stores stores) const {
  if (length_elems == 0) return;
  for (std::size_t b = 0; b < sequences; ++b)
    for (const ChannelPlan& channel : channels_) {
      run_row(channel, {x, out, length_elems, stores}, kernel);
      x += length_elems;
      out += length_elems;
    }
  if (stores == Stores::kStreamed) end_of_stream();
}

void UntimedPlan::run_channels_last(const std::int8_t* x, std::int8_t* out, std::size_t sequences,
                                    std::size_t length_elems) const {
  if (length_elems == 0) return;
  constexpr std::size_t kRowsAtOnce = 32;  // of 4096 samples each they stay in the second cache
  const Kernel kernel = best_kernel();
  std::vector<std::int8_t> rows(kRowsAtOnce * length_elems), results(rows.size());
  for (std::size_t b = 0; b < sequences; ++b)
    for (std::size_t first = 0; first < channels(); first += kRowsAtOnce) {
      const std::size_t count = std::min(kRowsAtOnce, channels() - first);
      const std::size_t at = b * length_elems * channels() + first;
      transpose({x + at, channels()}, {rows.data(), length_elems}, length_elems, count);
      for (std::size_t c = 0; c < count; ++c)
        run_row(channels_[first + c],
                {&rows[c * length_elems], &results[c * length_elems], length_elems, Stores::kCached}, kernel);
      transpose({results.data(), length_elems}, {out + at, channels()}, count, length_elems);
    }
}

TensorBCL<std::int8_t> UntimedPlan::run(const TensorBCL<std::int8_t>& input) const {
  if (input.extent<'C'>() != channels_.size())
    throw InputError("input: expected " + std::to_string(channels_.size()) + " channels; got " +
                     std::to_string(input.extent<'C'>()));
  TensorBCL<std::int8_t> output(input.shape());
  run(input.data(), output.data(), input.extent<'B'>(), input.extent<'L'>());
  return output;
}

}  // namespace quasim::stages
