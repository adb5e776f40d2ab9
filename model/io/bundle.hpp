// The layer bundle: a directory with layer.json, conv1d_weight.npy, conv1d_bias.npy, conv1d_input.npy,
// channel_group.npy where the layer has groups, and golden/. This is its only reader and writer.
//
// A layer of G groups is G layers side by side. Everything that computes takes a Bundle, which is one group,
// with scales of its own; a GroupedBundle is the layer as a whole, and its group() hands them out.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "io/strict_json.hpp"
#include "spec/contract.hpp"
#include "types/groups.hpp"
#include "types/tensor.hpp"

namespace quasim {

/// The scalars of a layer of one group, or of one group of several. Scales are finite, positive, normal fp32.
struct LayerParams {
  std::string name;  ///< of one group of several: LAYER/GROUP
  int channels = 0;  ///< C, those of the group
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
  Activation activation = Activation::kSilu;
  Fp32Json source;

  /// s_c: conv_scale, or output_scale where it is absent.
  float effective_conv_scale() const { return conv_scale.value_or(output_scale); }
  Rounding effective_rounding() const { return rounding.value_or(default_rounding(dataflow)); }
};

/// The layer as a variant computes it: with the variant's dataflow and rounding instead of its own.
LayerParams as_variant(LayerParams layer, const Variant& variant);

/// Which group of its layer a bundle is.
struct GroupPart {
  std::string name;
  std::size_t index = 0;
  Channels channels;  ///< of the layer, in the order of the bundle's own
  std::size_t layer_channels = 0;
};

struct Bundle {
  std::filesystem::path directory;  ///< of the layer
  LayerParams layer;
  TensorCK<std::int8_t> weight;
  std::vector<std::int8_t> bias;  ///< [C]; empty where the layer has none
  std::optional<TensorBCL<std::int8_t>> input;
  std::optional<GroupPart> part;  ///< none where the layer has one group

  int bias_of(int channel) const { return bias.empty() ? 0 : bias[static_cast<std::size_t>(channel)]; }
  /// The input; throws InputError naming the missing file.
  const TensorBCL<std::int8_t>& require_input() const;
  std::filesystem::path golden_directory(const Variant& variant) const {
    return directory / "golden" / variant.to_string();
  }
};

/// layer.json, and channel_group.npy, of either format.
struct GroupedLayer {
  std::string name;
  int channels = 0;  ///< C, all of them
  int taps = 0;
  std::vector<LayerParams> groups;       ///< one at least
  std::vector<std::string> group_names;  ///< one each; empty in quasim.layer/1
  ChannelGroup channel_group;            ///< [C]; empty where there is one group

  /// The params of the one group. Throws InputError naming `directory`, key, count and names where there are
  /// more.
  const LayerParams& only(const std::filesystem::path& directory) const;
};
GroupedLayer as_variant(GroupedLayer layer, const Variant& variant);

/// A layer as a whole.
struct GroupedBundle {
  std::filesystem::path directory;
  GroupedLayer layer;
  TensorCK<std::int8_t> weight;
  std::vector<std::int8_t> bias;  ///< [C]; empty where the layer has none
  std::optional<TensorBCL<std::int8_t>> input;

  std::size_t groups() const { return layer.groups.size(); }
  /// One group with its channels in their order; the whole layer where it has one.
  Bundle group(std::size_t index) const;
  /// All of them.
  std::vector<Bundle> split() const;
  /// The channels of each group.
  std::vector<Channels> channels() const;
  /// The input; throws InputError naming the missing file.
  const TensorBCL<std::int8_t>& require_input() const;
  std::filesystem::path golden_directory(const Variant& variant) const {
    return directory / "golden" / variant.to_string();
  }
};

/// The layer of a bundle as its layer.json has it now. Throws InputError naming the key.
GroupedLayer read_grouped_layer(const std::filesystem::path& directory);

/// Reads and validates a bundle of any number of groups. conv1d_input.npy may be absent. Throws InputError
/// with one line that names file, field and what was expected.
GroupedBundle read_grouped_bundle(const std::filesystem::path& directory);
/// The same without conv1d_input.npy, which may be larger than memory: it is not looked at.
GroupedBundle read_grouped_bundle_without_input(const std::filesystem::path& directory);

/// The same of a layer of one group; one of more is refused with their count and names.
LayerParams read_layer(const std::filesystem::path& directory);
Bundle read_bundle(const std::filesystem::path& directory);
/// The layer that a bundle is of, or its group of it, as layer.json has it now.
LayerParams read_layer_of(const Bundle& bundle);
Bundle read_bundle_without_input(const std::filesystem::path& directory);

/// Writes layer.json and the tensors, quasim.layer/1 where that can say all there is: a bundle with other
/// files in it has no layer.json in the moment in which they change. An input that the bundle does not have,
/// and goldens, are left alone.
void write_bundle(const GroupedBundle& bundle);
void write_bundle(const Bundle& bundle);
/// The same files, one after the other, into a directory that has none of them.
void write_bundle_files(const GroupedBundle& bundle, const std::filesystem::path& directory);

/// One golden tensor, [B, C, L] of the whole layer; throws InputError when it is missing or has another shape
/// or dtype.
template <class T>
TensorBCL<T> read_golden(const GroupedBundle& bundle, const Variant& variant, const std::string& tensor_name);
/// The bundle's own channels of it.
template <class T>
TensorBCL<T> read_golden(const Bundle& bundle, const Variant& variant, const std::string& tensor_name);
/// The bundle's own channels of any tensor of its layer, which has the shape of the layer's input.
template <class T>
TensorBCL<T> read_layer_tensor(const Bundle& bundle, const std::filesystem::path& file);

}  // namespace quasim
