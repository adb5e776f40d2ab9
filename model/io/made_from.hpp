// What a golden, a program or a certificate was made from: written down when it is made, held against the
// bundle whenever it is used.
#pragma once

#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>

#include "io/bundle.hpp"

namespace quasim {

/// What identifies a layer besides its tensors: channels, taps, scales as fp32 numbers (conv_scale is there
/// even where it equals output_scale), conv_bits, the activation where it is not SiLU. Name, source and the
/// layout of layer.json do not matter.
nlohmann::ordered_json layer_parameters(const LayerParams& layer);
/// The same of a layer of any number of groups: of several, "groups" has the name and scales of each.
nlohmann::ordered_json layer_parameters(const GroupedLayer& layer);

/// Both compute the same of the same tensors; in dataflow fused conv_scale and conv_bits do not matter.
bool same_arithmetic(const LayerParams& a, const LayerParams& b);

/// What something depends on: the layer, its weights and bias; or conv1d_input.npy as well.
enum class Inputs { kLayer, kLayerAndInput };

/// SHA-256 of the files: layer.json, weight, bias, channel_group.npy, and the input where asked.
nlohmann::ordered_json bundle_hashes(const std::filesystem::path& directory, Inputs inputs = Inputs::kLayer);
inline nlohmann::ordered_json bundle_hashes(const Bundle& bundle, Inputs inputs = Inputs::kLayer) {
  return bundle_hashes(bundle.directory, inputs);
}

/// As it stands in a file.
struct MadeFrom {
  nlohmann::ordered_json layer_parameters;  ///< null in files from before it was written; then layer.json's
                                            ///< bytes count
  nlohmann::ordered_json sha256;            ///< by file name
};

/// Throws InputError with one line that names `file`, what it was made from and what is there now, where the
/// layer is another one or a file of the bundle in `directory` another file. `layer` is the one to hold
/// against; in dataflow fused conv_scale and conv_bits do not matter.
void require_made_from(const std::filesystem::path& directory, const LayerParams& layer,
                       const std::filesystem::path& file, const MadeFrom& recorded,
                       Inputs inputs = Inputs::kLayer);
/// The same of a whole layer.
void require_made_from(const std::filesystem::path& directory, const GroupedLayer& layer,
                       const std::filesystem::path& file, const MadeFrom& recorded,
                       Inputs inputs = Inputs::kLayer);

}  // namespace quasim
