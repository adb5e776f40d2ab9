#include "compile/nearest.hpp"

#include <algorithm>
#include <cmath>

#include "spec/error.hpp"

namespace quasim::compile {
namespace {

/// Nearest integer, ties to even, saturated to `bits` signed bits.
std::int64_t nearest_saturated(double value, int bits) {
  const double limit = std::ldexp(1.0, bits - 1);
  if (value >= limit) return spec::max_of_bits(bits);
  if (value <= -limit) return spec::min_of_bits(bits);
  return std::min(static_cast<std::int64_t>(std::nearbyint(value)), spec::max_of_bits(bits));
}

}  // namespace

LayerProgram nearest_program(const Bundle& bundle, const Widths& widths) {
  const LayerParams& layer = bundle.layer;
  if (layer.dataflow != Dataflow::kTwoStep)
    throw InputError("dataflow: expected two_step; a multiplier program cannot express " +
                     std::string(to_string(layer.dataflow)));
  LayerProgram program;
  StageProgram& stage = program.stage();
  program.name = layer.name;
  program.taps = layer.taps;
  stage.conv_bits = layer.conv_bits;
  program.mult_bits = widths.mult_bits;
  program.bias_bits = widths.bias_bits;
  stage.rounding = layer.effective_rounding();
  program.weight = bundle.weight;

  const double conv_scale = layer.effective_conv_scale();
  const double ratio = static_cast<double>(layer.input_scale) * layer.weight_scale / conv_scale;
  // ratio = fraction * 2^exponent with fraction in [1/2, 1): a multiplier of mult_bits bits has S = mult_bits
  // - exponent.
  int exponent = 0;
  (void)std::frexp(ratio, &exponent);
  const int headroom_bits = widths.bias_bits - layer.conv_bits - 1;  // q over its whole range must fit in B
  stage.shift_bits =
      std::clamp(widths.mult_bits - exponent, 0, std::min(int{spec::kShiftMax}, headroom_bits));
  const auto nearest_ratio = [&] {
    return nearest_saturated(std::ldexp(ratio, stage.shift_bits), widths.mult_bits + 2);
  };
  std::int64_t multiplier = nearest_ratio();
  if (multiplier >> widths.mult_bits != 0 && stage.shift_bits > 0) {  // rounding carried out of the top bit
    --stage.shift_bits;
    multiplier = nearest_ratio();
  }
  const std::int64_t largest = (std::int64_t{1} << widths.mult_bits) - 1;
  stage.multiplier = static_cast<std::uint32_t>(std::min(multiplier, largest));
  for (int channel = 0; channel < layer.channels; ++channel) {
    const double bias =
        static_cast<double>(layer.bias_scale.value_or(0.0F)) * bundle.bias_of(channel) / conv_scale;
    program.bias_words.push_back(nearest_saturated(std::ldexp(bias, stage.shift_bits), widths.bias_bits));
  }
  for (std::int64_t q = spec::min_of_bits(layer.conv_bits); q <= spec::max_of_bits(layer.conv_bits); ++q) {
    const double u = static_cast<double>(q) * conv_scale;
    const double activated = layer.activation == Activation::kIdentity ? u : u / (1.0 + std::exp(-u));
    const double scaled = activated / layer.output_scale;
    const double rounded =
        stage.rounding == Rounding::kHalfEven ? std::nearbyint(scaled) : std::round(scaled);
    stage.silu_table.push_back(static_cast<std::int8_t>(std::clamp(rounded, -128.0, 127.0)));
  }
  program.validate();
  return program;
}

}  // namespace quasim::compile
