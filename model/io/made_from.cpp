#include "io/made_from.hpp"

#include <array>
#include <charconv>
#include <cstdio>

#include "io/files.hpp"
#include "spec/error.hpp"

namespace quasim {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

constexpr char kLayerFile[] = "layer.json";
constexpr std::array<const char*, 3> kTensorFiles{"conv1d_weight.npy", "conv1d_bias.npy",
                                                  "channel_group.npy"};
constexpr char kInputFile[] = "conv1d_input.npy";
constexpr std::size_t kDigestShown = 12;

[[noreturn]] void refuse(const fs::path& file, const std::string& made, const std::string& now) {
  throw InputError(file.string() + ": stale: it was made " + made + "; " + now +
                   "; make it again from this bundle, or remove it");
}

std::string digest_text(const Json& digest) {
  return digest.is_string() ? digest.get<std::string>().substr(0, kDigestShown) : digest.dump();
}

/// The same number: two decimal texts of one fp32 are equal.
bool same_value(const Json& a, const Json& b) {
  if (a.is_number() && b.is_number()) return a.get<float>() == b.get<float>();
  return a == b;
}

Json parameter(const Json& parameters, const std::string& key) {
  return parameters.contains(key) ? parameters.at(key) : Json("absent");
}

/// A scale in as few digits as its fp32 needs, as people write it.
std::string number_text(const Json& value) {
  if (!value.is_number_float()) return value.dump();
  std::array<char, 32> text{};
  const auto end = std::to_chars(text.data(), text.data() + text.size(), value.get<float>()).ptr;
  return {text.data(), end};
}

/// The first parameter that differs and matters in the dataflow; empty where none does. Of a layer of several
/// groups, "groups[2].input_scale".
std::string differing_parameter(Dataflow dataflow, const Json& a, const Json& b) {
  for (const std::string key : {"channels", "taps", "input_scale", "weight_scale", "bias_scale",
                                "output_scale", "conv_scale", "conv_bits", "activation", "name"}) {
    if (dataflow == Dataflow::kFused && key.rfind("conv_", 0) == 0) continue;
    if (!same_value(parameter(a, key), parameter(b, key))) return key;
  }
  const Json groups_a = parameter(a, "groups"), groups_b = parameter(b, "groups");
  if (groups_a.is_array() != groups_b.is_array() || groups_a.size() != groups_b.size()) return "groups";
  for (std::size_t g = 0; groups_a.is_array() && g < groups_a.size(); ++g) {
    if (!groups_a[g].is_object() || !groups_b[g].is_object()) return "groups[" + std::to_string(g) + "]";
    const std::string key = differing_parameter(dataflow, groups_a[g], groups_b[g]);
    if (!key.empty()) return "groups[" + std::to_string(g) + "]." + key;
  }
  return {};
}

/// The value of a key that differing_parameter() names, as a message quotes it.
std::string parameter_text(const Json& parameters, const std::string& key) {
  std::size_t group = 0;
  if (std::sscanf(key.c_str(), "groups[%zu].", &group) == 1 && key.find('.') != std::string::npos)
    return number_text(parameter(parameters.at("groups").at(group), key.substr(key.find('.') + 1)));
  const Json value = parameter(parameters, key);
  return value.is_array() ? std::to_string(value.size()) + " of them" : number_text(value).substr(0, 80);
}

/// A layer as it is now.
struct Current {
  const fs::path& directory;
  Dataflow dataflow;
  Json parameters;
};

void require_parameters(const Current& now, const fs::path& file, const Json& recorded) {
  if (!recorded.is_object())
    throw InputError(file, "layer_parameters", "an object; got " + recorded.dump().substr(0, 40));
  const std::string key = differing_parameter(now.dataflow, recorded, now.parameters);
  if (!key.empty())
    refuse(file, "with " + key + " " + parameter_text(recorded, key),
           (now.directory / kLayerFile).string() + " has " + parameter_text(now.parameters, key));
}

void require_file(const fs::path& directory, const fs::path& file, const Json& recorded, const char* name) {
  const fs::path now_file = directory / name;
  const bool was_there = recorded.contains(name), is_there = is_present(now_file);
  if (!was_there && !is_there) return;
  if (!was_there) refuse(file, std::string("without ") + name, now_file.string() + " is there now");
  const std::string made = std::string("from ") + name + " " + digest_text(recorded.at(name)) + "...";
  if (!is_there) refuse(file, made, now_file.string() + " is missing now");
  const std::string now = sha256_of_file(now_file);
  if (recorded.at(name) != now) refuse(file, made, now_file.string() + " is " + digest_text(now) + "... now");
}

void require_current(const Current& now, const fs::path& file, const MadeFrom& recorded, Inputs inputs) {
  if (!recorded.sha256.is_object() || !recorded.sha256.contains(kTensorFiles.front()))
    throw InputError(file, "made from", "the SHA-256 of the files it was made from; they are not recorded");
  if (recorded.layer_parameters.is_null())
    require_file(now.directory, file, recorded.sha256, kLayerFile);
  else
    require_parameters(now, file, recorded.layer_parameters);
  for (const char* name : kTensorFiles) require_file(now.directory, file, recorded.sha256, name);
  if (inputs == Inputs::kLayerAndInput) require_file(now.directory, file, recorded.sha256, kInputFile);
}

void write_scales(Json& json, const LayerParams& layer) {
  json["input_scale"] = layer.input_scale;
  json["weight_scale"] = layer.weight_scale;
  if (layer.bias_scale) json["bias_scale"] = *layer.bias_scale;
  json["conv_scale"] = layer.effective_conv_scale();
  json["output_scale"] = layer.output_scale;
}

void write_common(Json& json, const LayerParams& layer) {
  json["conv_bits"] = layer.conv_bits;
  if (layer.activation != Activation::kSilu) json["activation"] = std::string(to_string(layer.activation));
}

}  // namespace

