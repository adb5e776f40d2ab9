#include "types/program.hpp"

#include <set>

#include "io/bundle.hpp"
#include "io/files.hpp"
#include "io/json_text.hpp"
#include "io/outputs.hpp"
#include "spec/error.hpp"

namespace quasim {
namespace {

constexpr char kFormat[] = "quasim.program/1";

void require_range(const std::string& field, std::int64_t value, std::int64_t low, std::int64_t high) {
  if (value < low || value > high)
    throw InputError(field + ": expected " + std::to_string(low) + " to " + std::to_string(high) + "; got " +
                     std::to_string(value));
}

void require_length(const std::string& field, std::size_t have, std::size_t want) {
  if (have != want)
    throw InputError(field + ": expected " + std::to_string(want) + " entries; got " + std::to_string(have));
}

}  // namespace

void LayerProgram::validate() const {
  require_range("taps", taps, spec::kTapsMin, spec::kTapsMax);
  require_range("conv_bits", conv_bits, spec::kConvBitsMin, spec::kConvBitsMax);
  require_range("mult_bits", mult_bits, 2, spec::kMultBitsMax);
  require_range("bias_bits", bias_bits, spec::kSampleBits, spec::kBiasBitsMax);
  require_range("multiplier", multiplier, 0, (std::int64_t{1} << mult_bits) - 1);
  require_range("shift", shift_bits, 0, spec::kShiftMax);
  if (weight.size() == 0) throw InputError("weight: expected at least one channel");
  require_length("weight", weight.extent<'K'>(), static_cast<std::size_t>(taps));
  require_length("bias_words", bias_words.size(), weight.extent<'C'>());
  require_length("silu_table", silu_table.size(), std::size_t{1} << conv_bits);
  for (std::int64_t word : bias_words)
    require_range("bias_words", word, spec::min_of_bits(bias_bits), spec::max_of_bits(bias_bits));
}

LayerProgram read_program(const std::filesystem::path& file) {
  const std::string text = read_text_file(file);
  parse_json_strict(text, file);  // depth and duplicate keys; integers below are read at full width
  LayerProgram program;
  try {
    const auto json = nlohmann::ordered_json::parse(text);
    static const std::set<std::string> kKeys{"format",     "name",          "channels",   "taps",
                                             "conv_bits",  "mult_bits",     "bias_bits",  "rounding",
                                             "multiplier", "shift",         "weight",     "bias_words",
                                             "silu_table", "compiled_from", "certificate"};
    for (const auto& item : json.items())
      if (kKeys.count(item.key()) == 0) throw InputError(file, item.key(), "no such key; it is unknown");
    if (json.at("format") != kFormat) throw InputError(file, "format", "the string \"quasim.program/1\"");
    const auto integer = [&](const nlohmann::ordered_json& value, const char* key, std::int64_t low,
                             std::int64_t high) {
      if (!value.is_number_integer() || (value.is_number_unsigned() && value.get<std::uint64_t>() >> 62 != 0))
        throw InputError(file, key, "integers; got " + value.dump().substr(0, 40));
      const auto number = value.get<std::int64_t>();
      require_range(key, number, low, high);
      return number;
    };
    const auto small = [&](const char* key) {
      return static_cast<int>(integer(json.at(key), key, 0, 1 << 24));
    };
    program.name = json.at("name").get<std::string>();
    program.taps = small("taps");
    program.conv_bits = small("conv_bits");
    program.mult_bits = small("mult_bits");
    program.bias_bits = small("bias_bits");
    program.shift_bits = small("shift");
    program.rounding = parse_rounding(json.at("rounding").get<std::string>());
    program.multiplier =
        static_cast<std::uint32_t>(integer(json.at("multiplier"), "multiplier", 0, 0x7fffffff));
    const auto read_bytes = [&](const char* key) {
      std::vector<std::int8_t> bytes;
      for (const auto& value : json.at(key))
        bytes.push_back(static_cast<std::int8_t>(integer(value, key, -128, 127)));
      return bytes;
    };
    program.weight = TensorCK<std::int8_t>(
        {static_cast<std::size_t>(small("channels")), static_cast<std::size_t>(program.taps)},
        read_bytes("weight"));
    for (const auto& value : json.at("bias_words"))
      program.bias_words.push_back(integer(value, "bias_words", spec::min_of_bits(spec::kBiasBitsMax),
                                           spec::max_of_bits(spec::kBiasBitsMax)));
    program.silu_table = read_bytes("silu_table");
    if (json.contains("compiled_from")) program.compiled_from = json.at("compiled_from");
    if (json.contains("certificate")) program.certificate = json.at("certificate");
    program.validate();
  } catch (const nlohmann::json::exception& error) {
    throw InputError(file, "program", std::string("the fields of quasim.program/1: ") + error.what());
  } catch (const InputError& error) {
    const std::string reason = error.what();
    throw InputError(reason.rfind(file.string(), 0) == 0 ? reason : file.string() + ": " + reason);
  }
  return program;
}

std::string program_text(const LayerProgram& program) {
  program.validate();
  nlohmann::ordered_json json;
  json["format"] = kFormat;
  json["name"] = program.name;
  json["channels"] = program.channels();
  json["taps"] = program.taps;
  json["conv_bits"] = program.conv_bits;
  json["mult_bits"] = program.mult_bits;
  json["bias_bits"] = program.bias_bits;
  json["rounding"] = std::string(to_string(program.rounding));
  json["multiplier"] = program.multiplier;
  json["shift"] = program.shift_bits;
  json["weight"] = program.weight.elements();
  json["bias_words"] = program.bias_words;
  json["silu_table"] = program.silu_table;
  if (!program.compiled_from.is_null()) json["compiled_from"] = program.compiled_from;
  if (!program.certificate.is_null()) json["certificate"] = program.certificate;
  return json_text(json, -1) + "\n";
}

void write_program(const std::filesystem::path& file, const LayerProgram& program) {
  write_text_file(file, program_text(program));
}

}  // namespace quasim
