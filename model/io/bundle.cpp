#include "io/bundle.hpp"

#include <algorithm>
#include <cerrno>
#include <numeric>
#include <system_error>

#include "io/files.hpp"
#include "io/json_text.hpp"
#include "io/npy.hpp"
#include "io/outputs.hpp"
#include "spec/error.hpp"

namespace quasim {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kJsonLimitBytes = std::size_t{64} << 20;
constexpr std::int64_t kMaxChannels = 1 << 24;
constexpr char kLayerFormatOne[] = "quasim.layer/1", kFormatGroups[] = "quasim.layer/2";
constexpr char kGroupFile[] = "channel_group.npy";

using LayerFields = JsonFields<Fp32Json>;

/// The scales of one group, or of a layer without groups.
void read_scales(LayerFields& fields, LayerParams& layer) {
  layer.input_scale = fields.scale("input_scale");
  layer.weight_scale = fields.scale("weight_scale");
  layer.output_scale = fields.scale("output_scale");
  if (const Fp32Json* value = fields.optional("bias_scale"))
    layer.bias_scale = fields.scale("bias_scale", *value);
  if (const Fp32Json* value = fields.optional("conv_scale"))
    layer.conv_scale = fields.scale("conv_scale", *value);
}

/// What the groups of a layer share.
void read_common(LayerFields& fields, const fs::path& file, LayerParams& layer) {
  layer.name = fields.text("name");
  layer.channels = static_cast<int>(fields.integer("channels", 1, kMaxChannels));
  layer.taps = static_cast<int>(fields.integer("taps", spec::kTapsMin, spec::kTapsMax));
  if (const Fp32Json* value = fields.optional("bias")) {
    if (!value->is_boolean())
      throw InputError(file, "bias", "true or false: whether conv1d_bias.npy exists; got " + value->dump());
    layer.has_bias = value->get<bool>();
  }
  if (const Fp32Json* value = fields.optional("conv_bits"))
    layer.conv_bits =
        static_cast<int>(fields.integer("conv_bits", *value, spec::kConvBitsMin, spec::kConvBitsMax));
  try {
    if (fields.optional("dataflow") != nullptr)
      layer.dataflow = parse_dataflow(fields.text("dataflow", "two_step or fused"));
    if (fields.optional("rounding") != nullptr)
      layer.rounding = parse_rounding(fields.text("rounding", "half_even or half_away"));
  } catch (const InputError& error) {
    throw InputError(file.string() + ": " + error.what());
  }
  if (const Fp32Json* value = fields.optional("source")) layer.source = *value;
}

/// Groups name folders and rows of tables.
void require_group_name(const LayerFields& fields, const std::string& name,
                        const std::vector<std::string>& names) {
  if (name.empty() || name == "." || name == ".." || name.find('/') != std::string::npos ||
      name != printable(name))
    fields.refuse("name", "a printable name without /; got \"" + name + "\"");
  if (std::find(names.begin(), names.end(), name) != names.end())
    fields.refuse("name", "each name once; got \"" + name + "\" again");
}

void read_groups(LayerFields& fields, const fs::path& file, const LayerParams& common, GroupedLayer& layer) {
  const std::string expectation =
      "a list of 1 to " + std::to_string(kGroupsMax) + " groups, each with its scales";
  const Fp32Json& groups = fields.list("groups", expectation);
  if (groups.empty() || groups.size() > kGroupsMax)
    fields.refuse("groups", expectation + "; got " + std::to_string(groups.size()));
  for (const Fp32Json& json : groups) {
    const std::string place = "groups[" + std::to_string(layer.groups.size()) + "]";
    LayerFields group(json, file, place, place + ".");
    const std::string name = group.text("name");
    require_group_name(group, name, layer.group_names);
    LayerParams params = common;
    if (groups.size() > 1) params.name += "/" + name;
    read_scales(group, params);
    group.refuse_unknown();
    layer.group_names.push_back(name);
    layer.groups.push_back(std::move(params));
  }
}

GroupedLayer parse_layer(const Fp32Json& json, const fs::path& file) {
  LayerFields fields(json, file, "layer");
  const std::string expectation =
      std::string("the string \"") + kLayerFormatOne + "\" or \"" + kFormatGroups + "\"";
  const std::string format = fields.text("format", expectation);
  if (format != kLayerFormatOne && format != kFormatGroups)
    fields.refuse("format", expectation + "; got \"" + shortened(format, 60) + "\"");
  LayerParams common;
  read_common(fields, file, common);
  GroupedLayer layer{common.name, common.channels, common.taps, {}, {}, {}};
  if (format == kLayerFormatOne) {
    read_scales(fields, common);
    layer.groups.push_back(std::move(common));
  } else {
    if (fields.optional("activation") != nullptr) {
      const std::string word = fields.text("activation", "silu or identity");
      if (word != "silu" && word != "identity")
        fields.refuse("activation", "silu or identity; got \"" + word + "\"");
      common.activation = parse_activation(word);
    }
    read_groups(fields, file, common, layer);
  }
  fields.refuse_unknown();
  return layer;
}

/// channel_group.npy, for a layer that has been parsed. The channels of each group are counted.
void read_channel_group(const fs::path& directory, GroupedLayer& layer) {
  const fs::path file = directory / kGroupFile;
  if (layer.group_names.empty()) {
    if (is_present(file))
      throw InputError(directory / "layer.json", "format",
                       std::string("the string \"") + kFormatGroups + "\", because " + kGroupFile +
                           " exists; got \"" + kLayerFormatOne + "\"");
    return;
  }
  if (!is_present(file))
    throw InputError(file, "file", "a uint16 tensor [C], the group of each channel; it is missing");
  Tensor<std::uint16_t, 'C'> groups;
  read_npy(file, groups, {static_cast<std::size_t>(layer.channels)});
  std::vector<Channels> channels;
  try {
    channels = channels_by_group(groups.elements(), layer.groups.size());
  } catch (const InputError& error) {
    throw InputError(file.string() + ": " + error.what());
  }
  for (std::size_t g = 0; g < channels.size(); ++g)
    layer.groups[g].channels = static_cast<int>(channels[g].size());
  if (layer.groups.size() > 1) layer.channel_group = groups.elements();
}

/// A bias that is not there must have been said not to be: by "bias": false, or by a layer.json without
/// bias_scale.
std::vector<std::int8_t> read_bias(const GroupedBundle& bundle) {
  const GroupedLayer& layer = bundle.layer;
  const fs::path layer_file = bundle.directory / "layer.json", file = bundle.directory / "conv1d_bias.npy";
  const std::optional<bool> says = layer.groups.front().has_bias;
  const auto has_scale = [](const LayerParams& group) { return group.bias_scale.has_value(); };
  const bool wanted = says.value_or(std::any_of(layer.groups.begin(), layer.groups.end(), has_scale));
  if (!is_present(file)) {
    if (!wanted) return {};
    throw InputError(file, "file",
                     std::string("an int8 tensor [C]; it is missing, and layer.json has ") +
                         (says ? "\"bias\": true" : "bias_scale without \"bias\": false"));
  }
  if (!says.value_or(true))
    throw InputError(layer_file, "bias", "true, because conv1d_bias.npy exists; got false");
  for (std::size_t g = 0; g < layer.groups.size(); ++g)
    if (!has_scale(layer.groups[g]))
      throw InputError(layer_file,
                       (layer.group_names.empty() ? "" : "groups[" + std::to_string(g) + "].") + "bias_scale",
                       "a scale, because conv1d_bias.npy exists");
  Tensor<std::int8_t, 'C'> bias;
  read_npy(file, bias, {bundle.weight.extent<'C'>()});
  return bias.elements();
}

[[noreturn]] void refuse_missing_input(const fs::path& directory) {
  throw InputError(directory / "conv1d_input.npy", "file", "an int8 tensor [B, C, L]; it is missing");
}

/// A bundle of one group as it is read and written.
GroupedBundle whole_of(const Bundle& bundle) {
  GroupedLayer layer{bundle.layer.name, bundle.layer.channels, bundle.layer.taps, {bundle.layer}, {}, {}};
  return {bundle.directory, std::move(layer), bundle.weight, bundle.bias, bundle.input};
}

using FloatJson = nlohmann::basic_json<nlohmann::ordered_map, std::vector, std::string, bool, std::int64_t,
                                       std::uint64_t, float>;

void write_scales(FloatJson& json, const LayerParams& layer) {
  json["input_scale"] = layer.input_scale;
  json["weight_scale"] = layer.weight_scale;
  if (layer.bias_scale) json["bias_scale"] = *layer.bias_scale;
}

void write_output_scales(FloatJson& json, const LayerParams& layer) {
  json["output_scale"] = layer.output_scale;
  if (layer.conv_scale) json["conv_scale"] = *layer.conv_scale;
}

FloatJson layer_json(const GroupedBundle& bundle) {
  const LayerParams& first = bundle.layer.groups.front();
  const bool plain = bundle.groups() == 1 && first.activation == Activation::kSilu;
  FloatJson json;
  json["format"] = plain ? kLayerFormatOne : kFormatGroups;
  json["name"] = bundle.layer.name;
  json["channels"] = bundle.layer.channels;
  json["taps"] = bundle.layer.taps;
  if (plain) write_scales(json, first);
  if (first.has_bias || bundle.bias.empty()) json["bias"] = !bundle.bias.empty();
  if (plain) {
    write_output_scales(json, first);
  } else {
    json["groups"] = FloatJson::array();
    for (std::size_t g = 0; g < bundle.groups(); ++g) {
      FloatJson group;
      group["name"] = bundle.layer.group_names.empty() ? "all" : bundle.layer.group_names[g];
      write_scales(group, bundle.layer.groups[g]);
      write_output_scales(group, bundle.layer.groups[g]);
      json["groups"].push_back(std::move(group));
    }
    json["activation"] = std::string(to_string(first.activation));
  }
  if (first.conv_bits != spec::kConvBitsDefault) json["conv_bits"] = first.conv_bits;
  if (first.dataflow != Dataflow::kTwoStep) json["dataflow"] = std::string(to_string(first.dataflow));
  if (first.rounding) json["rounding"] = std::string(to_string(*first.rounding));
  if (!first.source.is_null()) json["source"] = first.source;
  return json;
}

}  // namespace

