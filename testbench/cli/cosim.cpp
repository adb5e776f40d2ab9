// quasim cosim: layers through the RTL and the SystemC model side by side, every beat checked three ways.
#include <memory>

#include "cli/options.hpp"
#include "cli/stream.hpp"
#include "cli/usage.hpp"

namespace quasim::cli {

Action add_cosim(CLI::App& app) {
  auto options = std::make_shared<StreamOptions>();
  CLI::App* verb =
      app.add_subcommand("cosim", "co-simulate RTL and SystemC model and compare both with the golden");
  add_stream_options(*verb, *options);
  verb->add_option(
          "--rtl", options->rtl,
          "directory with another quasim_top of the same ports and parameters (default: the project's RTL)")
      ->check([](const std::string& text) {
        return text.empty() ? std::string("expected a directory; got an empty name") : std::string();
      })
      ->type_name("DIR");
  add_number(
      *verb, "--bus-traffic", options->bus_traffic, {0.0, 0.999},
      "random AXI4-Lite accesses beside the stream, every pin compared: probability that a channel begins "
      "one in a cycle");
  verb->add_flag("--coverage", options->coverage,
                 "count the functional bins of docs/coverage.md that the streams and the bus traffic meet");
  verb->add_option_function<std::string>(
      "--trace", [options](const std::string& file) { options->trace = file; },
      "write the RTL's waveform to this FST file");
  add_examples(*verb, {"quasim cosim layer00 layer01",
                       "quasim cosim layer00 --stall-in 0.3 --stall-out 0.3 --bus-traffic 0.2 --coverage"});
  return [options] { return stream_bundles("cosim", *options, true); };
}

}  // namespace quasim::cli
