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

/// What both dataflows have: shapes, widths and weights.
LayerProgram random_weights(std::mt19937_64& random, int channels, int taps,
                            const sc::PipelineConfig& config) {
  LayerProgram program;
  program.name = "random";
  program.taps = taps;
  program.mult_bits = config.mult_bits;
  program.bias_bits = config.bias_bits;
  program.weight =
      TensorCK<std::int8_t>({static_cast<std::size_t>(channels), static_cast<std::size_t>(taps)});
  for (std::size_t i = 0; i < program.weight.size(); ++i) program.weight.data()[i] = sample(random);
  return program;
}

std::int64_t exact_p(const LayerProgram& program, std::size_t channel, std::int64_t acc) {
  return std::int64_t{program.stage().multiplier} * acc + program.bias_words[channel];
}

std::int8_t expected_two_step(const StageProgram& stage, std::int64_t p) {
  return stage.silu_entry(
      spec::clamp_bits(spec::round_shift(p, stage.shift_bits, stage.rounding), stage.conv_bits));
}

/// By division and remainder; no shift, mask or cast of the stages.
std::int8_t expected_fused(const FusedTables& tables, std::int64_t p) {
  const std::int64_t u = std::min<std::int64_t>(std::max<std::int64_t>(p, 0), 4194303);
  const auto cells = static_cast<std::int64_t>(tables.guess.size());
  const std::int64_t cell_width = 4194304 / cells;
  const GuessCell cell = tables.guess[static_cast<std::size_t>(u / cell_width)];
  const std::int64_t part = u % cell_width / (cell_width / 32);
  const std::int64_t c = (cell.base + cell.slope * part / 32) % 512 / 2;
  const auto near = static_cast<std::int64_t>(tables.near.size());
  bool reached = false;
  if (c < near) {
    reached = u >= tables.near[static_cast<std::size_t>(c)];
  } else {
    const std::int64_t threshold = tables.far[static_cast<std::size_t>((c - near) % 128)];
    reached = (u + 65536 - threshold) % 65536 < 32768;
  }
  const std::int64_t rank = c + (reached ? 1 : 0);
  const std::int64_t out = rank <= tables.turn ? -rank : rank - 2 * tables.turn;
  return static_cast<std::int8_t>((out + 128 + 256 * 4) % 256 - 128);
}

}  // namespace

LayerProgram random_two_step_program(std::mt19937_64& random, int channels, int taps,
                                     const sc::PipelineConfig& config) {
  LayerProgram program = random_weights(random, channels, taps, config);
  StageProgram& stage = program.stage();
  stage.conv_bits = config.conv_bits;
  // A shift that keeps a good part of the accumulators inside the clamp; small ones make ties.
  stage.shift_bits = static_cast<int>(uniform(random, 0, 30));
  const std::int64_t top = std::min<std::int64_t>(
      (std::int64_t{1} << program.mult_bits) - 1,
      std::max<std::int64_t>(1, (std::int64_t{1} << stage.shift_bits) >> (14 - stage.conv_bits)));
  stage.multiplier = static_cast<std::uint32_t>(uniform(random, 0, top));
  stage.rounding = uniform(random, 0, 1) == 0 ? Rounding::kHalfEven : Rounding::kHalfAway;
  const std::int64_t widest = spec::max_of_bits(program.bias_bits);
  const std::int64_t bias_limit =
      std::min(widest, std::int64_t{1} << (stage.shift_bits + stage.conv_bits - 1));
  for (int channel = 0; channel < channels; ++channel)
    program.bias_words.push_back(uniform(random, 0, 15) == 0
                                     ? uniform(random, spec::min_of_bits(program.bias_bits), widest)
                                     : uniform(random, -bias_limit, bias_limit));
  for (int i = 0; i < 1 << stage.conv_bits; ++i) stage.silu_table.push_back(sample(random));
  if (config.folded) {
    const int half = 1 << (stage.conv_bits - 1);
    stage.silu_table[static_cast<std::size_t>(half)] = 0;
    for (int size = 1; size <= half; ++size) {
      const auto g = uniform(random, 0, 15);
      stage.silu_table[static_cast<std::size_t>(half - size)] = static_cast<std::int8_t>(-g);
      if (size < half)
        stage.silu_table[static_cast<std::size_t>(half + size)] = static_cast<std::int8_t>(size - g);
    }
  }
  return program;
}

LayerProgram random_fused_program(std::mt19937_64& random, int channels, int taps,
                                  const sc::PipelineConfig& config) {
  LayerProgram program = random_weights(random, channels, taps, config);
  StageProgram& stage = program.stage();
  stage.dataflow = Dataflow::kFused;
  stage.rounding = Rounding::kHalfAway;
  // In one program of three, u and the thresholds are multiples of a power of two, so that they often meet.
  const int grain_bits = uniform(random, 0, 2) == 0 ? std::min(int{spec::kFarBits}, config.mult_bits - 2) : 0;
  const auto coarse = [grain_bits](std::int64_t value) { return value >> grain_bits << grain_bits; };
  const std::int64_t widest_multiplier = (std::int64_t{1} << config.mult_bits) - 1;
  stage.multiplier = static_cast<std::uint32_t>(
      grain_bits > 0 ? uniform(random, 0, 3) << grain_bits
                     : uniform(random, 0, std::min<std::int64_t>(400, widest_multiplier)));
  const std::int64_t widest = spec::max_of_bits(program.bias_bits);
  const std::int64_t top = std::min<std::int64_t>(widest, 4194303);
  for (int channel = 0; channel < channels; ++channel)
    program.bias_words.push_back(coarse(uniform(random, 0, 15) == 0
                                            ? uniform(random, spec::min_of_bits(program.bias_bits), widest)
                                            : uniform(random, 0, top)));
  FusedTables& tables = stage.fused;
  tables.turn = static_cast<int>(uniform(random, 0, 63));
  for (int i = 0; i < 1 << config.cell_bits; ++i)
    tables.guess.push_back({static_cast<std::uint16_t>(uniform(random, 0, 511)),
                            static_cast<std::uint8_t>(uniform(random, 0, 63))});
  for (int i = 0; i < config.near_rows; ++i)
    tables.near.push_back(static_cast<std::uint32_t>(coarse(uniform(random, 0, 4194303))));
  for (int i = 0; i < spec::kFarRows; ++i)
    tables.far.push_back(static_cast<std::uint16_t>(coarse(uniform(random, 0, 65535))));
  return program;
}

LayerProgram random_program(std::mt19937_64& random, int channels, int taps,
                            const sc::PipelineConfig& config) {
  const bool fused = config.fused && (!config.two_step || uniform(random, 0, 1) == 0);
  return fused ? random_fused_program(random, channels, taps, config)
               : random_two_step_program(random, channels, taps, config);
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
        const StageProgram& stage = program.stage_of(c);
        const std::int64_t p = exact_p(program, c, acc);
        output.at(b, c, t) = stage.is_fused() ? expected_fused(stage.fused, p) : expected_two_step(stage, p);
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
