#include "reference/programs.hpp"

#include "compile/compiler.hpp"
#include "reference/targets.hpp"
#include "spec/error.hpp"

namespace quasim {

Variant chosen_variant(const LayerParams& layer, const ProgramChoice& choice) {
  return choice.variant.empty() ? default_variant(layer) : Variant::parse(choice.variant);
}

LayerProgram read_program_of(const Bundle& bundle, const std::filesystem::path& file) {
  LayerProgram program = read_program(file);
  if (!(program.weight == bundle.weight))
    throw InputError(file, "weight", "the weights of " + (bundle.directory / "conv1d_weight.npy").string());
  if (program.conv_bits != bundle.layer.conv_bits)
    throw InputError(file, "conv_bits",
                     std::to_string(bundle.layer.conv_bits) + " as in layer.json; got " +
                         std::to_string(program.conv_bits));
  return program;
}

LoadedProgram program_for(const Bundle& bundle, const ProgramChoice& choice) {
  if (!choice.program_file.empty()) return {read_program_of(bundle, choice.program_file), "from file"};
  Bundle wanted = bundle;
  const Variant variant = chosen_variant(bundle.layer, choice);
  if (variant.dataflow != Dataflow::kTwoStep)
    throw InputError(
        "dataflow: expected two_step; the pipeline has a multiplier, which cannot express fused");
  wanted.layer = as_variant(wanted.layer, variant);
  const exact::Domain domain = make_domain(exact::parse_domain("reachable"), wanted);
  compile::Options search;
  search.mult_bits = spec::kMultBitsDefault;  // what the pipeline has
  compile::Compiled compiled =
      compile_program(wanted, domain, make_target("golden:" + variant.to_string(), wanted, domain), search);
  const std::string proof =
      compiled.exact() ? "exact" : std::to_string(compiled.differing_out) + " of the domain differ";
  const std::string width = std::to_string(compiled.program.mult_bits) + " bits, ";
  compiled.program.mult_bits = spec::kMultBitsDefault;
  return {std::move(compiled.program), width + proof};
}

}  // namespace quasim
