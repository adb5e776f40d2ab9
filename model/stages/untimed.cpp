#include "stages/untimed.hpp"

#include <algorithm>
#include <map>

#include "spec/error.hpp"
#include "stages/fp32_form.hpp"
#include "stages/untimed_kernels.hpp"

namespace quasim::stages {
namespace {

constexpr int kByteBits = 8;

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

}  // namespace

Kernel best_kernel() {
  return has_avx512() ? Kernel::kAvx512 : (has_avx2() ? Kernel::kAvx2 : Kernel::kPortable);
}

UntimedPlan::UntimedPlan(const LayerProgram& program)
    : multiplier_(program.multiplier),
      shift_bits_(program.shift_bits),
      conv_bits_(program.conv_bits),
      rounding_(program.rounding),
      table_(program.silu_table) {
  program.validate();
  std::map<std::int64_t, Range>
      ranges;  // channels with one bias word share a form, over all that any of them reaches
  const auto taps = static_cast<std::size_t>(program.taps);
  for (std::size_t c = 0; c < program.bias_words.size(); ++c) {
    ChannelPlan channel;
    std::copy_n(program.weight.data() + c * taps, taps,
                channel.weights.end() - static_cast<std::ptrdiff_t>(taps));
    channel.bias_word = program.bias_words[c];
    const Range reach = reach_of(channel);
    Range& range = ranges[channel.bias_word];
    range = {std::min(range.min, reach.min), std::max(range.max, reach.max)};
    channels_.push_back(channel);
  }
  if (conv_bits_ > kByteBits) return;
  for (int q = -128; q <= 127; ++q)
    table8_[static_cast<std::uint8_t>(q)] = program.silu_entry(spec::clamp_bits(q, conv_bits_));
  std::map<std::int64_t, std::optional<Fp32Form>> forms;
  for (const auto& [word, range] : ranges) forms[word] = find_fp32_form(program, word, range.min, range.max);
  for (ChannelPlan& channel : channels_) {
    auto form = forms[channel.bias_word];
    if (!form) {  // the channel's own range may be narrower than that of all channels with its bias word
      const Range reach = reach_of(channel);
      form = find_fp32_form(program, channel.bias_word, reach.min, reach.max);
    }
    if (!form) continue;
    channel.fp32 = true;
    channel.a = form->a;
    channel.b = form->b;
  }
}

std::size_t UntimedPlan::fp32_channels() const {
  return static_cast<std::size_t>(std::count_if(channels_.begin(), channels_.end(),
                                                [](const ChannelPlan& channel) { return channel.fp32; }));
}

void UntimedPlan::run(const std::int8_t* x, std::int8_t* out, std::size_t sequences, std::size_t length_elems,
                      Kernel kernel) const {
  if (length_elems == 0) return;
  const IntegerStages stages{multiplier_, shift_bits_, conv_bits_, rounding_, table_.data()};
  for (std::size_t b = 0; b < sequences; ++b)
    for (const ChannelPlan& channel : channels_) {
      if (!channel.fp32 || kernel == Kernel::kPortable)
        integer_row(channel, stages, x, out, length_elems);
      else if (kernel == Kernel::kAvx2)
        fp32_row_avx2(channel, table8_.data(), x, out, length_elems);
      else
        fp32_row_avx512(channel, table8_.data(), x, out, length_elems);
      x += length_elems;
      out += length_elems;
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
