#include "tests/cosim/random_layer.hpp"

#include <algorithm>

namespace quasim::test {
namespace {

std::int64_t uniform(std::mt19937_64& random, std::int64_t low, std::int64_t high) {
  return std::uniform_int_distribution<std::int64_t>(low, high)(random);
}

std::int8_t sample(std::mt19937_64& random) {
  return static_cast<std::int8_t>(uniform(random, -128, 127));
}

}  // namespace

LayerProgram random_program(std::mt19937_64& random, int channels, int taps,
                            const sc::PipelineConfig& config) {
  LayerProgram program;
  program.name = "random";
  program.taps = taps;
  program.conv_bits = config.conv_bits;
  program.mult_bits = config.mult_bits;
  program.bias_bits = config.bias_bits;
  program.weight =
      TensorCK<std::int8_t>({static_cast<std::size_t>(channels), static_cast<std::size_t>(taps)});
  for (std::size_t i = 0; i < program.weight.size(); ++i) program.weight.data()[i] = sample(random);
  // A shift that keeps a good part of the accumulators inside the clamp; small ones make ties.
  program.shift_bits = static_cast<int>(uniform(random, 0, 30));
  const std::int64_t top = std::min<std::int64_t>(
      (std::int64_t{1} << program.mult_bits) - 1,
      std::max<std::int64_t>(1, (std::int64_t{1} << program.shift_bits) >> (14 - program.conv_bits)));
  program.multiplier = static_cast<std::uint32_t>(uniform(random, 0, top));
  program.rounding = uniform(random, 0, 1) == 0 ? Rounding::kHalfEven : Rounding::kHalfAway;
  const std::int64_t widest = spec::max_of_bits(program.bias_bits);
  const std::int64_t bias_limit =
      std::min(widest, std::int64_t{1} << (program.shift_bits + program.conv_bits - 1));
  for (int channel = 0; channel < channels; ++channel)
    program.bias_words.push_back(uniform(random, 0, 15) == 0
                                     ? uniform(random, spec::min_of_bits(program.bias_bits), widest)
                                     : uniform(random, -bias_limit, bias_limit));
  for (int i = 0; i < 1 << program.conv_bits; ++i) program.silu_table.push_back(sample(random));
  return program;
}

TensorBCL<std::int8_t> random_input(std::mt19937_64& random, std::size_t sequences, std::size_t channels,
                                    std::size_t length) {
  TensorBCL<std::int8_t> input({sequences, channels, length});
  for (std::size_t i = 0; i < input.size(); ++i)
    input.data()[i] = uniform(random, 0, 7) == 0 ? std::int8_t{-128} : sample(random);
  return input;
}

TensorBCL<std::int8_t> expected_output(const LayerProgram& program, const TensorBCL<std::int8_t>& input) {
  TensorBCL<std::int8_t> output(input.shape());
  const auto taps = static_cast<std::size_t>(program.taps);
  for (std::size_t b = 0; b < input.extent<'B'>(); ++b)
    for (std::size_t c = 0; c < input.extent<'C'>(); ++c)
      for (std::size_t t = 0; t < input.extent<'L'>(); ++t) {
        std::int64_t acc = 0;
        for (std::size_t k = 0; k < taps; ++k)
          if (t + k + 1 >= taps)
            acc += std::int64_t{program.weight.at(c, k)} * input.at(b, c, t + k + 1 - taps);
        const std::int64_t p = std::int64_t{program.multiplier} * acc + program.bias_words[c];
        const std::int64_t q =
            spec::clamp_bits(spec::round_shift(p, program.shift_bits, program.rounding), program.conv_bits);
        output.at(b, c, t) = program.silu_entry(q);
      }
  return output;
}

TensorBCL<std::int8_t> slice_time(const TensorBCL<std::int8_t>& tensor, std::size_t begin, std::size_t end) {
  TensorBCL<std::int8_t> slice({tensor.extent<'B'>(), tensor.extent<'C'>(), end - begin});
  for (std::size_t b = 0; b < tensor.extent<'B'>(); ++b)
    for (std::size_t c = 0; c < tensor.extent<'C'>(); ++c)
      for (std::size_t t = begin; t < end; ++t) slice.at(b, c, t - begin) = tensor.at(b, c, t);
  return slice;
}

}  // namespace quasim::test
