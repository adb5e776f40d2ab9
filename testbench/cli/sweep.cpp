// quasim sweep BUNDLE...: error and saturation against intermediate width and scale and output scale.
#include "analysis/sweep.hpp"

#include <memory>

#include "analysis/text.hpp"
#include "analysis/verdicts.hpp"
#include "cli/bundle_loop.hpp"
#include "cli/cli.hpp"
#include "cli/options.hpp"
#include "cli/usage.hpp"
#include "io/files.hpp"

namespace quasim::cli {
namespace {

using analysis::number_text;
using analysis::SweepPoint;

struct SweepOptions {
  std::vector<std::filesystem::path> bundles;
  OutputOption output;
  std::string conv_bits = "8..12";
  std::vector<std::string> conv_scales{"layer", "max", "p99.99", "p99.95", "p99.9"};
  std::vector<std::string> output_scales{"layer", "max", "p99.99", "p99.95"};
  std::optional<int> apply;  ///< the row whose width and scales -o gets
  bool json = false;
};

constexpr NumberRange<int> kRows{1, 1000000};

std::vector<std::string> row_of(const SweepPoint& point, bool with_floats) {
  std::vector<std::string> cells{std::to_string(point.row),
                                 point.conv_bits == 0 ? "fused" : std::to_string(point.conv_bits),
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
  if (with_floats) cells.insert(cells.begin() + 7, number_text(*point.float_sqnr_db));
  return cells;
}

/// A line for each row that --apply does not take.
std::string refused_text(const std::vector<SweepPoint>& points) {
  std::string text;
  for (const SweepPoint& point : points)
    if (!point.refused.empty())
      text += "row " + std::to_string(point.row) + " cannot be applied: " + point.refused + "\n";
  return text;
}

std::string result_text(const std::string& label, const analysis::SweepResult& result) {
  const bool with_floats = result.points.front().float_sqnr_db.has_value();
  std::vector<std::vector<std::string>> rows{{"row", "bits", "conv rule", "s_c", "out rule", "s_y", "SQNR dB",
                                              "rms error", "max error", "conv sat %", "out sat %", "Pareto"}};
  if (with_floats) rows[0].insert(rows[0].begin() + 7, "float dB");
  for (const auto* points : {&result.points, &result.fused})
    for (const SweepPoint& point : *points) rows.push_back(row_of(point, with_floats));
  const std::string floats =
      with_floats
          ? "float dB: the same error against the float layer, its weights and input not rounded either\n"
          : "";
  return label + ", " + group_digits(result.elements) + " elements; error of out * s_y against silu(y)\n" +
         format_table(rows) + "* no other point has both as few bits and as small an rms error\n" + floats +
         refused_text(result.points) + refused_text(result.fused) + "recommended: " + label + ": " +
         recommendation_text(result) + "\nverdict: " + label + ": " + verdict(result) + "\n";
}

std::vector<analysis::ScaleRule> parse_rules(const std::string& option,
                                             const std::vector<std::string>& texts) {
  std::vector<analysis::ScaleRule> rules;
  for (const std::string& text : texts) rules.push_back(analysis::ScaleRule::parse(option, text));
  return rules;
}

/// --apply writes one bundle, in a directory that holds nothing yet: a golden in it would be another layer's.
FreshDirectory applied_directory(const SweepOptions& options, const InputSet& inputs) {
  if (options.bundles.size() != 1)
    throw UsageError("--apply: expected one bundle; got " + std::to_string(options.bundles.size()));
  if (!options.output || options.output->empty() || *options.output == "-")
    throw UsageError("--apply: expected -o DIRECTORY, the bundle to write");
  return {*options.output, "layer.json", inputs};
}

void write_applied(const GroupedBundle& layer, const std::vector<analysis::SweepResult>& results, int row,
                   FreshDirectory& output) {
  const GroupedBundle applied = analysis::apply_row(layer, results, row);
  const std::filesystem::path& directory = output.begin();
  write_bundle_files(applied, directory);
  for (const auto& file : entries_of(layer.directory / "float"))
    if (file.extension() == ".npy")
      write_text_file(directory / "float" / file.filename(), read_text_file(file, SIZE_MAX));
  output.commit();
}

int run_sweep(const SweepOptions& options) {
  const analysis::SweepPlan plan{analysis::parse_conv_bits(options.conv_bits),
                                 parse_rules("--conv-scale", options.conv_scales),
                                 parse_rules("--output-scale", options.output_scales)};
  InputSet inputs = inputs_of(options.bundles);
  for (const auto& bundle : options.bundles) inputs.add_tensors(bundle / "float");
  std::optional<FreshDirectory> applied;
  std::optional<analysis::ReportFile> output;
  if (options.apply)
    applied.emplace(applied_directory(options, inputs));
  else
    output = analysis::report_file(options.output, inputs);
  nlohmann::ordered_json layers = nlohmann::ordered_json::array();
  std::string text;
  BundleLoop loop("sweep", options.bundles);
  loop.run([&](const std::filesystem::path& path) {
    const GroupedBundle layer = read_grouped_bundle(path);
    std::vector<analysis::SweepResult> results;
    for (const Bundle& bundle : layer.split()) {
      results.push_back(analysis::sweep(bundle, plan));
      const analysis::SweepResult& result = results.back();
      layers.push_back(bundle_entry(path, bundle));
      layers.back().update(to_json(result));
      layers.back()["verdict"] = verdict(result);
      layers.back()["recommendation"] = recommendation_text(result);
      text += result_text(bundle_label(path, result.layer), result) + "\n";
    }
    if (applied) {
      write_applied(layer, results, *options.apply, *applied);
      text += "row " + std::to_string(*options.apply) + " of " + printable(path.string()) + " is " +
              printable(*options.output) + "\n";
    }
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
  auto options = std::make_shared<SweepOptions>();
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
  verb->add_option_function<std::string>(
          "--apply", [options](const std::string& text) { options->apply = kRows.parse("--apply", text); },
          "write the bundle with the width and scales of this row to -o")
      ->type_name("ROW");
  add_output_option(
      *verb, options->output,
      "also write the table here; .json or text by its extension. With --apply the bundle to write");
  verb->add_flag("--json", options->json, "print JSON");
  add_examples(*verb,
               {"quasim sweep layer00", "quasim sweep layer00 --conv-bits 8,10,12 --conv-scale max,p99.9",
                "quasim sweep layer00 --output-scale layer,0.03 -o sweep.json",
                "quasim sweep layer00 --apply 22 -o layer00_9bits"});
  return [options] { return run_sweep(*options); };
}

}  // namespace quasim::cli
