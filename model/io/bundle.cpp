#include "io/bundle.hpp"

#include <array>
#include <cmath>
#include <set>

#include "io/files.hpp"
#include "io/npy.hpp"
#include "spec/error.hpp"

namespace quasim {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kJsonLimitBytes = std::size_t{64} << 20;
constexpr int kJsonMaxDepth = 64;
constexpr std::int64_t kMaxChannels = 1 << 24;
constexpr char kFormat[] = "quasim.layer/1";

/// Typed access to the members of layer.json; remembers which keys were read so that the rest can be refused.
class Fields {
 public:
  Fields(const Fp32Json& json, const fs::path& file) : json_(json), file_(file) {
    if (!json.is_object()) throw InputError(file, "layer", "a JSON object");
  }

  const Fp32Json* optional(const char* key) {
    known_.insert(key);
    const auto found = json_.find(key);
    return found == json_.end() ? nullptr : &*found;
  }
  const Fp32Json& required(const char* key, const char* expectation) {
    const Fp32Json* value = optional(key);
    if (value == nullptr) throw InputError(file_, key, std::string(expectation) + "; it is missing");
    return *value;
  }
  std::string text(const char* key, const char* expectation) {
    const Fp32Json& value = required(key, expectation);
    if (!value.is_string()) throw InputError(file_, key, expectation);
    return value.get<std::string>();
  }
  int integer(const char* key, const Fp32Json& value, std::int64_t low, std::int64_t high) {
    const std::string expectation = "an integer from " + std::to_string(low) + " to " + std::to_string(high);
    const bool in_range =
        value.is_number_unsigned() ? value.get<std::uint64_t>() <= static_cast<std::uint64_t>(high) &&
                                         static_cast<std::int64_t>(value.get<std::uint64_t>()) >= low
        : value.is_number_integer() ? value.get<std::int64_t>() >= low && value.get<std::int64_t>() <= high
                                    : false;
    if (!in_range) throw InputError(file_, key, expectation + "; got " + value.dump());
    return value.get<int>();
  }
  float scale(const char* key, const Fp32Json& value) {
    const char* expectation = "a finite, positive, normal fp32 number";
    if (!value.is_number()) throw InputError(file_, key, std::string(expectation) + "; got " + value.dump());
    const auto number = value.get<float>();
    if (!std::isnormal(number) || number < 0)
      throw InputError(file_, key, std::string(expectation) + "; got " + value.dump());
    return number;
  }
  void refuse_unknown() const {
    for (const auto& item : json_.items())
      if (known_.count(item.key()) == 0) throw InputError(file_, item.key(), "no such key; it is unknown");
  }

 private:
  const Fp32Json& json_;
  const fs::path& file_;
  std::set<std::string> known_;
};

LayerParams parse_layer(const Fp32Json& json, const fs::path& file) {
  Fields fields(json, file);
  LayerParams layer;
  if (fields.text("format", "the string \"quasim.layer/1\"") != kFormat)
    throw InputError(file, "format", "the string \"quasim.layer/1\"");
  layer.name = fields.text("name", "a string");
  layer.channels =
      fields.integer("channels", fields.required("channels", "a channel count"), 1, kMaxChannels);
  layer.taps = fields.integer("taps", fields.required("taps", "a tap count"), spec::kTapsMin, spec::kTapsMax);
  layer.input_scale = fields.scale("input_scale", fields.required("input_scale", "a scale"));
  layer.weight_scale = fields.scale("weight_scale", fields.required("weight_scale", "a scale"));
  layer.output_scale = fields.scale("output_scale", fields.required("output_scale", "a scale"));
  if (const Fp32Json* value = fields.optional("bias_scale"))
    layer.bias_scale = fields.scale("bias_scale", *value);
  if (const Fp32Json* value = fields.optional("conv_scale"))
    layer.conv_scale = fields.scale("conv_scale", *value);
  if (const Fp32Json* value = fields.optional("conv_bits"))
    layer.conv_bits = fields.integer("conv_bits", *value, spec::kConvBitsMin, spec::kConvBitsMax);
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

Fp32Json parse_json_strict(const std::string& text, const fs::path& name) {
  std::vector<std::set<std::string>> keys_seen;
  const auto watch = [&](int depth, Fp32Json::parse_event_t event, Fp32Json& parsed) {
    if (depth > kJsonMaxDepth) throw InputError(name, "JSON", "at most 64 levels of nesting");
    if (event == Fp32Json::parse_event_t::object_start) keys_seen.emplace_back();
    if (event == Fp32Json::parse_event_t::object_end) keys_seen.pop_back();
    if (event == Fp32Json::parse_event_t::key && !keys_seen.back().insert(parsed.get<std::string>()).second)
      throw InputError(name, parsed.get<std::string>(), "each key once; it is there twice");
    return true;
  };
  try {
    return Fp32Json::parse(text, watch);
  } catch (const Fp32Json::exception& error) {
    std::string reason = error.what();
    for (char& c : reason)
      if (c == '\n' || c == '\r') c = ' ';
    throw InputError(name, "JSON", "valid JSON with numbers that fit fp32: " + reason);
  }
}

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
  read_npy(weight_file, bundle.weight);
  if (bundle.weight.shape() != std::array<std::size_t, 2>{channels, taps})
    throw InputError(weight_file, "shape",
                     "[C, K] = [" + std::to_string(channels) + ", " + std::to_string(taps) + "]");

  const fs::path bias_file = directory / "conv1d_bias.npy";
  if (fs::exists(bias_file, error)) {
    Tensor<std::int8_t, 'C'> bias;
    read_npy(bias_file, bias);
    if (bias.size() != channels)
      throw InputError(bias_file, "shape", "[C] = [" + std::to_string(channels) + "]");
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
    read_npy(input_file, input);
    if (input.extent<'C'>() != bundle.weight.extent<'C'>() || input.size() == 0)
      throw InputError(
          input_file, "shape",
          "[B, C, L] with C = " + std::to_string(bundle.layer.channels) + " and B, L at least 1");
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
  read_npy(file, tensor);
  if (tensor.shape() != bundle.require_input().shape())
    throw InputError(file, "shape", "[B, C, L] of conv1d_input.npy");
  return tensor;
}
template TensorBCL<std::int8_t> read_golden(const Bundle&, const Variant&, const std::string&);
template TensorBCL<std::int16_t> read_golden(const Bundle&, const Variant&, const std::string&);
template TensorBCL<float> read_golden(const Bundle&, const Variant&, const std::string&);

}  // namespace quasim
