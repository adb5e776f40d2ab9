// quasim sweep BUNDLE...: error and saturation against intermediate width and scale and output scale.
#include "analysis/sweep.hpp"

#include <memory>

#include "analysis/text.hpp"
#include "analysis/verdicts.hpp"
#include "cli/bundle_loop.hpp"
#include "cli/cli.hpp"
#include "cli/usage.hpp"

namespace quasim::cli {
namespace {

using analysis::number_text;
using analysis::SweepPoint;

struct Options {
  std::vector<std::filesystem::path> bundles;
  OutputOption output;
  std::string conv_bits = "8..12";
  std::vector<std::string> conv_scales{"layer", "max", "p99.99", "p99.95", "p99.9"};
  std::vector<std::string> output_scales{"layer", "max", "p99.99", "p99.95"};
  bool json = false;
};

std::vector<std::string> row_of(const SweepPoint& point) {
  return {point.conv_bits == 0 ? "fused" : std::to_string(point.conv_bits),
          point.conv_rule,
          point.conv_scale == 0 ? "-" : number_text(point.conv_scale),
          point.output_rule,
          number_text(point.output_scale),
          number_text(point.sqnr_db),
          number_text(point.rms_error),
          number_text(point.max_error),
          number_text(100 * point.conv_saturated),
          number_text(100 * point.output_saturated),
          point.pareto ? "*" : ""};
}

std::string result_text(const std::string& label, const analysis::SweepResult& result) {
  std::vector<std::vector<std::string>> rows{{"bits", "conv rule", "s_c", "out rule", "s_y", "SQNR dB",
                                              "rms error", "max error", "conv sat %", "out sat %", "Pareto"}};
  for (const SweepPoint& point : result.points) rows.push_back(row_of(point));
  for (const SweepPoint& point : result.fused) rows.push_back(row_of(point));
  return label + ", " + group_digits(result.elements) + " elements; error of out * s_y against silu(y)\n" +
         format_table(rows) +
         "* no other point has both as few bits and as small an rms error\nverdict: " + label + ": " +
         verdict(result) + "\n";
}

std::vector<analysis::ScaleRule> parse_rules(const std::vector<std::string>& texts) {
  std::vector<analysis::ScaleRule> rules;
  for (const std::string& text : texts) rules.push_back(analysis::ScaleRule::parse(text));
  return rules;
}

int run_sweep(const Options& options) {
  const analysis::SweepPlan plan{analysis::parse_conv_bits(options.conv_bits),
                                 parse_rules(options.conv_scales), parse_rules(options.output_scales)};
  const auto output = analysis::report_file(options.output, inputs_of(options.bundles));
  nlohmann::ordered_json layers = nlohmann::ordered_json::array();
  std::string text;
  BundleLoop loop("sweep", options.bundles);
  loop.run([&](const std::filesystem::path& path) {
    const analysis::SweepResult result = analysis::sweep(read_bundle(path), plan);
    layers.push_back({{"bundle", path.string()}});
    layers.back().update(to_json(result));
    layers.back()["verdict"] = verdict(result);
    text += result_text(bundle_label(path, result.layer), result) + "\n";
  });
  return loop.finish(kAgree, [&] {
    nlohmann::ordered_json json = document("quasim.sweep/1", "sweep");
    json.update({{"layers", layers}, {"failed", loop.failures()}});
    analysis::emit(
        options.json, output, [&] { return json; }, [&] { return text; });
  });
}

}  // namespace

Action add_sweep(CLI::App& app) {
  auto options = std::make_shared<Options>();
  CLI::App* verb = app.add_subcommand("sweep", "error and saturation of two_step against widths and scales");
  verb->add_option("BUNDLE", options->bundles, "layer bundles with an input")->required();
  verb->add_option("--conv-bits", options->conv_bits, "intermediate widths: 8..12 or 8,10,12")
      ->capture_default_str();
  verb->add_option("--conv-scale", options->conv_scales,
                   "rules for s_c: layer (its range at every width), max, pPERCENT, or a number")
      ->delimiter(',')
      ->capture_default_str();
  verb->add_option("--output-scale", options->output_scales,
                   "rules for s_y: layer, max, pPERCENT, or a number")
      ->delimiter(',')
      ->capture_default_str();
  add_output_option(*verb, options->output, "also write the table here; .json or text by its extension");
  verb->add_flag("--json", options->json, "print JSON");
  add_examples(*verb,
               {"quasim sweep layer00", "quasim sweep layer00 --conv-bits 8,10,12 --conv-scale max,p99.9",
                "quasim sweep layer00 --output-scale layer,0.03 -o sweep.json"});
  return [options] { return run_sweep(*options); };
}

}  // namespace quasim::cli
