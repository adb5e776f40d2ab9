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
      {"layer", "variant", "tensor", "compared", "differing", "largest"}};
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
    const auto comparisons = compare_golden(golden, committed, conv_bits);

    std::filesystem::path target;
    if (!options.output.empty())
      target = options.bundles.size() == 1 ? options.output : options.output / bundle.directory.filename();
    else if (device == GoldenDevice::kCuda)
      target = committed;
    if (!target.empty()) {
      write_golden(golden, target, conv_bits);
      nlohmann::ordered_json provenance{{"variant", variant.to_string()}};
      provenance.update(nlohmann::ordered_json::parse(golden_provenance(device)));
      write_text_file(target / "provenance.json", provenance.dump(1) + "\n");
    }

    nlohmann::ordered_json tensors = nlohmann::ordered_json::array();
    for (const GoldenComparison& c : comparisons) {
      compared += c.compared;
      (c.is_fp32 ? fp32_differing : mismatches) += c.differing;
      rows.push_back({bundle.layer.name, variant.to_string(), c.tensor, group_digits(c.compared),
                      group_digits(c.differing), nlohmann::json(c.largest).dump()});
      tensors.push_back({{"tensor", c.tensor},
                         {"compared", c.compared},
                         {"differing", c.differing},
                         {"largest", c.largest}});
    }
    if (comparisons.empty())
      rows.push_back({bundle.layer.name, variant.to_string(), "(none committed)", "0", "0", "0"});
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
    std::cout << format_table(rows);
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
      "Exit code 1 when an integer tensor differs. fp32 tensors differ by ulps of expf between a CPU and a "
      "GPU; they are\n"
      "counted apart.");
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
