#include "cli/programs.hpp"

#include "compile/nearest.hpp"
#include "spec/error.hpp"

namespace quasim::cli {

void add_layer_options(CLI::App& verb, LayerOptions& options) {
  verb.add_option("BUNDLE", options.bundles, "layer bundle directories")->required();
  verb.add_option("--program", options.program_file, "layer program to load instead of compiling one");
  verb.add_option("--variant", options.variant,
                  "golden to compare with, dataflow.order.math.rounding (default: the layer's, seqlast, precise)");
}

Variant golden_variant(const Bundle& bundle, const LayerOptions& options) {
  if (!options.variant.empty()) return Variant::parse(options.variant);
  return {bundle.layer.dataflow, Order::kSeqLast, MathMode::kPrecise, bundle.layer.effective_rounding()};
}

LayerProgram program_for(const Bundle& bundle, const LayerOptions& options) {
  if (options.program_file.empty()) return compile::nearest_program(bundle);
  LayerProgram program = read_program(options.program_file);
  if (!(program.weight == bundle.weight))
    throw InputError(options.program_file, "weight",
                     "the weights of " + (bundle.directory / "conv1d_weight.npy").string());
  return program;
}

}  // namespace quasim::cli