LayerParams as_variant(LayerParams layer, const Variant& variant) {
  layer.dataflow = variant.dataflow;
  layer.rounding = variant.rounding;
  return layer;
}

GroupedLayer as_variant(GroupedLayer layer, const Variant& variant) {
  for (LayerParams& group : layer.groups) group = as_variant(std::move(group), variant);
  return layer;
}

const LayerParams& GroupedLayer::only(const fs::path& directory) const {
  if (groups.size() == 1) return groups.front();
  std::string names;
  for (const std::string& group : group_names) names += (names.empty() ? "" : ", ") + group;
  throw InputError(directory / "layer.json", "groups",
                   "one, which is what is taken at a time here; got " + std::to_string(groups.size()) + " (" +
                       shortened(names, 80) +
                       "); quasim import --split-groups writes each as a bundle of its own");
}

const TensorBCL<std::int8_t>& Bundle::require_input() const {
  if (!input) refuse_missing_input(directory);
  return *input;
}

const TensorBCL<std::int8_t>& GroupedBundle::require_input() const {
  if (!input) refuse_missing_input(directory);
  return *input;
}

std::vector<Channels> GroupedBundle::channels() const {
  if (groups() > 1) return channels_by_group(layer.channel_group, groups());
  Channels all(weight.extent<'C'>());
  std::iota(all.begin(), all.end(), std::size_t{0});
  return {all};
}

