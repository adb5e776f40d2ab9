#include "io/bundle.hpp"

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
constexpr char kFormat[] = "quasim.layer/1";

LayerParams parse_layer(const Fp32Json& json, const fs::path& file) {
  JsonFields<Fp32Json> fields(json, file, "layer");
  LayerParams layer;
  fields.require_text("format", kFormat);
  layer.name = fields.text("name");
  layer.channels = static_cast<int>(fields.integer("channels", 1, kMaxChannels));
  layer.taps = static_cast<int>(fields.integer("taps", spec::kTapsMin, spec::kTapsMax));
  layer.input_scale = fields.scale("input_scale");
  layer.weight_scale = fields.scale("weight_scale");
  layer.output_scale = fields.scale("output_scale");
  if (const Fp32Json* value = fields.optional("bias_scale"))
    layer.bias_scale = fields.scale("bias_scale", *value);
  if (const Fp32Json* value = fields.optional("bias")) {
    if (!value->is_boolean())
      throw InputError(file, "bias", "true or false: whether conv1d_bias.npy exists; got " + value->dump());
    layer.has_bias = value->get<bool>();
  }
  if (const Fp32Json* value = fields.optional("conv_scale"))
    layer.conv_scale = fields.scale("conv_scale", *value);
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
  fields.refuse_unknown();
  return layer;
}

/// A bias that is not there must have been said not to be: by "bias": false, or by a layer.json without
/// bias_scale.
std::vector<std::int8_t> read_bias(const Bundle& bundle) {
  const LayerParams& layer = bundle.layer;
  const fs::path layer_file = bundle.directory / "layer.json", file = bundle.directory / "conv1d_bias.npy";
  const bool wanted = layer.has_bias.value_or(layer.bias_scale.has_value());
  if (!is_present(file)) {
    if (!wanted) return {};
    throw InputError(file, "file",
                     std::string("an int8 tensor [C]; it is missing, and layer.json has ") +
                         (layer.has_bias ? "\"bias\": true" : "bias_scale without \"bias\": false"));
  }
  if (!layer.has_bias.value_or(true))
    throw InputError(layer_file, "bias", "true, because conv1d_bias.npy exists; got false");
  if (!layer.bias_scale)
    throw InputError(layer_file, "bias_scale", "a scale, because conv1d_bias.npy exists");
  Tensor<std::int8_t, 'C'> bias;
  read_npy(file, bias, {bundle.weight.extent<'C'>()});
  return bias.elements();
}

}  // namespace

LayerParams as_variant(LayerParams layer, const Variant& variant) {
  layer.dataflow = variant.dataflow;
  layer.rounding = variant.rounding;
  return layer;
}

const TensorBCL<std::int8_t>& Bundle::require_input() const {
  if (!input)
    throw InputError(directory / "conv1d_input.npy", "file", "an int8 tensor [B, C, L]; it is missing");
  return *input;
}

LayerParams read_layer(const fs::path& directory) {
  const fs::path file = directory / "layer.json";
  return parse_layer(parse_json_strict(read_text_file(file, kJsonLimitBytes), file), file);
}

Bundle read_bundle_without_input(const fs::path& directory) {
  std::error_code error;
  if (!fs::is_directory(directory, error))
    throw InputError(directory, "bundle", "a directory with layer.json");
  Bundle bundle;
  bundle.directory = directory;
  bundle.layer = read_layer(directory);
  const fs::path layer_file = directory / "layer.json";
  const auto channels = static_cast<std::size_t>(bundle.layer.channels);
  const auto taps = static_cast<std::size_t>(bundle.layer.taps);

  const fs::path weight_file = directory / "conv1d_weight.npy";
  read_npy(weight_file, bundle.weight, {channels, taps});

  bundle.bias = read_bias(bundle);
  return bundle;
}

Bundle read_bundle(const fs::path& directory) {
  Bundle bundle = read_bundle_without_input(directory);
  const fs::path input_file = directory / "conv1d_input.npy";
  if (is_present(input_file)) {
    TensorBCL<std::int8_t> input;
    read_npy(input_file, input, {kAnyExtent, bundle.weight.extent<'C'>(), kAnyExtent});
    bundle.input = std::move(input);
  }
  return bundle;
}

void write_bundle(const Bundle& bundle) {
  const LayerParams& layer = bundle.layer;
  nlohmann::basic_json<nlohmann::ordered_map, std::vector, std::string, bool, std::int64_t, std::uint64_t,
                       float>
      json;
  json["format"] = kFormat;
  json["name"] = layer.name;
  json["channels"] = layer.channels;
  json["taps"] = layer.taps;
  json["input_scale"] = layer.input_scale;
  json["weight_scale"] = layer.weight_scale;
  if (layer.bias_scale) json["bias_scale"] = *layer.bias_scale;
  if (layer.has_bias || bundle.bias.empty()) json["bias"] = !bundle.bias.empty();
  json["output_scale"] = layer.output_scale;
  if (layer.conv_scale) json["conv_scale"] = *layer.conv_scale;
  if (layer.conv_bits != spec::kConvBitsDefault) json["conv_bits"] = layer.conv_bits;
  if (layer.dataflow != Dataflow::kTwoStep) json["dataflow"] = std::string(to_string(layer.dataflow));
  if (layer.rounding) json["rounding"] = std::string(to_string(*layer.rounding));
  if (!layer.source.is_null()) json["source"] = layer.source;

  std::vector<std::string> names{"conv1d_weight.npy", "conv1d_bias.npy"};
  if (bundle.input) names.emplace_back("conv1d_input.npy");
  names.emplace_back("layer.json");
  FileSet files(bundle.directory, std::move(names), {}, {});
  const fs::path& directory = files.begin();
  write_npy(directory / "conv1d_weight.npy", bundle.weight);
  if (!bundle.bias.empty())
    write_npy_bytes(directory / "conv1d_bias.npy", DType::kInt8, {bundle.bias.size()}, bundle.bias.data());
  if (bundle.input) write_npy(directory / "conv1d_input.npy", *bundle.input);
  write_text_file(directory / "layer.json", json_text(json) + "\n");
  files.commit();
}

template <class T>
TensorBCL<T> read_golden(const Bundle& bundle, const Variant& variant, const std::string& tensor_name) {
  const fs::path file = bundle.golden_directory(variant) / (tensor_name + ".npy");
  TensorBCL<T> tensor;
  read_npy(file, tensor, bundle.require_input().shape());
  return tensor;
}
template TensorBCL<std::int8_t> read_golden(const Bundle&, const Variant&, const std::string&);
template TensorBCL<std::int16_t> read_golden(const Bundle&, const Variant&, const std::string&);
template TensorBCL<float> read_golden(const Bundle&, const Variant&, const std::string&);

}  // namespace quasim
