// quasim compile: the smallest multiplier program that equals the target on every input of a layer.
#include <chrono>
#include <iostream>
#include <memory>

#include "cli/cli.hpp"
#include "golden/targets.hpp"
#include "spec/error.hpp"

namespace quasim::cli {
namespace {

struct CompileOptions {
  std::vector<std::filesystem::path> bundles;
  std::string target;  ///< empty: the golden of the layer's own dataflow and rounding
  std::string domain = "reachable", match = "auto";
  int mult_bits = spec::kMultBitsMax;
  int conv_bits = 0;  ///< 0: the layer's
  std::filesystem::path output;
  bool json = false;
};

nlohmann::ordered_json to_json(const compile::Compiled& compiled, double seconds) {
  const LayerProgram& program = compiled.program;
  nlohmann::ordered_json points = nlohmann::ordered_json::array();
  for (const compile::DifferingPoint& point : compiled.first_differing)
    points.push_back({{"bias", point.bias}, {"acc", point.acc}, {"target", point.target}, {"program", point.program}});
  return {{"layer", program.name},
          {"target", program.compiled_from["target"]},
          {"origin", program.compiled_from["origin"]},
          {"exact", compiled.exact()},
          {"match", std::string(to_string(compiled.match))},
          {"multiplier", program.multiplier},
          {"mult_bits", program.mult_bits},
          {"shift", program.shift_bits},
          {"points", compiled.points},
          {"differing_q", compiled.differing_q},
          {"differing_out", compiled.differing_out},
          {"displaced_at_least", compiled.displaced_at_least},
          {"target_falls", compiled.target_falls},
          {"seconds", seconds},
          {"differing_points", points}};
}

std::filesystem::path output_file(const CompileOptions& options, const Bundle& bundle) {
  if (options.bundles.size() == 1) return options.output;
  return options.output / (std::filesystem::weakly_canonical(bundle.directory).filename().string() + ".json");
}

int run(const CompileOptions& options) {
  std::vector<std::vector<std::string>> rows{
      {"layer", "target", "M", "S", "width", "match", "points", "differing q", "differing out", "seconds"}};
  nlohmann::ordered_json layers = nlohmann::ordered_json::array();
  bool all_exact = true;
  for (const auto& directory : options.bundles) {
    const auto start = std::chrono::steady_clock::now();
    Bundle bundle = read_bundle(directory);
    if (options.conv_bits != 0) bundle.layer.conv_bits = options.conv_bits;
    const exact::Domain domain = make_domain(exact::parse_domain(options.domain), bundle);
    const std::string target =
        options.target.empty() ? "golden:" + default_variant(bundle.layer).to_string() : options.target;
    compile::Options search;
    search.mult_bits = options.mult_bits;
    search.match = compile::parse_match(options.match);
    compile::Compiled compiled = compile_program(bundle, domain, make_target(target, bundle, domain), search);
    compiled.program.compiled_from["tool"] = "quasim " QUASIM_VERSION;
    const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    if (!options.output.empty()) write_program(output_file(options, bundle), compiled.program);

    all_exact &= compiled.exact();
    layers.push_back(to_json(compiled, seconds));
    const LayerProgram& program = compiled.program;
    char time[16];
    std::snprintf(time, sizeof time, "%.2f", seconds);
    rows.push_back({program.name, target, std::to_string(program.multiplier), std::to_string(program.shift_bits),
                    std::to_string(program.mult_bits), std::string(to_string(compiled.match)),
                    group_digits(static_cast<std::uint64_t>(compiled.points)), std::to_string(compiled.differing_q),
                    std::to_string(compiled.differing_out), time});
  }
  if (options.json) {
    print_json({{"verb", "compile"}, {"domain", options.domain}, {"layers", layers}});
  } else {
    std::cout << format_table(rows);
    for (const auto& layer : layers)
      for (const auto& point : layer["differing_points"])
        std::cout << layer["layer"].get<std::string>() << ": bias " << point["bias"] << " acc " << point["acc"]
                  << " target " << point["target"] << " program " << point["program"] << "\n";
  }
  return all_exact ? kAgree : kDiffer;
}

}  // namespace

Action add_compile(CLI::App& app) {
  auto options = std::make_shared<CompileOptions>();
  CLI::App* verb = app.add_subcommand("compile", "find the smallest multiplier program that equals a target everywhere");
  verb->add_option("BUNDLE", options->bundles, "layer bundle directories")->required();
  verb->add_option("--target", options->target,
                   "exact or golden:VARIANT (default: the golden of the layer's dataflow and rounding, seqlast, precise)");
  verb->add_option("--mult-bits", options->mult_bits, "widest multiplier to consider")
      ->check(CLI::Range(2, spec::kMultBitsMax))
      ->capture_default_str();
  verb->add_option("--conv-bits", options->conv_bits, "conv_bits N instead of the layer's")
      ->check(CLI::Range(spec::kConvBitsMin, spec::kConvBitsMax));
  verb->add_option("--domain", options->domain, "reachable or full: which accumulators and bias values must agree")
      ->capture_default_str();
  verb->add_option("--match", options->match, "q (q and out agree), out, or auto (q where possible)")->capture_default_str();
  verb->add_option("-o,--output", options->output, "program file to write; a directory where there are several bundles");
  verb->add_flag("--json", options->json, "print JSON");
  return [options] { return run(*options); };
}

}  // namespace quasim::cli