namespace {

Bundle group_of(const GroupedBundle& whole, std::size_t index, Channels own) {
  Bundle bundle{
      whole.directory, whole.layer.groups[index], take_channels(whole.weight, own), {}, std::nullopt,
      std::nullopt};
  if (!whole.bias.empty()) bundle.bias = take_channels(whole.bias, own);
  if (whole.input) bundle.input = take_channels(*whole.input, own);
  bundle.part = GroupPart{whole.layer.group_names[index], index, std::move(own), whole.weight.extent<'C'>()};
  return bundle;
}

}  // namespace

Bundle GroupedBundle::group(std::size_t index) const {
  if (groups() == 1) return {directory, layer.groups.front(), weight, bias, input, std::nullopt};
  return group_of(*this, index, channels()[index]);
}

std::vector<Bundle> GroupedBundle::split() const {
  if (groups() == 1) return {group(0)};
  std::vector<Channels> all = channels();
  std::vector<Bundle> bundles;
  for (std::size_t g = 0; g < groups(); ++g) bundles.push_back(group_of(*this, g, std::move(all[g])));
  return bundles;
}

GroupedLayer read_grouped_layer(const fs::path& directory) {
  const fs::path file = directory / "layer.json";
  GroupedLayer layer = parse_layer(parse_json_strict(read_text_file(file, kJsonLimitBytes), file), file);
  read_channel_group(directory, layer);
  return layer;
}

GroupedBundle read_grouped_bundle_without_input(const fs::path& directory) {
  std::error_code error;
  if (!fs::is_directory(directory, error))
    throw InputError(directory, "bundle", "a directory with layer.json");
  GroupedBundle bundle;
  bundle.directory = directory;
  bundle.layer = read_grouped_layer(directory);
  const auto channels = static_cast<std::size_t>(bundle.layer.channels);
  const auto taps = static_cast<std::size_t>(bundle.layer.taps);
  read_npy(directory / "conv1d_weight.npy", bundle.weight, {channels, taps});
  bundle.bias = read_bias(bundle);
  // Not read here, but one that cannot be opened is an error and never "there is none".
  const fs::path input_file = directory / "conv1d_input.npy";
  if (is_present(input_file)) static_cast<void>(InputFile(input_file));
  return bundle;
}