Json layer_parameters(const LayerParams& layer) {
  Json json{{"channels", layer.channels}, {"taps", layer.taps}};
  write_scales(json, layer);
  write_common(json, layer);
  return json;
}

Json layer_parameters(const GroupedLayer& layer) {
  if (layer.groups.size() == 1) return layer_parameters(layer.groups.front());
  Json json{{"channels", layer.channels}, {"taps", layer.taps}, {"groups", Json::array()}};
  for (std::size_t g = 0; g < layer.groups.size(); ++g) {
    Json group{{"name", layer.group_names[g]}};
    write_scales(group, layer.groups[g]);
    json["groups"].push_back(std::move(group));
  }
  write_common(json, layer.groups.front());
  return json;
}

bool same_arithmetic(const LayerParams& a, const LayerParams& b) {
  return a.dataflow == b.dataflow && a.effective_rounding() == b.effective_rounding() &&
         differing_parameter(a.dataflow, layer_parameters(a), layer_parameters(b)).empty();
}

Json bundle_hashes(const fs::path& directory, Inputs inputs) {
  Json hashes;
  const auto add = [&](const char* name) {
    if (is_present(directory / name)) hashes[name] = sha256_of_file(directory / name);
  };
  add(kLayerFile);
  for (const char* name : kTensorFiles) add(name);
  if (inputs == Inputs::kLayerAndInput) add(kInputFile);
  return hashes;
}

void require_made_from(const fs::path& directory, const LayerParams& layer, const fs::path& file,
                       const MadeFrom& recorded, Inputs inputs) {
  require_current({directory, layer.dataflow, layer_parameters(layer)}, file, recorded, inputs);
}

void require_made_from(const fs::path& directory, const GroupedLayer& layer, const fs::path& file,
                       const MadeFrom& recorded, Inputs inputs) {
  require_current({directory, layer.groups.front().dataflow, layer_parameters(layer)}, file, recorded,
                  inputs);
}

}  // namespace quasim
