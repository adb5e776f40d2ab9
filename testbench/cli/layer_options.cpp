#include "cli/layer_options.hpp"

namespace quasim::cli {

void add_layer_options(CLI::App& verb, LayerOptions& options) {
  verb.add_option("BUNDLE", options.bundles, "layer bundle directories")->required();
  verb.add_option("--program", options.choice.program_file, "layer program to load instead of compiling one");
  verb.add_option("--variant", options.choice.variant,
                  "golden to compare with, dataflow.order.math.rounding (default: the layer's, seqlast, "
                  "precise); run and cosim take a list, with commas");
  verb.add_flag("--require-golden", options.choice.require_golden,
                "refuse where a GPU's golden is missing, instead of taking the CPU twin");
}

}  // namespace quasim::cli
