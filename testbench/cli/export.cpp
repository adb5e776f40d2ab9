// quasim export: the hand-off kit of a layer, and its check.
#include <algorithm>
#include <iostream>
#include <memory>
#include <optional>

#include "cli/cli.hpp"
#include "cli/layer_options.hpp"
#include "cli/options.hpp"
#include "cli/usage.hpp"
#include "kit/kit.hpp"
#include "kit/manifest.hpp"
#include "reference/stopwatch.hpp"
#include "spec/error.hpp"

namespace quasim::cli {
namespace {

/// Bytes above which the result says how a kit becomes smaller.
constexpr std::uint64_t kLargeKit = 50'000'000;

struct ExportOptions {
  LayerOptions layer;
  OutputOption output;
  std::filesystem::path check;
  std::string formats = "hex,npy,coe,mif";  ///< each value once for benches and once for numpy
  std::vector<std::string> stages;
  std::size_t lanes = spec::kLanesDefault;
  std::size_t steps = 0;  ///< 0: all
  bool no_directed = false, folded = false, json = false;
  std::vector<std::string> beside_check;  ///< options on the command line that --check does not take
};

std::vector<kit::Boundary> parse_stages(const std::vector<std::string>& names) {
  std::vector<kit::Boundary> stages;
  for (const kit::Boundary stage : kit::kBoundaries)
    if (std::find(names.begin(), names.end(), format_of(stage, LayerProgram{}).name) != names.end())
      stages.push_back(stage);
  return stages;
}

int check(const ExportOptions& options) {
  const kit::KitCheck result = kit::check_kit(options.check);
  if (options.json) {
    nlohmann::ordered_json json = document("quasim.export_check/1", "export");
    json.update({{"check", options.check.string()},
                 {"files", result.files},
                 {"intact", result.problems.empty()},
                 {"problems", result.problems}});
    print_json(json);
  } else {
    for (const std::string& problem : result.problems) std::cout << printable(problem) << "\n";
    std::cout << printable(options.check.string()) << ": " << result.files << " files, "
              << result.problems.size() << " problems\n";
  }
  return result.problems.empty() ? kAgree : kDiffer;
}

void print_summary(const ExportOptions& options, const Bundle& bundle, const std::string& origin,
                   const kit::KitSummary& summary, double seconds) {
  if (options.json) {
    nlohmann::ordered_json json = document("quasim.export/1", "export");
    json.update({{"bundle", bundle.directory.string()},
                 {"layer", bundle.layer.name},
                 {"program", origin},
                 {"output", *options.output},
                 {"files", summary.files},
                 {"bytes", summary.size_bytes},
                 {"elements", summary.elements}});
    if (summary.directed) {
      json["q_steps"] = summary.directed->q_steps;
      json["q_steps_covered"] = summary.directed->q_covered;
      json["out_steps"] = summary.directed->out_steps;
      json["out_steps_covered"] = summary.directed->out_covered;
      json["windows"] = summary.directed->windows;
    }
    json["golden_compared"] = summary.golden_compared;
    json["golden_differing"] = summary.golden_differing;
    json["seconds"] = seconds;
    print_json(json);
    return;
  }
  std::cout << printable(bundle.layer.name) << " (" << origin << ") -> " << printable(*options.output) << ": "
            << group_digits(summary.files) << " files, " << group_digits(summary.size_bytes) << " bytes, "
            << group_digits(summary.elements) << " elements\n";
  if (summary.directed)
    std::cout << "directed: " << group_digits(summary.directed->windows) << " windows cover "
              << group_digits(summary.directed->q_covered) << " of "
              << group_digits(summary.directed->q_steps) << " steps of q and "
              << group_digits(summary.directed->out_covered) << " of "
              << group_digits(summary.directed->out_steps)
              << " of out; the weights do not reach the others\n";
  if (summary.size_bytes > kLargeKit)
    std::cout << "size: fewer --format or --stages, or --no-directed, make a smaller kit\n";
  if (summary.golden_compared > 0)
    std::cout << "golden: " << group_digits(summary.golden_differing) << " of "
              << group_digits(summary.golden_compared) << " outputs differ\n";
  else
    std::cout << "golden: none to compare with\n";
}

int run(const ExportOptions& options) {
  if (!options.check.empty()) {
    if (!options.layer.bundles.empty() || options.output)
      throw InputError("--check: takes a kit and neither a bundle nor --output");
    if (!options.beside_check.empty())
      throw UsageError(options.beside_check.front() + ": expected no such option beside --check");
    return check(options);
  }
  if (options.layer.bundles.size() != 1) throw InputError("BUNDLE: expected one bundle directory");
  if (!options.output || options.output->empty())
    throw InputError("--output: expected the directory to write");
  kit::KitRequest request;
  request.formats = kit::parse_formats(options.formats);
  const Stopwatch watch;
  const Bundle bundle = read_bundle_without_input(options.layer.bundles.front());
  const LoadedProgram loaded = program_for(bundle, options.layer.choice);
  request.output = *options.output;
  request.inputs = inputs_of(options.layer.bundles);
  request.inputs.add_file(options.layer.choice.program_file);
  request.tool = "quasim " QUASIM_VERSION;
  request.program_origin = loaded.origin;
  request.variant = chosen_variant(bundle.layer, options.layer.choice);
  request.lanes = options.lanes;
  if (!options.stages.empty()) request.stages = parse_stages(options.stages);
  if (options.steps > 0) request.max_tokens = options.steps;
  request.with_directed = !options.no_directed;
  request.folded = options.folded;
  std::optional<Progress> progress;
  request.progress = [&progress](std::uint64_t done, std::uint64_t total) {
    if (!progress) progress.emplace("export", total);
    progress->update(done);
  };
  const kit::KitSummary summary = export_kit(bundle, loaded.program, request);
  progress.reset();
  print_summary(options, bundle, loaded.origin, summary, watch.seconds());
  return summary.golden_differing == 0 ? kAgree : kDiffer;
}

}  // namespace

Action add_export(CLI::App& app) {
  auto options = std::make_shared<ExportOptions>();
  CLI::App* verb = app.add_subcommand("export", "write the hand-off kit of a layer, or check one");
  add_layer_options(*verb, options->layer);
  verb->get_option("BUNDLE")->required(false);
  add_output_option(*verb, options->output, "directory to write; an older kit there is replaced");
  verb->add_option(
          "--format", options->formats,
          "all, or a list of " + kit::format_words() + "; all is five times as large, csv half of that")
      ->capture_default_str();
  verb->add_option("--stages", options->stages, "stage boundaries to write (default: all)")
      ->delimiter(',')
      ->check(CLI::IsMember({"x", "acc", "p", "q", "out"}));
  add_number(*verb, "--lanes", options->lanes, {spec::kLanesMin, spec::kLanesMax}, "int8 lanes a beat");
  add_number(*verb, "--steps", options->steps, {1, SIZE_MAX},
             "write only the first time steps of each sequence");
  verb->add_flag("--no-directed", options->no_directed, "leave the directed vectors out");
  verb->add_flag("--folded", options->folded, "for the unit of two_step alone that holds silu_table folded");
  verb->add_option("--check", options->check,
                   "check the kit in this directory: every file, size and SHA-256");
  verb->add_flag("--json", options->json, "print JSON");
  add_examples(*verb,
               {"quasim export layer00 -o kit", "quasim export layer00 -o kit --format hex,npy --steps 16",
                "quasim export --check kit"});
  return [options, verb] {
    for (const CLI::Option* option : verb->get_options())
      if (option->count() > 0 && option->get_name() != "--check" && option->get_name() != "--json")
        options->beside_check.push_back(option->get_name());
    return run(*options);
  };
}

}  // namespace quasim::cli
