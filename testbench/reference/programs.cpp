#include "reference/programs.hpp"

#include <optional>

#include "compile/compiler.hpp"
#include "io/files.hpp"
#include "io/made_from.hpp"
#include "io/program_file.hpp"
#include "reference/committed.hpp"
#include "reference/targets.hpp"
#include "spec/error.hpp"

namespace quasim {

Variant chosen_variant(const LayerParams& layer, const ProgramChoice& choice) {
  return choice.variant.empty() ? default_variant(layer) : Variant::parse(choice.variant);
}

namespace {

void require_compiled_from(const Bundle& bundle, const nlohmann::ordered_json& compiled_from,
                           const std::filesystem::path& name) {
  const auto entry = [&](const char* key) {
    return compiled_from.is_object() && compiled_from.contains(key) ? compiled_from.at(key)
                                                                    : nlohmann::ordered_json(nullptr);
  };
  if (entry("files").is_null()) return;
  require_made_from(bundle.directory, bundle.layer, name, {entry("layer_parameters"), entry("files")});
  const auto steps = entry("steps_sha256"), target = entry("target");
  if (!steps.is_string() || !target.is_string()) return;
  const std::optional<Variant> variant = target_variant(target.get<std::string>());
  const std::filesystem::path sweep =
      variant ? golden_file(bundle, *variant, kStepsFile) : std::filesystem::path();
  if (variant && is_present(sweep) && steps.get<std::string>() != sha256_of_file(sweep))
    throw InputError(name.string() + ": stale: it was compiled for another sweep than " + sweep.string() +
                     " is now; compile it again");
}

}  // namespace

void require_program_of(const Bundle& bundle, const LayerProgram& program,
                        const std::filesystem::path& name) {
  const StageProgram& stage = program.stage();
  if (stage.dataflow != bundle.layer.dataflow)
    throw InputError(name, "dataflow",
                     std::string(to_string(bundle.layer.dataflow)) +
                         ", that of the variant; this is a program of " +
                         std::string(to_string(stage.dataflow)));
  if (!stage.is_fused() && stage.conv_bits != bundle.layer.conv_bits)
    throw InputError(
        name, "conv_bits",
        std::to_string(bundle.layer.conv_bits) + " as in layer.json; got " + std::to_string(stage.conv_bits));
  if (!(program.weight == bundle.weight))
    throw InputError(name, "weight", "the weights of " + (bundle.directory / "conv1d_weight.npy").string());
  require_compiled_from(bundle, program.compiled_from, name);
}

LayerProgram program_part(const Bundle& bundle, const LayerProgram& program,
                          const std::filesystem::path& name) {
  const std::size_t count = program.groups.size();
  if (!bundle.part) {
    if (count == 1) return program;
    throw InputError(name, "groups", "1, as the layer has; got " + std::to_string(count));
  }
  const GroupPart& part = *bundle.part;
  if (part.index >= count || program.groups[part.index].name != part.name)
    throw InputError(name, "groups",
                     "'" + part.name + "' at place " + std::to_string(part.index) + "; got " +
                         (part.index < count ? "'" + program.groups[part.index].name + "'"
                                             : std::to_string(count) + " groups"));
  if (channels_by_group(program.channel_group, count)[part.index] != part.channels)
    throw InputError(name, "channel_group",
                     "the channels of group '" + part.name + "' as the layer has them");
  return program.group(part.index);
}

LayerProgram read_program_of(const Bundle& bundle, const std::filesystem::path& file) {
  LayerProgram program = program_part(bundle, read_program(file), file);
  require_program_of(bundle, program, file);
  return program;
}

LoadedProgram program_for(const Bundle& bundle, const ProgramChoice& choice) {
  Bundle wanted = bundle;
  const Variant variant = chosen_variant(bundle.layer, choice);
  wanted.layer = as_variant(wanted.layer, variant);
  if (!choice.program_file.empty()) {
    LayerProgram program = read_program_of(wanted, choice.program_file);
    const auto& from = program.compiled_from;
    const bool says = from.is_object() && from.contains("origin") && from.at("origin").is_string();
    const std::string origin = says ? from.at("origin").get<std::string>() : "";
    const auto& proven = program.certificate;
    const bool match_q = !(proven.is_object() && proven.contains("match") && proven.at("match") == "out");
    return {std::move(program), "from file", origin, match_q};
  }
  if (choice.require_golden) require_gpu_golden(bundle, variant, kStepsFile);
  const exact::Domain domain = make_domain(exact::DomainKind::kReachable, wanted);
  compile::Options search;
  search.mult_bits = spec::kMultBitsDefault;  // what the pipeline has
  const compile::Target target = make_target("golden:" + variant.to_string(), wanted, domain);
  compile::Compiled compiled = compile_program(wanted, domain, target, search);
  const std::string proof =
      compiled.exact() ? "exact" : std::to_string(compiled.differing_out) + " of the domain differ";
  const std::string width = std::to_string(compiled.program.mult_bits) + " bits, ";
  compiled.program.mult_bits = spec::kMultBitsDefault;
  const bool match_q = compiled.match == compile::Match::kQ;
  return {std::move(compiled.program), width + proof, target.origin, match_q};
}

}  // namespace quasim
