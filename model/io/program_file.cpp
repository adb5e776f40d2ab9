#include "io/program_file.hpp"

#include <algorithm>
#include <initializer_list>
#include <string_view>

#include "io/files.hpp"
#include "io/json_text.hpp"
#include "io/outputs.hpp"
#include "io/strict_json.hpp"
#include "spec/checks.hpp"

namespace quasim {
namespace {

using Json = nlohmann::ordered_json;

constexpr char kFormat[] = "quasim.program/2";
constexpr char kFormatOne[] = "quasim.program/1";

void allow_keys(const std::filesystem::path& file, const Json& json,
                std::initializer_list<std::string_view> keys) {
  for (const auto& item : json.items())
    if (std::find(keys.begin(), keys.end(), item.key()) == keys.end())
      throw InputError(file, item.key(), "no such key; it is unknown");
}

/// The fields of one object of the file, each read strictly.
class Fields {
 public:
  Fields(const std::filesystem::path& file, const Json& json, std::initializer_list<std::string_view> keys)
      : file_(file), json_(json) {
    if (!json.is_object()) throw InputError(file, "groups", "objects; got " + shortened(json));
    allow_keys(file, json, keys);
  }

  std::string text(const char* key) const {
    const Json& value = json_.at(key);
    if (!value.is_string()) throw InputError(file_, key, "a string; got " + shortened(value));
    return value.get<std::string>();
  }
  std::int64_t integer(const char* key, std::int64_t low, std::int64_t high) const {
    return integer_of(json_.at(key), key, low, high);
  }
  int small(const char* key) const { return static_cast<int>(integer(key, 0, 1 << 24)); }
  template <class T>
  std::vector<T> integers(const char* key, std::int64_t low, std::int64_t high) const {
    std::vector<T> values;
    for (const Json& value : list(key)) values.push_back(static_cast<T>(integer_of(value, key, low, high)));
    return values;
  }
  std::vector<GuessCell> cells(const char* key) const {
    std::vector<GuessCell> cells;
    for (const Json& value : list(key)) {
      if (!value.is_array() || value.size() != 2)
        throw InputError(file_, key, "pairs [base, slope]; got " + shortened(value));
      cells.push_back(
          {static_cast<std::uint16_t>(integer_of(value[0], key, 0, max_of_unsigned(spec::kCellBaseBits))),
           static_cast<std::uint8_t>(integer_of(value[1], key, 0, max_of_unsigned(spec::kCellSlopeBits)))});
    }
    return cells;
  }
  const Json& list(const char* key) const {
    const Json& value = json_.at(key);
    if (!value.is_array()) throw InputError(file_, key, "a list; got " + shortened(value));
    return value;
  }
  Json optional(const char* key) const { return json_.contains(key) ? json_.at(key) : Json(); }

 private:
  static std::string shortened(const Json& value) { return value.dump().substr(0, 40); }
  std::int64_t integer_of(const Json& value, const char* key, std::int64_t low, std::int64_t high) const {
    if (!value.is_number_integer() || (value.is_number_unsigned() && value.get<std::uint64_t>() >> 62 != 0))
      throw InputError(file_, key, "integers; got " + shortened(value));
    const auto number = value.get<std::int64_t>();
    require_range(key, number, low, high);
    return number;
  }

