// quasim modes BUNDLE...: the four output modes of both dataflows on one input.
#include "analysis/modes.hpp"

#include <cstdlib>
#include <iostream>
#include <memory>
#include <set>

#include "analysis/text.hpp"
#include "cli/bundle_loop.hpp"
#include "cli/cli.hpp"
#include "cli/usage.hpp"

namespace quasim::cli {
namespace {

using analysis::ModesResult;
using analysis::number_text;
using analysis::percent_text;

constexpr char kSaveVariable[] = "SAVE_INTERMEDIATE_VALUES";
constexpr char kDirectoryVariable[] = "INTERMEDIATE_VALUES_DIR";
constexpr char kDefaultDirectory[] = "intermediate_values";

struct ModesOptions {
  std::vector<std::filesystem::path> bundles;
  OutputOption output;
  bool json = false;
};

/// The directory that the environment asks intermediate tensors to be saved in; empty where it does not.
std::string save_directory() {
  const char* save = std::getenv(kSaveVariable);
  const std::string wish = save == nullptr ? "" : save;
  if (std::set<std::string>{"", "0", "false", "False", "no", "off"}.count(wish) != 0) return "";
  if (std::set<std::string>{"1", "true", "True", "yes", "on"}.count(wish) == 0)
    throw InputError(std::string(kSaveVariable) + ": expected 0, 1, true or false; got '" + wish + "'");
  const char* directory = std::getenv(kDirectoryVariable);
  return directory == nullptr || *directory == '\0' ? kDefaultDirectory : directory;
}

/// One directory a bundle, whatever its dataflow names its tensors; none where nothing is to be saved.
std::vector<FileSet> saved_sets(const ModesOptions& options, const InputSet& inputs) {
  std::vector<FileSet> sets;
  const std::filesystem::path directory = save_directory();
  if (directory.empty()) return sets;
  std::set<std::string> names;
  for (const auto& bundle : options.bundles) {
    const std::string name = bundle_name(bundle);
    if (!names.insert(name).second)
      throw InputError("BUNDLE: expected bundles of different names; two would be saved in " +
                       (directory / name).string());
    sets.emplace_back(directory / name, analysis::intermediate_files(), std::vector<std::string>{}, inputs);
  }
  return sets;
}

std::string histogram_line(const analysis::TickHistogram& histogram, std::size_t elements) {
  std::string text;
  for (const auto& row : histogram.rows())
    text += (text.empty() ? "" : ", ") +
            (row.from > 0 ? "+" + std::to_string(row.from) : std::to_string(row.from)) + ": " +
            group_digits(row.count) + " (" + percent_text(row.count, elements) + ")";
  return text;
}

std::string result_text(const std::string& label, const ModesResult& result) {
  std::string text = label + ", " + group_digits(result.elements) + " elements; " +
                     result.variants[0].to_string() + " and " + result.variants[1].to_string() + "\n";
  std::vector<std::vector<std::string>> rows{{"dataflow and mode", "x_proj = baseline", "SSM = baseline",
                                              "x_proj differs", "SQNR dB", "rms error", "max error",
                                              "at a limit"}};
  for (const analysis::ModeRow& row : result.rows)
    rows.push_back({std::string(to_string(row.dataflow)) + " " + std::string(to_string(row.mode)),
                    row.x_proj_equals_baseline ? "yes" : "no", row.ssm_equals_baseline ? "yes" : "no",
                    percent_text(result.elements - row.x_proj_steps.at(0), result.elements),
                    number_text(row.ssm.sqnr_db), number_text(row.ssm.rms_error),
                    number_text(row.ssm.max_error), group_digits(row.x_proj_at_limits)});
  text += format_table(rows);
  for (const analysis::ModeRow& row : result.rows)
    if (row.mode == analysis::OutputMode::kFp32)
      text += "x_proj of " + std::string(to_string(row.dataflow)) +
              " fp32 - baseline, in LSB: " + histogram_line(row.x_proj_steps, result.elements) + "\n";
  text += "fused - two_step, int8 output, in LSB: " +
          histogram_line(result.fused_minus_two_step, result.elements) + "\n";
  const auto saturated = [&](const analysis::Clamped& s) {
    return group_digits(s.below) + " below, " + group_digits(s.above) + " above";
  };
  text += "changed by a clamp: conv " + saturated(result.conv_clamp) + "; output two_step " +
          saturated(result.output_clamp[0]) + "; output fused " + saturated(result.output_clamp[1]) + "\n";
  text += result.promise_holds() ? "baseline, fp32_ssm_input and float_sim_int8 carry identical values\n"
                                 : "MISMATCH: baseline, fp32_ssm_input and float_sim_int8 differ\n";
  return text;
}

int run_modes(const ModesOptions& options) {
  nlohmann::ordered_json layers = nlohmann::ordered_json::array();
  std::string text;
  const InputSet inputs = inputs_of(options.bundles);
  const auto output = analysis::report_file(options.output, inputs);
  std::vector<FileSet> saved = saved_sets(options, inputs);
  bool agree = true;
  BundleLoop loop("modes", options.bundles);
  std::size_t next = 0;
  loop.run([&](const std::filesystem::path& path) {
    const std::size_t i = next++;
    const GroupedBundle layer = read_grouped_bundle(path);
    if (!saved.empty()) layer.layer.only(path);  // the tensors that are saved are of one group
    for (const Bundle& bundle : layer.split()) {
      const ModesResult result = analysis::compare_modes(bundle);
      agree = agree && result.promise_holds();
      layers.push_back(bundle_entry(path, bundle));
      layers.back().update(to_json(result));
      text += result_text(bundle_label(path, result.layer), result) + "\n";
    }
    if (saved.empty()) return;
    analysis::save_intermediates(layer.group(0), saved[i].begin());
    saved[i].commit();
    std::cerr << "intermediate tensors in " << printable(saved[i].directory().string()) << "\n";
  });
  return loop.finish(agree ? kAgree : kDiffer, [&] {
    nlohmann::ordered_json json = document("quasim.modes/1", "modes");
    json.update({{"layers", layers}, {"failed", loop.failures()}});
    analysis::emit(
        options.json, output, [&] { return json; }, [&] { return text; });
  });
}

}  // namespace

Action add_modes(CLI::App& app) {
  auto options = std::make_shared<ModesOptions>();
  CLI::App* verb =
      app.add_subcommand("modes", "the four output modes of both dataflows: equal values, error, SQNR");
  verb->add_option("BUNDLE", options->bundles, "layer bundles with an input")->required();
  add_output_option(*verb, options->output, "also write the report here; .json or text by its extension");
  verb->add_flag("--json", options->json, "print JSON");
  verb->footer(
      "With SAVE_INTERMEDIATE_VALUES=1 the tensors go to INTERMEDIATE_VALUES_DIR (intermediate_values).");
  add_examples(*verb, {"quasim modes layer00", "quasim modes layer00 layer01 --json -o modes.json"});
  return [options] { return run_modes(*options); };
}

}  // namespace quasim::cli
