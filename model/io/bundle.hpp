// The layer bundle: a directory with layer.json, conv1d_weight.npy, conv1d_bias.npy, conv1d_input.npy and
// golden/. This is its only reader and writer.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "io/strict_json.hpp"
#include "spec/contract.hpp"
#include "types/tensor.hpp"

namespace quasim {

/// The scalars of layer.json. Scales are finite, positive, normal fp32.
struct LayerParams {
  std::string name;
  int channels = 0;  ///< C
  int taps = 0;      ///< K, spec::kTapsMin to kTapsMax
  float input_scale = 0;
  float weight_scale = 0;
  std::optional<float> bias_scale;  ///< absent only where the layer has no bias
  std::optional<bool> has_bias;     ///< what "bias" says; where it says nothing, bias_scale means a bias
  float output_scale = 0;
  std::optional<float> conv_scale;
  int conv_bits = spec::kConvBitsDefault;
  Dataflow dataflow = Dataflow::kTwoStep;
  std::optional<Rounding> rounding;
  Fp32Json source;

  /// s_c: conv_scale, or output_scale where it is absent.
  float effective_conv_scale() const { return conv_scale.value_or(output_scale); }
  Rounding effective_rounding() const { return rounding.value_or(default_rounding(dataflow)); }
};

/// The layer as a variant computes it: with the variant's dataflow and rounding instead of its own.
LayerParams as_variant(LayerParams layer, const Variant& variant);

struct Bundle {
  std::filesystem::path directory;
  LayerParams layer;
  TensorCK<std::int8_t> weight;
  std::vector<std::int8_t> bias;  ///< [C]; empty where the layer has none
  std::optional<TensorBCL<std::int8_t>> input;

  int bias_of(int channel) const { return bias.empty() ? 0 : bias[static_cast<std::size_t>(channel)]; }
  /// The input; throws InputError naming the missing file.
  const TensorBCL<std::int8_t>& require_input() const;
  std::filesystem::path golden_directory(const Variant& variant) const {
    return directory / "golden" / variant.to_string();
  }
};

/// The layer of a bundle as its layer.json has it now. Throws InputError naming the key.
LayerParams read_layer(const std::filesystem::path& directory);

/// Reads and validates a bundle. conv1d_input.npy may be absent. Throws InputError with one line that names
/// file, field and what was expected.
Bundle read_bundle(const std::filesystem::path& directory);
/// The same without conv1d_input.npy, which may be larger than memory: it is not looked at.
Bundle read_bundle_without_input(const std::filesystem::path& directory);

/// Writes layer.json and the tensors: a bundle with other files in it has no layer.json in the moment in
/// which they change. An input that the bundle does not have, and goldens, are left alone.
void write_bundle(const Bundle& bundle);

/// One golden tensor, [B, C, L] like the input; throws InputError when it is missing or has another shape or
/// dtype.
template <class T>
TensorBCL<T> read_golden(const Bundle& bundle, const Variant& variant, const std::string& tensor_name);

}  // namespace quasim
