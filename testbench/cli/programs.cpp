#include "cli/programs.hpp"

#include "compile/compiler.hpp"
#include "reference/targets.hpp"
#include "spec/error.hpp"

namespace quasim::cli {

void add_layer_options(CLI::App& verb, LayerOptions& options) {
  verb.add_option("BUNDLE", options.bundles, "layer bundle directories")->required();
  verb.add_option("--program", options.program_file, "layer program to load instead of compiling one");
  verb.add_option(
      "--variant", options.variant,
      "golden to compare with, dataflow.order.math.rounding (default: the layer's, seqlast, precise)");
}

Variant golden_variant(const Bundle& bundle, const LayerOptions& options) {
  return options.variant.empty() ? default_variant(bundle.layer) : Variant::parse(options.variant);
}

LoadedProgram program_for(const Bundle& bundle, const LayerOptions& options) {
  if (!options.program_file.empty()) {
    LayerProgram program = read_program(options.program_file);
    if (!(program.weight == bundle.weight))
      throw InputError(options.program_file, "weight",
                       "the weights of " + (bundle.directory / "conv1d_weight.npy").string());
    return {std::move(program), "from file"};
  }
  Bundle wanted = bundle;
  const Variant variant = golden_variant(bundle, options);
  if (variant.dataflow != Dataflow::kTwoStep)
    throw InputError(
        "dataflow: expected two_step; the pipeline has a multiplier, which cannot express fused");
  apply_variant(wanted.layer, variant);
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

}  // namespace quasim::cli
