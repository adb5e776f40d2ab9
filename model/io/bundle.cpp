#include "io/bundle.hpp"

#include "io/files.hpp"
#include "io/npy.hpp"
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

  const fs::path bias_file = directory / "conv1d_bias.npy";
  if (fs::exists(bias_file, error)) {
    Tensor<std::int8_t, 'C'> bias;
    read_npy(bias_file, bias, {channels});
    if (!bundle.layer.bias_scale)
      throw InputError(layer_file, "bias_scale", "a scale, because conv1d_bias.npy exists");
    bundle.bias = bias.elements();
  }
  return bundle;
}

Bundle read_bundle(const fs::path& directory) {
  Bundle bundle = read_bundle_without_input(directory);
  std::error_code error;
  const fs::path input_file = directory / "conv1d_input.npy";
  if (fs::exists(input_file, error)) {
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
  json["output_scale"] = layer.output_scale;
  if (layer.conv_scale) json["conv_scale"] = *layer.conv_scale;
  if (layer.conv_bits != spec::kConvBitsDefault) json["conv_bits"] = layer.conv_bits;
  if (layer.dataflow != Dataflow::kTwoStep) json["dataflow"] = std::string(to_string(layer.dataflow));
  if (layer.rounding) json["rounding"] = std::string(to_string(*layer.rounding));
  if (!layer.source.is_null()) json["source"] = layer.source;

  write_npy(bundle.directory / "conv1d_weight.npy", bundle.weight);
  if (!bundle.bias.empty())
    write_npy_bytes(bundle.directory / "conv1d_bias.npy", DType::kInt8, {bundle.bias.size()},
                    bundle.bias.data());
  if (bundle.input) write_npy(bundle.directory / "conv1d_input.npy", *bundle.input);
  write_text_file(bundle.directory / "layer.json", json.dump(1) + "\n");
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