  const std::filesystem::path& file_;
  const Json& json_;
};

void read_two_step(const Fields& fields, StageProgram& stage) {
  stage.conv_bits = fields.small("conv_bits");
  stage.shift_bits = fields.small("shift");
  stage.rounding = parse_rounding(fields.text("rounding"));
  stage.silu_table = fields.integers<std::int8_t>("silu_table", spec::min_of_bits(spec::kSampleBits),
                                                  spec::max_of_bits(spec::kSampleBits));
}

void read_fused(const Fields& fields, FusedTables& tables) {
  tables.turn = fields.small("turn");
  tables.guess = fields.cells("guess");
  tables.near = fields.integers<std::uint32_t>("near", 0, max_of_unsigned(spec::kThresholdBits));
  tables.far = fields.integers<std::uint16_t>("far", 0, max_of_unsigned(spec::kFarBits));
}

void read_multiplier(const Fields& fields, StageProgram& stage) {
  stage.multiplier =
      static_cast<std::uint32_t>(fields.integer("multiplier", 0, max_of_unsigned(spec::kMultBitsMax)));
}

void read_name(const Fields& fields, const Json& json, StageProgram& stage) {
  if (json.contains("name")) stage.name = fields.text("name");
}

StageProgram read_group(const std::filesystem::path& file, const Json& json) {
  StageProgram stage;
  if (json.is_object() && json.contains("dataflow") && json["dataflow"] != "two_step" &&
      json["dataflow"] != "fused")
    throw InputError(file, "dataflow",
                     "\"two_step\" or \"fused\"; got " + json["dataflow"].dump().substr(0, 40));
  if (json.is_object() && json.contains("dataflow") && json["dataflow"] == "fused") {
    const Fields fields(file, json, {"name", "dataflow", "multiplier", "turn", "guess", "near", "far"});
    read_name(fields, json, stage);
    stage.dataflow = Dataflow::kFused;
    stage.rounding = default_rounding(stage.dataflow);
    read_multiplier(fields, stage);
    read_fused(fields, stage.fused);
  } else {
    const Fields fields(file, json,
                        {"name", "dataflow", "multiplier", "conv_bits", "rounding", "shift", "silu_table"});
    read_name(fields, json, stage);
    stage.dataflow = parse_dataflow(fields.text("dataflow"));
    read_multiplier(fields, stage);
    read_two_step(fields, stage);
  }
  return stage;
}

/// What both formats say of the layer as a whole.
void read_layer(const Fields& fields, LayerProgram& program) {
  program.name = fields.text("name");
  program.taps = fields.small("taps");
  program.mult_bits = fields.small("mult_bits");
  program.bias_bits = fields.small("bias_bits");
  const std::array<std::size_t, 2> shape{static_cast<std::size_t>(fields.small("channels")),
                                         static_cast<std::size_t>(program.taps)};
  std::vector<std::int8_t> weight = fields.integers<std::int8_t>(
      "weight", spec::min_of_bits(spec::kSampleBits), spec::max_of_bits(spec::kSampleBits));
  require_length("weight", weight.size(), shape[0] * shape[1]);
  program.weight = TensorCK<std::int8_t>(shape, std::move(weight));
  program.bias_words = fields.integers<std::int64_t>("bias_words", spec::min_of_bits(spec::kBiasBitsMax),
                                                     spec::max_of_bits(spec::kBiasBitsMax));
  program.compiled_from = fields.optional("compiled_from");
  program.certificate = fields.optional("certificate");
}

LayerProgram program_of(const std::filesystem::path& file, const Json& json) {
  if (!json.is_object()) throw InputError(file, "program", "an object");
  constexpr char kFormats[] = "the string \"quasim.program/2\" or \"quasim.program/1\"";
  if (!json.contains("format")) throw InputError(file, "format", std::string(kFormats) + "; it is missing");
  const Json& format = json["format"];
  LayerProgram program;
  if (format == kFormatOne) {
    const Fields fields(
        file, json,
        {"format", "name", "channels", "taps", "conv_bits", "mult_bits", "bias_bits", "rounding",
         "multiplier", "shift", "weight", "bias_words", "silu_table", "compiled_from", "certificate"});
    read_layer(fields, program);
    read_multiplier(fields, program.stage());
    read_two_step(fields, program.stage());
  } else if (format == kFormat) {
    const Fields fields(file, json,
                        {"format", "name", "channels", "taps", "mult_bits", "bias_bits", "weight",
                         "bias_words", "groups", "channel_group", "compiled_from", "certificate"});
    read_layer(fields, program);
    program.groups.clear();
    for (const Json& group : fields.list("groups")) program.groups.push_back(read_group(file, group));
    if (json.contains("channel_group"))
      program.channel_group =
          fields.integers<std::uint16_t>("channel_group", 0, static_cast<std::int64_t>(kGroupsMax) - 1);
  } else {
    throw InputError(file, "format", kFormats);
  }
  program.validate();
  return program;
}

void write_two_step(Json& json, const StageProgram& stage) {
  json["conv_bits"] = stage.conv_bits;
  json["rounding"] = std::string(to_string(stage.rounding));
  json["multiplier"] = stage.multiplier;
  json["shift"] = stage.shift_bits;
  json["silu_table"] = stage.silu_table;
}

void write_fused(Json& json, const StageProgram& stage) {
  json["dataflow"] = std::string(to_string(stage.dataflow));
  json["multiplier"] = stage.multiplier;
  json["turn"] = stage.fused.turn;
  json["guess"] = Json::array();
  for (const GuessCell& cell : stage.fused.guess) json["guess"].push_back({cell.base, cell.slope});
  json["near"] = stage.fused.near;
  json["far"] = stage.fused.far;
}

Json group_json(const StageProgram& stage) {
  Json json = Json::object();
  if (!stage.name.empty()) json["name"] = stage.name;
  if (stage.is_fused()) {
    write_fused(json, stage);
  } else {
    json["dataflow"] = std::string(to_string(stage.dataflow));
    write_two_step(json, stage);
  }
  return json;
}

}  // namespace

LayerProgram read_program(const std::filesystem::path& file) {
  const std::string text = read_text_file(file);
  parse_json_strict(text, file);  // depth and duplicate keys; integers below are read at full width
  try {
    return program_of(file, Json::parse(text));
  } catch (const nlohmann::json::exception& error) {
    throw InputError(file, "program", "the fields of a layer program: " + json_reason(error));
  } catch (const InputError& error) {
    const std::string reason = error.what();
    throw InputError(reason.rfind(file.string(), 0) == 0 ? reason : file.string() + ": " + reason);
  }
}

std::string program_text(const LayerProgram& program) {
  program.validate();
  const bool plain = program.groups.size() == 1 && !program.groups.front().is_fused();
  Json json;
  json["format"] = plain ? kFormatOne : kFormat;
  json["name"] = program.name;
  json["channels"] = program.channels();
  json["taps"] = program.taps;
  json["mult_bits"] = program.mult_bits;
  json["bias_bits"] = program.bias_bits;
  if (plain) {
    write_two_step(json, program.groups.front());
  } else {
    json["groups"] = Json::array();
    for (const StageProgram& group : program.groups) json["groups"].push_back(group_json(group));
    if (program.groups.size() > 1) json["channel_group"] = program.channel_group;
  }
  json["weight"] = program.weight.elements();
  json["bias_words"] = program.bias_words;
  if (!program.compiled_from.is_null()) json["compiled_from"] = program.compiled_from;
  if (!program.certificate.is_null()) json["certificate"] = program.certificate;
  return json_text(json, -1) + "\n";
}

void write_program(const std::filesystem::path& file, const LayerProgram& program) {
  write_text_file(file, program_text(program));
}

}  // namespace quasim
