// quasim golden: evaluates the fp32 golden and holds it against the committed one, or remakes that.
#include "reference/golden.hpp"

#include <iostream>
#include <memory>

#include "cli/bundle_loop.hpp"
#include "cli/cli.hpp"
#include "cli/usage.hpp"
#include "io/json_text.hpp"
#include "reference/targets.hpp"
#include "spec/error.hpp"

namespace quasim::cli {
namespace {

struct GoldenOptions {
  std::vector<std::filesystem::path> bundles;
  std::string dataflow, order = "seqlast", math = "precise", rounding, device = "cpu";
  OutputOption output;
  bool json = false;
};

Variant variant_of(const GroupedBundle& bundle, const GoldenOptions& options) {
  const LayerParams& layer = bundle.layer.groups.front();  // the groups differ in scales alone
  Variant variant;
  variant.dataflow = options.dataflow.empty() ? layer.dataflow : parse_dataflow(options.dataflow);
  variant.order = parse_order(options.order);
  variant.math = parse_math_mode(options.math);
  variant.rounding = !options.rounding.empty() ? parse_rounding(options.rounding)
                                               : default_variant(layer, variant.dataflow).rounding;
  return variant;
}

/// The golden of a bundle that this command may remake; one that there cannot be where the bundle cannot be
/// read, which is said in its turn.
std::filesystem::path own_golden(const std::filesystem::path& directory, const GoldenOptions& options) {
  try {
    const GroupedBundle bundle = read_grouped_bundle_without_input(directory);
    return bundle.golden_directory(variant_of(bundle, options));
  } catch (const UsageError&) {
    throw;
  } catch (const InputError&) {
    return directory / "golden" / "unreadable";
  }
}

/// Where the golden of each bundle goes; none where nothing is written. Its own golden may be remade; what
/// else the verb reads may not be written. A sweep beside the tensors stays.
std::vector<FileSet> golden_sets(const GoldenOptions& options, GoldenDevice device) {
  std::vector<FileSet> sets;
  std::vector<std::filesystem::path> targets, own;
  if (!options.output && device == GoldenDevice::kCpu) return sets;
  for (const auto& directory : options.bundles) {
    own.push_back(own_golden(directory, options));
  }
  InputSet inputs;
  for (std::size_t i = 0; i < own.size(); ++i) inputs.add_bundle(options.bundles[i], own[i]);
  targets = options.output ? bundle_outputs(*options.output, options.bundles) : own;
  for (const auto& target : targets)
    sets.emplace_back(target, all_golden_files(), std::vector<std::string>{"steps.npz"}, inputs);
  return sets;
}

int run(const GoldenOptions& options) {
  if (options.device != "cpu" && options.device != "cuda")
    throw UsageError("--device: expected cpu or cuda; got '" + options.device + "'");
  const GoldenDevice device = options.device == "cpu" ? GoldenDevice::kCpu : GoldenDevice::kCuda;
  std::vector<std::vector<std::string>> rows{
      {"bundle", "variant", "tensor", "compared", "differing", "largest", "ulps", "mismatches"}};
  std::string notes;
  nlohmann::ordered_json layers = nlohmann::ordered_json::array();
  std::uint64_t compared = 0, mismatches = 0, fp32_differing = 0;
  std::vector<FileSet> sets = golden_sets(options, device);
  BundleLoop loop("golden", options.bundles);
  loop.run_indexed([&](std::size_t i) {
    const GroupedBundle bundle = read_grouped_bundle(options.bundles[i]);
    const std::string label = bundle_label(options.bundles[i], bundle.layer.name);
    const Variant variant = variant_of(bundle, options);
    const int conv_bits = bundle.layer.groups.front().conv_bits;
    const GoldenTensors golden = evaluate_golden(bundle, variant, device);
    const auto committed = bundle.golden_directory(variant);
    // A golden that is made again is not held against the older one, which may be of another layer.
    const bool remakes = !sets.empty() && std::filesystem::weakly_canonical(sets[i].directory()) ==
                                              std::filesystem::weakly_canonical(committed);
    const auto comparisons =
        remakes ? std::vector<GoldenComparison>{} : compare_golden(golden, bundle, variant);
    if (!sets.empty()) {
      const auto maker = nlohmann::ordered_json::parse(golden_provenance(device));
      require_same_maker(bundle, variant, sets[i].directory(), golden_files(golden),
                         maker.value("device", ""));
      nlohmann::ordered_json provenance{{"variant", variant.to_string()}};
      provenance.update(provenance_of(bundle));
      provenance.update(maker);
      std::vector<std::string> files = golden_files(golden);
      if (std::filesystem::exists(sets[i].directory() / "steps.npz")) files.emplace_back("steps.npz");
      provenance["files"] = files;
      const auto& target = sets[i].begin();
      write_golden(golden, target, conv_bits);
      write_text_file(target / "provenance.json", json_text(provenance) + "\n");
      sets[i].commit();
    }

    nlohmann::ordered_json tensors = nlohmann::ordered_json::array();
    for (const GoldenComparison& c : comparisons) {
      compared += c.compared;
      mismatches += c.beyond;
      fp32_differing += c.is_fp32 ? c.differing : 0;
      rows.push_back(
          {label, variant.to_string(), c.tensor, group_digits(c.compared), group_digits(c.differing),
           nlohmann::json(c.largest).dump(),
           c.is_fp32 ? std::to_string(c.largest_ulps) + " of " + std::to_string(c.allowed_ulps) : "-",
           group_digits(c.beyond)});
      if (c.nan > 0) notes += label + ": " + c.tensor + ": " + group_digits(c.nan) + " places with a NaN\n";
      tensors.push_back({{"tensor", c.tensor},
                         {"compared", c.compared},
                         {"differing", c.differing},
                         {"largest", c.largest},
                         {"largest_ulps", c.largest_ulps},
                         {"allowed_ulps", c.allowed_ulps},
                         {"nan", c.nan},
                         {"mismatches", c.beyond}});
    }
    if (comparisons.empty())
      rows.push_back({label, variant.to_string(),
                      remakes ? "(made again)" : "(none: " + committed_variants(bundle.directory) + ")", "0",
                      "0", "0", "-", "0"});
    layers.push_back({{"bundle", options.bundles[i].string()},
                      {"layer", bundle.layer.name},
                      {"name", bundle.layer.name},
                      {"variant", variant.to_string()},
                      {"elements", golden.output.size()},
                      {"written_to", sets.empty() ? "" : sets[i].directory().string()},
                      {"tensors", tensors}});
  });
  const bool idle = compared == 0 && !options.output && device == GoldenDevice::kCpu;
  return loop.finish(mismatches == 0 && !idle ? kAgree : kDiffer, [&] {
    if (options.json) {
      nlohmann::ordered_json json = document("quasim.golden/1", "golden");
      json.update({{"device", options.device},
                   {"layers", layers},
                   {"compared", compared},
                   {"mismatches", mismatches},
                   {"fp32_differing", fp32_differing},
                   {"failed", loop.failures()}});
      print_json(json);
    } else {
      std::cout << format_table(rows) << notes;
    }
    if (idle && loop.failures().empty())
      complain("golden: nothing was compared and nothing written; name a directory with -o");
  });
}

}  // namespace

Action add_golden(CLI::App& app) {
  auto options = std::make_shared<GoldenOptions>();
  CLI::App* verb = app.add_subcommand(
      "golden",
      "evaluate the fp32 golden; cpu: hold it against the committed one, cuda: remake that as well");
  verb->footer(
      "Exit code 1 when a tensor differs. silu_raw alone may, by a few units in the last place: a CPU's expf "
      "is "
      "not a\nGPU's. A NaN is always a difference.");
  verb->add_option("BUNDLE", options->bundles, "layer bundle directories")->required();
  verb->add_option("--dataflow", options->dataflow, "two_step or fused (default: the layer's)");
  verb->add_option("--order", options->order, "seqlast, channellast or update")->capture_default_str();
  verb->add_option("--math", options->math, "precise or fast (fast needs --device cuda)")
      ->capture_default_str();
  verb->add_option("--rounding", options->rounding, "half_even or half_away (default: the dataflow's)");
  verb->add_option("--device", options->device, "cpu (the CPU twin) or cuda")->capture_default_str();
  add_output_option(
      *verb, options->output,
      "directory for the tensors, under their names; one below it a bundle where there are several");
  verb->add_flag("--json", options->json, "print JSON");
  add_examples(*verb, {"quasim golden layer00", "quasim golden layer00 -o written --json",
                       "quasim golden layer00 --dataflow fused -o fused"});
  return [options] { return run(*options); };
}

}  // namespace quasim::cli
