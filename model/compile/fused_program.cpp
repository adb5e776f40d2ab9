#include "compile/fused_program.hpp"

#include <algorithm>

#include "io/files.hpp"
#include "io/json_text.hpp"
#include "spec/error.hpp"

namespace quasim::compile {
namespace {

constexpr char kFormat[] = "quasim.fused_program/1";

[[noreturn]] void refuse(const std::string& field, const std::string& expectation) {
  throw InputError(field + ": expected " + expectation);
}

std::string taps_range() {
  return std::to_string(spec::kTapsMin) + " to " + std::to_string(spec::kTapsMax);
}

void validate_slice(const exact::Slice& slice, const exact::SliceSteps& steps, std::int32_t limit) {
  if (slice.acc_min < -limit || slice.acc_max > limit || slice.acc_min > slice.acc_max)
    refuse("acc_min", "an interval of accumulators within +-" + std::to_string(limit));
  if (steps.empty() || steps.front().acc != slice.acc_min) refuse("acc", "steps that begin at acc_min");
  for (std::size_t i = 0; i < steps.size(); ++i) {
    if (i > 0 && (steps[i].acc <= steps[i - 1].acc || steps[i].acc > slice.acc_max))
      refuse("acc", "ascending accumulators up to acc_max");
    if (steps[i].value != spec::clamp_bits(steps[i].value, spec::kSampleBits)) refuse("out", "int8 values");
  }
}

/// Index of a bias value's slice; the number of slices where it has none.
std::size_t slice_of(const FusedProgram& program, int bias) {
  const auto& slices = program.domain.slices;
  const auto found =
      std::find_if(slices.begin(), slices.end(), [&](const exact::Slice& s) { return s.bias == bias; });
  return static_cast<std::size_t>(found - slices.begin());
}

}  // namespace

void FusedProgram::validate() const {
  if (taps < spec::kTapsMin || taps > spec::kTapsMax ||
      weight.extent<'K'>() != static_cast<std::size_t>(taps))
    refuse("taps", taps_range() + ", as many as the weights have");
  if (weight.size() == 0 || bias.size() != weight.extent<'C'>()) refuse("bias", "one entry for each channel");
  if (domain.slices.size() != out.size()) refuse("slices", "one list of steps for each bias value");
  for (std::size_t s = 0; s < out.size(); ++s) {
    validate_slice(domain.slices[s], out[s], spec::max_accumulator(taps));
    if (s > 0 && domain.slices[s].bias <= domain.slices[s - 1].bias)
      refuse("bias", "slices of ascending bias");
  }
  for (std::size_t channel = 0; channel < bias.size(); ++channel) {
    const std::size_t slice = slice_of(*this, bias[channel]);
    if (slice == out.size()) refuse("slices", "one for bias " + std::to_string(bias[channel]));
    const exact::AccRange range =
        exact::reachable_range(weight.data() + channel * weight.extent<'K'>(), weight.extent<'K'>());
    if (range.min < domain.slices[slice].acc_min || range.max > domain.slices[slice].acc_max)
      refuse("slices", "accumulators " + std::to_string(range.min) + " to " + std::to_string(range.max) +
                           " for channel " + std::to_string(channel));
  }
}

FusedProgram compile_fused(const Bundle& bundle, const exact::Domain& domain,
                           const exact::StepFunction& out) {
  FusedProgram program;
  program.name = bundle.layer.name;
  program.taps = bundle.layer.taps;
  program.weight = bundle.weight;
  for (int channel = 0; channel < bundle.layer.channels; ++channel)
    program.bias.push_back(static_cast<std::int8_t>(bundle.bias_of(channel)));
  program.domain = domain;
  program.out = out;
  program.validate();
  return program;
}

FusedProgram read_fused_program(const std::filesystem::path& file) {
  const std::string text = read_text_file(file);
  parse_json_strict(text, file);  // depth and duplicate keys
  FusedProgram program;
  try {
    const auto json = nlohmann::ordered_json::parse(text);
    if (json.at("format") != kFormat)
      throw InputError("format: expected the string \"quasim.fused_program/1\"");
    program.name = json.at("name").get<std::string>();
    program.taps = json.at("taps").get<int>();
    const auto bytes = [&](const char* key) {
      std::vector<std::int8_t> values;
      for (const auto& value : json.at(key)) {
        const auto number = value.get<std::int64_t>();
        if (!value.is_number_integer() || number != spec::clamp_bits(number, 8)) refuse(key, "int8 values");
        values.push_back(static_cast<std::int8_t>(number));
      }
      return values;
    };
    program.bias = bytes("bias");
    if (program.taps < spec::kTapsMin || program.taps > spec::kTapsMax) refuse("taps", taps_range());
    program.weight =
        TensorCK<std::int8_t>({program.bias.size(), static_cast<std::size_t>(program.taps)}, bytes("weight"));
    for (const auto& entry : json.at("slices")) {
      program.domain.slices.push_back({entry.at("bias").get<int>(), entry.at("acc_min").get<std::int32_t>(),
                                       entry.at("acc_max").get<std::int32_t>(), -1});
      const auto acc = entry.at("acc").get<std::vector<std::int32_t>>();
      const auto out = entry.at("out").get<std::vector<std::int16_t>>();
      if (acc.size() != out.size()) refuse("out", "as many entries as acc");
      exact::SliceSteps steps;
      for (std::size_t i = 0; i < acc.size(); ++i) steps.push_back({acc[i], out[i]});
      program.out.push_back(std::move(steps));
    }
    if (json.contains("compiled_from")) program.compiled_from = json.at("compiled_from");
    if (json.contains("certificate")) program.certificate = json.at("certificate");
    program.validate();
  } catch (const nlohmann::json::exception& error) {
    throw InputError(file, "program", std::string("the fields of quasim.fused_program/1: ") + error.what());
  } catch (const InputError& error) {
    throw InputError(file.string() + ": " + error.what());
  }
  return program;
}

std::string fused_program_text(const FusedProgram& program) {
  program.validate();
  nlohmann::ordered_json json{{"format", kFormat},
                              {"name", program.name},
                              {"channels", program.bias.size()},
                              {"taps", program.taps},
                              {"weight", program.weight.elements()},
                              {"bias", program.bias},
                              {"slices", nlohmann::ordered_json::array()}};
  for (std::size_t s = 0; s < program.out.size(); ++s) {
    const exact::Slice& slice = program.domain.slices[s];
    std::vector<std::int32_t> acc;
    std::vector<std::int16_t> out;
    for (const exact::Step& step : program.out[s]) {
      acc.push_back(step.acc);
      out.push_back(step.value);
    }
    json["slices"].push_back({{"bias", slice.bias},
                              {"acc_min", slice.acc_min},
                              {"acc_max", slice.acc_max},
                              {"acc", acc},
                              {"out", out}});
  }
  if (!program.compiled_from.is_null()) json["compiled_from"] = program.compiled_from;
  if (!program.certificate.is_null()) json["certificate"] = program.certificate;
  return json_text(json, -1) + "\n";
}

bool FusedSource::covers(const exact::Slice& slice) const {
  const std::size_t index = slice_of(program_, slice.bias);
  if (index == program_.out.size()) return false;
  const exact::Slice& own = program_.domain.slices[index];
  return own.acc_min <= slice.acc_min && slice.acc_max <= own.acc_max;
}

void FusedSource::evaluate(const exact::Slice& slice, std::int32_t acc_first, std::size_t count,
                           std::int16_t*, std::int8_t* out) const {
  const exact::SliceSteps& steps = program_.out[slice_of(program_, slice.bias)];
  auto next = std::upper_bound(steps.begin(), steps.end(), acc_first,
                               [](std::int32_t acc, const exact::Step& step) { return acc < step.acc; });
  const std::int64_t end = std::int64_t{acc_first} + static_cast<std::int64_t>(count);
  for (std::int64_t acc = acc_first; acc < end; ++next) {
    const std::int64_t until = next == steps.end() ? end : std::min<std::int64_t>(end, next->acc);
    std::fill(out + (acc - acc_first), out + (until - acc_first),
              static_cast<std::int8_t>(std::prev(next)->value));
    acc = until;
    if (next == steps.end()) break;
  }
}

}  // namespace quasim::compile