GroupedBundle read_grouped_bundle(const fs::path& directory) {
  GroupedBundle bundle = read_grouped_bundle_without_input(directory);
  const fs::path input_file = directory / "conv1d_input.npy";
  if (is_present(input_file)) {
    TensorBCL<std::int8_t> input;
    read_npy(input_file, input, {kAnyExtent, bundle.weight.extent<'C'>(), kAnyExtent});
    bundle.input = std::move(input);
  }
  return bundle;
}

LayerParams read_layer(const fs::path& directory) {
  return read_grouped_layer(directory).only(directory);
}

LayerParams read_layer_of(const Bundle& bundle) {
  const GroupedLayer layer = read_grouped_layer(bundle.directory);
  if (!bundle.part) return layer.only(bundle.directory);
  const std::size_t index = bundle.part->index;
  if (index >= layer.group_names.size() || layer.group_names[index] != bundle.part->name)
    throw InputError(
        bundle.directory / "layer.json", "groups",
        "'" + bundle.part->name + "' at place " + std::to_string(index) + ", as it was read before");
  return layer.groups[index];
}

Bundle read_bundle_without_input(const fs::path& directory) {
  const GroupedBundle bundle = read_grouped_bundle_without_input(directory);
  bundle.layer.only(directory);
  return bundle.group(0);
}

Bundle read_bundle(const fs::path& directory) {
  const GroupedBundle bundle = read_grouped_bundle(directory);
  bundle.layer.only(directory);
  return bundle.group(0);
}

void write_bundle_files(const GroupedBundle& bundle, const fs::path& directory) {
  const FloatJson json = layer_json(bundle);
  write_npy(directory / "conv1d_weight.npy", bundle.weight);
  if (!bundle.bias.empty())
    write_npy_bytes(directory / "conv1d_bias.npy", DType::kInt8, {bundle.bias.size()}, bundle.bias.data());
  if (json["format"] == kFormatGroups) {
    ChannelGroup groups = bundle.layer.channel_group;
    groups.resize(bundle.weight.extent<'C'>());  // of one group: all 0
    write_npy_bytes(directory / kGroupFile, DType::kUInt16, {groups.size()}, groups.data());
  }
  if (bundle.input) write_npy(directory / "conv1d_input.npy", *bundle.input);
  write_text_file(directory / "layer.json", json_text(json) + "\n");
}

void write_bundle(const GroupedBundle& bundle) {
  std::vector<std::string> names{"conv1d_weight.npy", "conv1d_bias.npy", kGroupFile};
  if (bundle.input) names.emplace_back("conv1d_input.npy");
  names.emplace_back("layer.json");
  FileSet files(bundle.directory, std::move(names), {}, {});
  write_bundle_files(bundle, files.begin());
  files.commit();
}

void write_bundle(const Bundle& bundle) {
  write_bundle(whole_of(bundle));
}

namespace {

fs::path golden_tensor(const fs::path& golden, const std::string& name) {
  return golden / (name + ".npy");
}

}  // namespace

template <class T>
TensorBCL<T> read_layer_tensor(const Bundle& bundle, const fs::path& file) {
  auto shape = bundle.require_input().shape();
  if (bundle.part) shape[1] = bundle.part->layer_channels;
  TensorBCL<T> tensor;
  read_npy(file, tensor, shape);
  return bundle.part ? take_channels(tensor, bundle.part->channels) : tensor;
}

template <class T>
TensorBCL<T> read_golden(const Bundle& bundle, const Variant& variant, const std::string& tensor_name) {
  return read_layer_tensor<T>(bundle, golden_tensor(bundle.golden_directory(variant), tensor_name));
}

template <class T>
TensorBCL<T> read_golden(const GroupedBundle& bundle, const Variant& variant,
                         const std::string& tensor_name) {
  TensorBCL<T> tensor;
  read_npy(golden_tensor(bundle.golden_directory(variant), tensor_name), tensor,
           bundle.require_input().shape());
  return tensor;
}

template TensorBCL<std::int8_t> read_layer_tensor(const Bundle&, const fs::path&);
template TensorBCL<std::int8_t> read_golden(const Bundle&, const Variant&, const std::string&);
template TensorBCL<std::int16_t> read_golden(const Bundle&, const Variant&, const std::string&);
template TensorBCL<float> read_golden(const Bundle&, const Variant&, const std::string&);
template TensorBCL<std::int8_t> read_golden(const GroupedBundle&, const Variant&, const std::string&);
template TensorBCL<std::int16_t> read_golden(const GroupedBundle&, const Variant&, const std::string&);
template TensorBCL<float> read_golden(const GroupedBundle&, const Variant&, const std::string&);

}  // namespace quasim
