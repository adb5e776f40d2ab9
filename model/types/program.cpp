#include "types/program.hpp"

#include <algorithm>
#include <initializer_list>
#include <string_view>

#include "io/bundle.hpp"
#include "io/files.hpp"
#include "io/json_text.hpp"
#include "io/outputs.hpp"
#include "spec/error.hpp"

namespace quasim {
namespace {

using Json = nlohmann::ordered_json;

constexpr char kFormat[] = "quasim.program/2";
constexpr char kFormatOne[] = "quasim.program/1";

void require_range(const std::string& field, std::int64_t value, std::int64_t low, std::int64_t high) {
  if (value < low || value > high)
    throw InputError(field + ": expected " + std::to_string(low) + " to " + std::to_string(high) + "; got " +
                     std::to_string(value));
}

void require_length(const std::string& field, std::size_t have, std::size_t want) {
  if (have != want)
    throw InputError(field + ": expected " + std::to_string(want) + " entries; got " + std::to_string(have));
}

constexpr std::int64_t max_of_unsigned(int bits) {
  return (std::int64_t{1} << bits) - 1;
}

void validate_two_step(const StageProgram& stage) {
  require_range("conv_bits", stage.conv_bits, spec::kConvBitsMin, spec::kConvBitsMax);
  require_range("shift", stage.shift_bits, 0, spec::kShiftMax);
  require_length("silu_table", stage.silu_table.size(), std::size_t{1} << stage.conv_bits);
}

void validate_fused(const FusedTables& tables) {
  require_range("turn", tables.turn, 0, max_of_unsigned(spec::kTurnBits));
  constexpr std::size_t kFewCells = std::size_t{1} << spec::kCellBitsMin;
  constexpr std::size_t kManyCells = std::size_t{1} << spec::kCellBitsMax;
  if (tables.guess.size() != kFewCells && tables.guess.size() != kManyCells)
    throw InputError("guess: expected " + std::to_string(kFewCells) + " or " + std::to_string(kManyCells) +
                     " cells; got " + std::to_string(tables.guess.size()));
  if (tables.near.empty() || tables.near.size() % spec::kNearBlockRows != 0 ||
      tables.near.size() > spec::kNearRowsMax)
    throw InputError("near: expected a multiple of " + std::to_string(spec::kNearBlockRows) + " up to " +
                     std::to_string(spec::kNearRowsMax) + " entries; got " +
                     std::to_string(tables.near.size()));
  require_length("far", tables.far.size(), spec::kFarRows);
  for (const GuessCell& cell : tables.guess) {
    require_range("guess", cell.base, 0, max_of_unsigned(spec::kCellBaseBits));
    require_range("guess", cell.slope, 0, max_of_unsigned(spec::kCellSlopeBits));
  }
  for (const std::uint32_t threshold : tables.near)
    require_range("near", threshold, 0, max_of_unsigned(spec::kThresholdBits));
}

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
  const Json& format = json.at("format");
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
    throw InputError(file, "format", "the string \"quasim.program/2\" or \"quasim.program/1\"");
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

/// What several objects say: what all say alike once, the rest in "groups", one entry each. null where none
/// says anything.
Json joined_objects(const std::vector<LayerProgram>& parts, Json LayerProgram::*member) {
  Json joined, groups = Json::array();
  const auto says = [&](const LayerProgram& part, const std::string& key) {
    return (part.*member).is_object() && (part.*member).contains(key);
  };
  const Json& first = parts.front().*member;
  if (first.is_object())
    for (const auto& [key, value] : first.items())
      if (std::all_of(parts.begin(), parts.end(), [&, key = key, value = value](const LayerProgram& part) {
            return says(part, key) && (part.*member)[key] == value;
          }))
        joined[key] = value;
  bool any = false;
  for (const LayerProgram& part : parts) {
    Json own = Json::object();
    if ((part.*member).is_object())
      for (const auto& [key, value] : (part.*member).items())
        if (!joined.contains(key)) own[key] = value;
    any |= !own.empty();
    groups.push_back(std::move(own));
  }
  if (any) joined["groups"] = std::move(groups);
  return joined;
}

/// One entry of joined_objects().
Json object_of_group(const Json& joined, std::size_t index) {
  if (!joined.is_object()) return joined;
  Json own = joined;
  own.erase("groups");
  if (joined.contains("groups") && joined["groups"].is_array() && index < joined["groups"].size() &&
      joined["groups"][index].is_object())
    own.update(joined["groups"][index]);
  return own.empty() ? Json() : own;
}

void validate_stage(const StageProgram& stage, int mult_bits) {
  require_range("multiplier", stage.multiplier, 0, max_of_unsigned(mult_bits));
  if (stage.is_fused())
    validate_fused(stage.fused);
  else
    validate_two_step(stage);
}

}  // namespace

int mult_bits_of(std::uint32_t multiplier) {
  int bits = 2;
  while (bits < 32 && multiplier >> bits != 0) ++bits;
  return bits;
}

void LayerProgram::require_one_group() const {
  if (groups.size() == 1) return;
  std::string names;
  for (const StageProgram& group : groups)
    if (!group.name.empty()) names += (names.empty() ? " (" : ", ") + group.name;
  throw InputError("program '" + name + "': groups: expected 1, which is what a unit holds; got " +
                   std::to_string(groups.size()) + shortened(names, 80) + (names.empty() ? "" : ")"));
}

LayerProgram LayerProgram::group(std::size_t index) const {
  if (groups.size() == 1) return *this;
  const Channels channels = channels_by_group(channel_group, groups.size())[index];
  LayerProgram part;
  part.name = name + "/" + groups[index].name;
  part.taps = taps;
  part.mult_bits = mult_bits_of(groups[index].multiplier);
  part.bias_bits = bias_bits;
  part.weight = take_channels(weight, channels);
  part.bias_words = take_channels(bias_words, channels);
  part.groups = {groups[index]};
  part.compiled_from = object_of_group(compiled_from, index);
  part.certificate = object_of_group(certificate, index);
  return part;
}

LayerProgram join_groups(const std::string& name, const std::vector<LayerProgram>& parts,
                         const ChannelGroup& channel_group) {
  if (parts.size() == 1 && channel_group.empty()) return parts.front();
  const std::vector<Channels> channels = channels_by_group(channel_group, parts.size());
  LayerProgram program = parts.front();
  program.name = name;
  program.channel_group = channel_group;
  program.groups.clear();
  program.weight = TensorCK<std::int8_t>({channel_group.size(), static_cast<std::size_t>(program.taps)});
  program.bias_words.assign(channel_group.size(), 0);
  for (std::size_t g = 0; g < parts.size(); ++g) {
    const LayerProgram& part = parts[g];
    require_length("weight of group " + std::to_string(g), part.weight.extent<'C'>(), channels[g].size());
    require_length("taps of group " + std::to_string(g), part.weight.extent<'K'>(),
                   program.weight.extent<'K'>());
    program.groups.push_back(part.stage());
    program.mult_bits = std::max(program.mult_bits, part.mult_bits);
    program.bias_bits = std::max(program.bias_bits, part.bias_bits);
    for (std::size_t i = 0; i < channels[g].size(); ++i) {
      program.bias_words[channels[g][i]] = part.bias_words[i];
      for (std::size_t k = 0; k < part.weight.extent<'K'>(); ++k)
        program.weight.at(channels[g][i], k) = part.weight.at(i, k);
    }
  }
  program.compiled_from = joined_objects(parts, &LayerProgram::compiled_from);
  program.certificate = joined_objects(parts, &LayerProgram::certificate);
  program.validate();
  return program;
}

void LayerProgram::validate() const {
  require_range("taps", taps, spec::kTapsMin, spec::kTapsMax);
  require_range("mult_bits", mult_bits, 2, spec::kMultBitsMax);
  require_range("bias_bits", bias_bits, spec::kSampleBits, spec::kBiasBitsMax);
  require_range("groups", static_cast<std::int64_t>(groups.size()), 1, kGroupsMax);
  for (const StageProgram& group : groups) validate_stage(group, mult_bits);
  if (weight.size() == 0) throw InputError("weight: expected at least one channel");
  require_length("weight", weight.extent<'K'>(), static_cast<std::size_t>(taps));
  require_length("bias_words", bias_words.size(), weight.extent<'C'>());
  for (std::int64_t word : bias_words)
    require_range("bias_words", word, spec::min_of_bits(bias_bits), spec::max_of_bits(bias_bits));
  if (groups.size() == 1) {
    require_length("channel_group", channel_group.size(), 0);
    return;
  }
  require_length("channel_group", channel_group.size(), weight.extent<'C'>());
  channels_by_group(channel_group, groups.size());
}

LayerProgram read_program(const std::filesystem::path& file) {
  const std::string text = read_text_file(file);
  parse_json_strict(text, file);  // depth and duplicate keys; integers below are read at full width
  try {
    return program_of(file, Json::parse(text));
  } catch (const nlohmann::json::exception& error) {
    throw InputError(file, "program", std::string("the fields of a layer program: ") + error.what());
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
