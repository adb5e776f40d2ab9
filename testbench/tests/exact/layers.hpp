// Layers for the tests of the oracle and the compiler: random ones with a printed seed, and ones whose scales
// are meant to hurt.
#pragma once

#include <cmath>
#include <random>
#include <string>
#include <vector>

#include "exact/domain.hpp"
#include "types/program.hpp"

namespace quasim::test {

/// A bundle in memory, with no directory and no input.
inline Bundle bundle_of(const LayerParams& layer, const std::vector<std::int8_t>& weight,
                        const std::vector<std::int8_t>& bias) {
  Bundle bundle;
  bundle.layer = layer;
  bundle.layer.channels = static_cast<int>(bias.size());
  bundle.weight = TensorCK<std::int8_t>({bias.size(), static_cast<std::size_t>(layer.taps)}, weight);
  bundle.bias = bias;
  return bundle;
}

inline LayerParams layer_of(float input_scale, float weight_scale, float bias_scale, float conv_scale,
                            float output_scale, int conv_bits, Rounding rounding,
                            Dataflow dataflow = Dataflow::kTwoStep) {
  LayerParams layer;
  layer.name = "test";
  layer.channels = 1;
  layer.taps = 4;
  layer.input_scale = input_scale;
  layer.weight_scale = weight_scale;
  layer.bias_scale = bias_scale;
  layer.conv_scale = conv_scale;
  layer.output_scale = output_scale;
  layer.conv_bits = conv_bits;
  layer.rounding = rounding;
  layer.dataflow = dataflow;
  return layer;
}

struct NamedLayer {
  std::string name;
  LayerParams layer;
};

/// Scale sets that put exact ties, clamps and the ends of fp32 where they matter.
inline std::vector<NamedLayer> nasty_layers() {
  const float smallest = std::ldexp(1.0F, -126);
  std::vector<NamedLayer> layers;
  for (const Rounding rounding : {Rounding::kHalfEven, Rounding::kHalfAway})
    for (const int bits : {2, 8, 12}) {
      const auto add = [&](const char* name, float x, float w, float b, float c, float y) {
        layers.push_back({name, layer_of(x, w, b, c, y, bits, rounding)});
      };
      add("every odd acc a tie", 1.0F, 1.0F, 1.0F, 2.0F, 1.0F);
      add("ties at one acc in 128", 0.125F, 0.0625F, 0.25F, 1.0F, 0.5F);
      add("power of two relations", 0x1p-7F, 0x1p-9F, 0x1p-3F, 0x1p-11F, 0x1p-4F);
      add("saturates at the first acc", 1.0F, 1.0F, 1.0F, 0x1p-10F, 1.0F);
      add("never leaves zero", 0x1p-20F, 0x1p-20F, 0x1p-20F, 1.0F, 1.0F);
      add("smallest normal scales", smallest, 1.0F, smallest, smallest, smallest);
      add("next to the smallest", std::nextafter(smallest, 1.0F), 1.0F, smallest,
          std::nextafter(smallest, 1.0F), smallest);
      add("output scale far above", 0.07F, 0.007F, 0.005F, 0.05F, 3000.0F);
      add("output scale far below", 0.07F, 0.007F, 0.005F, 0.05F, 1e-6F);
      add("halves after silu of a large u", 64.0F, 64.0F, 4096.0F, 4096.0F, 8192.0F);
      add("bias alone decides", 0x1p-30F, 0x1p-10F, 1.0F, 2.0F, 1.0F);
      add("neighbours of a power of two", std::nextafter(0.5F, 1.0F), std::nextafter(0.5F, 0.0F), 0.5F, 2.0F,
          0.5F);
    }
  return layers;
}

/// Scales as calibration gives them, spread over several octaves.
inline LayerParams random_layer(std::mt19937_64& random) {
  std::uniform_real_distribution<float> octave(-3.0F, 3.0F);
  const auto near = [&](float centre) { return centre * std::exp2(octave(random)); };
  constexpr int kBits[] = {2, 3, 4, 6, 8, 8, 8, 8, 10, 12};
  const float output_scale = near(0.05F);
  LayerParams layer = layer_of(near(0.07F), near(0.007F), near(0.006F), near(0.05F), output_scale,
                               kBits[random() % std::size(kBits)],
                               random() % 2 == 0 ? Rounding::kHalfEven : Rounding::kHalfAway);
  if (random() % 2 == 0) layer.conv_scale.reset();
  layer.taps = 2 + static_cast<int>(random() % 3);
  return layer;
}

/// The same for dataflow fused, with output scales whose steps the threshold tables hold.
inline LayerParams random_fused_layer(std::mt19937_64& random) {
  std::uniform_real_distribution<float> octave(-2.0F, 2.0F), output(-6.0F, -2.0F);
  const auto near = [&](float centre) { return centre * std::exp2(octave(random)); };
  LayerParams layer = layer_of(near(0.07F), near(0.007F), near(0.006F), 1.0F, std::exp2(output(random)), 8,
                               Rounding::kHalfAway, Dataflow::kFused);
  layer.taps = 2 + static_cast<int>(random() % 3);
  return layer;
}

/// A fused program whose tables are noise, of any legal size.
inline LayerProgram random_fused_program(std::mt19937_64& random, int channels, int taps) {
  const auto below = [&](std::uint64_t limit) { return random() % limit; };
  LayerProgram program;
  program.name = "noise";
  program.taps = taps;
  program.bias_bits = spec::kBiasBitsMax;
  program.bias_words.resize(static_cast<std::size_t>(channels));
  program.weight =
      TensorCK<std::int8_t>({static_cast<std::size_t>(channels), static_cast<std::size_t>(taps)});
  for (std::size_t i = 0; i < program.weight.size(); ++i)
    program.weight.data()[i] = static_cast<std::int8_t>(random());
  StageProgram& stage = program.stage();
  stage.dataflow = Dataflow::kFused;
  stage.multiplier = static_cast<std::uint32_t>(below(400));
  for (std::int64_t& word : program.bias_words)
    word = below(8) == 0 ? static_cast<std::int64_t>(below(std::uint64_t{1} << 47)) - (std::int64_t{1} << 46)
                         : static_cast<std::int64_t>(below(1U << spec::kThresholdBits));
  stage.fused.turn = static_cast<int>(below(1U << spec::kTurnBits));
  for (std::size_t i = below(2) == 0 ? 16 : 32; i > 0; --i)
    stage.fused.guess.push_back({static_cast<std::uint16_t>(below(1U << spec::kCellBaseBits)),
                                 static_cast<std::uint8_t>(below(1U << spec::kCellSlopeBits))});
  for (std::size_t i = spec::kNearBlockRows * (1 + below(spec::kNearBlocksMax)); i > 0; --i)
    stage.fused.near.push_back(static_cast<std::uint32_t>(below(1U << spec::kThresholdBits)));
  for (int i = 0; i < spec::kFarRows; ++i) stage.fused.far.push_back(static_cast<std::uint16_t>(random()));
  return program;
}

/// A bundle of a few channels for a layer.
inline Bundle random_bundle(std::mt19937_64& random, const LayerParams& layer, int channels,
                            int weight_limit) {
  std::uniform_int_distribution<int> weights(-weight_limit, weight_limit), biases(-128, 127);
  std::vector<std::int8_t> weight, bias;
  for (int i = 0; i < channels * layer.taps; ++i) weight.push_back(static_cast<std::int8_t>(weights(random)));
  for (int i = 0; i < channels; ++i) bias.push_back(static_cast<std::int8_t>(biases(random)));
  return bundle_of(layer, weight, bias);
}

}  // namespace quasim::test
