// quasim golden: evaluates the fp32 golden and holds it against the committed one, or remakes that.
#include "reference/golden.hpp"

#include <iostream>
#include <memory>

#include "cli/cli.hpp"
#include "io/files.hpp"
#include "reference/targets.hpp"
#include "spec/error.hpp"

namespace quasim::cli {
namespace {

struct GoldenOptions {
  std::vector<std::filesystem::path> bundles;
  std::string dataflow, order = "seqlast", math = "precise", rounding, device = "cpu";
  std::filesystem::path output;
  bool json = false;
};

Variant variant_of(const Bundle& bundle, const GoldenOptions& options) {
  Variant variant;
  variant.dataflow = options.dataflow.empty() ? bundle.layer.dataflow : parse_dataflow(options.dataflow);
  variant.order = parse_order(options.order);
  variant.math = parse_math_mode(options.math);
  variant.rounding = !options.rounding.empty() ? parse_rounding(options.rounding)
                                               : default_variant(bundle.layer, variant.dataflow).rounding;
  return variant;
}

int run(const GoldenOptions& options) {
  if (options.device != "cpu" && options.device != "cuda")
    throw InputError("--device: expected cpu or cuda; got '" + options.device + "'");
  const GoldenDevice device = options.device == "cpu" ? GoldenDevice::kCpu : GoldenDevice::kCuda;
  std::vector<std::vector<std::string>> rows{
      {"layer", "variant", "tensor", "compared", "differing", "largest", "ulps", "mismatches"}};
  std::string notes;
  nlohmann::ordered_json layers = nlohmann::ordered_json::array();
  std::uint64_t compared = 0, mismatches = 0, fp32_differing = 0;
  Progress progress("golden", options.bundles.size());
  for (const auto& directory : options.bundles) {
    progress.update(layers.size());
    const Bundle bundle = read_bundle(directory);
    const Variant variant = variant_of(bundle, options);
    const int conv_bits = bundle.layer.conv_bits;
    const GoldenTensors golden = evaluate_golden(bundle, variant, device);
    const auto committed = bundle.golden_directory(variant);
    std::filesystem::path target;
    if (!options.output.empty())
      target = options.bundles.size() == 1 ? options.output : options.output / bundle.directory.filename();
    else if (device == GoldenDevice::kCuda)
      target = committed;
    // A golden that is made again is not held against the older one, which may be of another layer.
    const bool remakes = !target.empty() && std::filesystem::weakly_canonical(target) ==
                                                std::filesystem::weakly_canonical(committed);
    const auto comparisons =
        remakes ? std::vector<GoldenComparison>{} : compare_golden(golden, bundle, variant);
    if (!target.empty()) {
      const auto maker = nlohmann::ordered_json::parse(golden_provenance(device));
      require_same_maker(bundle, variant, target, golden_files(golden), maker.value("device", ""));
      nlohmann::ordered_json provenance{{"variant", variant.to_string()}};
      provenance.update(provenance_of(bundle));
      provenance.update(maker);
      // While tensors are written there is no provenance: who is killed here leaves a golden that no verb
      // takes.
      std::error_code ignored;
      std::filesystem::remove(target / "provenance.json", ignored);
      write_golden(golden, target, conv_bits);
      write_text_file(target / "provenance.json", provenance.dump(1) + "\n");
    }

    nlohmann::ordered_json tensors = nlohmann::ordered_json::array();
    for (const GoldenComparison& c : comparisons) {
      compared += c.compared;
      mismatches += c.beyond;
      fp32_differing += c.is_fp32 ? c.differing : 0;
      rows.push_back(
          {bundle.layer.name, variant.to_string(), c.tensor, group_digits(c.compared),
           group_digits(c.differing), nlohmann::json(c.largest).dump(),
           c.is_fp32 ? std::to_string(c.largest_ulps) + " of " + std::to_string(c.allowed_ulps) : "-",
           group_digits(c.beyond)});
      if (c.nan > 0)
        notes += bundle.layer.name + ": " + c.tensor + ": " + group_digits(c.nan) + " places with a NaN\n";
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
      rows.push_back({bundle.layer.name, variant.to_string(),
                      remakes ? "(made again)" : "(none: " + committed_variants(bundle) + ")", "0", "0", "0",
                      "-", "0"});
    layers.push_back({{"name", bundle.layer.name},
                      {"variant", variant.to_string()},
                      {"elements", golden.output.size()},
                      {"written_to", target.string()},
                      {"tensors", tensors}});
  }
  if (options.json)
    print_json({{"verb", "golden"},
                {"device", options.device},
                {"layers", layers},
                {"compared", compared},
                {"mismatches", mismatches},
                {"fp32_differing", fp32_differing}});
  else
    std::cout << format_table(rows) << notes;
  if (compared == 0 && options.output.empty() && device == GoldenDevice::kCpu) {
    std::cerr << "quasim golden: nothing was compared and nothing written; name a directory with -o\n";
    return kDiffer;
  }
  return mismatches == 0 ? kAgree : kDiffer;
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
  verb->add_option("-o,--output", options->output, "write the tensors here, under their names");
  verb->add_flag("--json", options->json, "print JSON");
  return [options] { return run(*options); };
}

}  // namespace quasim::cli
