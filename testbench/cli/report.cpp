// quasim report BUNDLE... -o report.html: one page that shows everything known about the layers.
#include <iostream>
#include <memory>

#include "analysis/layer_report.hpp"
#include "analysis/report_page.hpp"
#include "cli/cli.hpp"
#include "io/files.hpp"

namespace quasim::cli {
namespace {

struct Options {
  std::vector<std::string> bundles, certificates, cosims;
  std::string output = "report.html", model, chart_js;
  bool json = false;
};

int write_report(const Options& options) {
  const analysis::ReportInputs inputs{{options.certificates.begin(), options.certificates.end()},
                                      {options.cosims.begin(), options.cosims.end()},
                                      options.model};
  nlohmann::ordered_json data{{"format", "quasim.report/1"},
                              {"version", QUASIM_VERSION},
                              {"layers", nlohmann::ordered_json::array()}};
  Progress progress("report", options.bundles.size());
  for (std::size_t i = 0; i < options.bundles.size(); ++i) {
    progress.update(i);
    data["layers"].push_back(analysis::report_layer(read_bundle(options.bundles[i]), inputs));
  }
  analysis::ChartLibrary library = analysis::packaged_chart_library();
  if (!options.chart_js.empty()) library.script = options.chart_js;
  const std::string page = analysis::report_page(data, library);
  write_text_file(options.output, page);
  if (options.json)
    print_json({{"report", options.output}, {"layers", options.bundles.size()}, {"bytes", page.size()}});
  else
    std::cout << options.output << ": " << options.bundles.size() << " layers, " << group_digits(page.size())
              << " bytes\n";
  return kAgree;
}

}  // namespace

Action add_report(CLI::App& app) {
  auto options = std::make_shared<Options>();
  CLI::App* verb = app.add_subcommand("report", "one self-contained HTML page about layers");
  verb->add_option("BUNDLE", options->bundles, "layer bundles with an input")->required();
  verb->add_option("-o,--output", options->output, "the page")->capture_default_str();
  verb->add_option("--certificate", options->certificates,
                   "JSON of quasim certify; golden/certificate.json is found")
      ->check(CLI::ExistingFile);
  verb->add_option("--cosim", options->cosims, "JSON of quasim cosim; golden/cosim.json is found")
      ->check(CLI::ExistingFile);
  verb->add_option("--model", options->model, "directory with conv1d_output_int8.npy of the SystemC model")
      ->check(CLI::ExistingDirectory);
  verb->add_option("--chart-js", options->chart_js, "another chart.min.js (version 3)")
      ->check(CLI::ExistingFile);
  verb->add_flag("--json", options->json, "print what was written as JSON");
  return [options] { return write_report(*options); };
}

}  // namespace quasim::cli
