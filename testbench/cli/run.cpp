// quasim run: layers through the SystemC model, compared with the golden.
#include <memory>

#include "cli/stream.hpp"
#include "cli/usage.hpp"

namespace quasim::cli {

Action add_run(CLI::App& app) {
  auto options = std::make_shared<StreamOptions>();
  CLI::App* verb =
      app.add_subcommand("run", "stream layers through the SystemC model and compare with the golden");
  add_stream_options(*verb, *options);
  add_output_option(
      *verb, options->output,
      "directory for conv1d_q.npy and conv1d_output_int8.npy of the model; one below it a bundle "
      "where there are several");
  add_examples(*verb, {"quasim run layer00", "quasim run layer00 -o model --json"});
  return [options] { return stream_bundles("run", *options, false); };
}

}  // namespace quasim::cli
