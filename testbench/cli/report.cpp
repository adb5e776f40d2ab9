// quasim report BUNDLE... -o report.html: one page that shows everything known about the layers.
#include <iostream>
#include <memory>

#include "analysis/layer_report.hpp"
#include "analysis/report_page.hpp"
#include "analysis/verdicts.hpp"
#include "cli/bundle_loop.hpp"
#include "cli/cli.hpp"
#include "cli/usage.hpp"

namespace quasim::cli {
namespace {

struct ReportOptions {
  std::vector<std::filesystem::path> bundles, certificates, cosims;
  OutputOption output = "report.html";
  std::string model, chart_js;
  bool json = false;
};

InputSet report_inputs(const ReportOptions& options) {
  InputSet inputs = inputs_of(options.bundles);
  for (const auto& bundle : options.bundles) {
    for (const char* name : {"certificate.json", "cosim.json"}) inputs.add_file(bundle / "golden" / name);
    inputs.add_tensors(bundle / "float");
  }
  for (const auto* documents : {&options.certificates, &options.cosims})
    for (const auto& file : *documents) inputs.add_file(file);
  inputs.add_tensors(options.model);
  inputs.add_file(options.chart_js);
  return inputs;
}

int write_report(const ReportOptions& options) {
  const OutputFile output(*options.output, report_inputs(options));
  if (output.is_standard_output() && options.json)
    throw UsageError("--json: expected -o FILE; standard output takes one of the two");
  const analysis::ReportInputs inputs{options.certificates, options.cosims, options.model};
  analysis::ChartLibrary library = analysis::packaged_chart_library();
  if (!options.chart_js.empty()) library.script = options.chart_js;
  nlohmann::ordered_json layers = nlohmann::ordered_json::array();
  std::vector<std::string> names;
  BundleLoop loop("report", options.bundles);
  loop.run([&](const std::filesystem::path& path) {
    nlohmann::ordered_json groups = nlohmann::ordered_json::array();
    for (const Bundle& bundle : read_grouped_bundle(path).split())
      groups.push_back(analysis::report_layer(bundle, inputs));
    for (auto& group : groups) {
      names.push_back(group["name"]);
      layers.push_back(std::move(group));
    }
  });
  if (loop.failures().empty()) analysis::require_used(inputs, names);
  return loop.finish(kAgree, [&] {
    const std::size_t count = layers.size();
    nlohmann::ordered_json data{{"format", "quasim.report/1"},
                                {"version", QUASIM_VERSION},
                                {"summary", analysis::report_summary(layers)},
                                {"layers", std::move(layers)}};
    const std::string page = analysis::report_page(data, library);
    output.write(page);
    if (options.json) {
      nlohmann::ordered_json json = document("quasim.report_written/1", "report");
      json.update({{"report", *options.output},
                   {"layers", count},
                   {"bytes", page.size()},
                   {"summary", data["summary"]},
                   {"failed", loop.failures()}});
      print_json(json);
      return;
    }
    std::ostream& out = results_beside(output);
    for (const auto& sentence : data["summary"]["sentences"])
      out << printable(sentence.get<std::string>()) << "\n";
    out << printable(*options.output) << ": " << count << " layers, " << group_digits(page.size())
        << " bytes\n";
  });
}

}  // namespace

Action add_report(CLI::App& app) {
  auto options = std::make_shared<ReportOptions>();
  CLI::App* verb = app.add_subcommand("report", "one self-contained HTML page about layers");
  verb->add_option("BUNDLE", options->bundles, "layer bundles with an input")->required();
  add_output_option(*verb, options->output, "the page (default: report.html)");
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
  add_examples(*verb, {"quasim report layer00 layer01 -o report.html",
                       "quasim report layer00 --certificate certificate.json --cosim cosim.json"});
  return [options] { return write_report(*options); };
}

}  // namespace quasim::cli
