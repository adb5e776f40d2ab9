// quasim certify: enumerates a layer's whole domain through the model, the oracle and every golden there is.
#include <iostream>
#include <map>
#include <memory>

#include "cli/bundle_loop.hpp"
#include "cli/cli.hpp"
#include "cli/options.hpp"
#include "cli/usage.hpp"
#include "cosim/unit_builder.hpp"
#include "io/files.hpp"
#include "io/json_text.hpp"
#include "reference/certificate.hpp"
#include "reference/programs.hpp"
#include "spec/error.hpp"

namespace quasim::cli {
namespace {

struct CertifyOptions {
  std::vector<std::filesystem::path> bundles;
  std::filesystem::path program;
  OutputOption output;
  std::string domain = "reachable";
  std::string variant;  ///< empty: the layer's dataflow and rounding
  std::int64_t examine = compile::kExaminedDefault;
  std::optional<std::filesystem::path> rtl;  ///< a directory with the stages' RTL; empty path: the project's
  bool require_golden = false;
  bool json = false;
};

Bundle bundle_of(const std::filesystem::path& directory, const CertifyOptions& options) {
  Bundle bundle = read_bundle(directory);
  if (options.variant.empty()) return bundle;
  const Variant variant = Variant::parse(options.variant);
  if (variant.order != Order::kSeqLast)
    throw UsageError(
        "--variant: expected order seqlast, the one whose result depends on the accumulator alone");
  bundle.layer = as_variant(bundle.layer, variant);
  return bundle;
}

nlohmann::ordered_json certify_bundle(const std::filesystem::path& directory, const CertifyOptions& options) {
  const Bundle bundle = bundle_of(directory, options);
  CertifyRequest request;
  request.domain = exact::parse_domain(options.domain);
  request.examine = options.examine;
  request.require_golden = options.require_golden;
  if (!options.variant.empty()) request.variant = Variant::parse(options.variant);
  if (!options.program.empty()) {
    request.program = read_program_of(bundle, options.program);
    request.source = options.program.string();
  }
  if (options.rtl)
    request.rtl = [&](const LayerProgram& program) { return cosim::make_tail(program, *options.rtl); };
  nlohmann::ordered_json json{{"bundle", directory.string()}};
  json.update(to_json(certify_layer(bundle, std::move(request))));
  if (!options.program.empty()) json["hashes"]["program"] = sha256_of_file(options.program);
  return json;
}

void print_table(std::ostream& out, const nlohmann::ordered_json& layers) {
  std::vector<std::vector<std::string>> rows{
      {"bundle", "width", "points", "pair", "q differs", "out differs", "unexplained", "ties"}};
  for (const auto& layer : layers)
    for (const auto& [pair, differing] : layer["differing"].items())
      rows.push_back({bundle_label(layer), layer.contains("mult_bits") ? layer["mult_bits"].dump() : "-",
                      group_digits(layer["compared"][pair].get<std::uint64_t>()), pair,
                      layer["differing_q"][pair].dump(), differing.dump(), layer["unexplained"].dump(),
                      layer.contains("ties") ? layer["ties"].dump() : "-"});
  out << format_table(rows);
  std::map<std::string, std::map<std::string, std::int64_t>> causes;  // over all layers
  for (const auto& layer : layers)
    for (const auto& [who, counts] : layer["causes"].items())
      for (const auto& [cause, count] : counts.items()) causes[who][cause] += count.get<std::int64_t>();
  for (const auto& [who, counts] : causes)
    for (const auto& [cause, count] : counts)
      out << who << " vs oracle: " << count << " points by " << cause << "\n";
  for (const auto& layer : layers) {
    const std::string name = bundle_label(layer);
    if (layer["target"] == "cpu_twin")
      out << name << ": no sweep of a GPU: the program is held against the CPU twin\n";
    if (layer["examined"] != layer["differing_points"])
      out << name << ": " << layer["examined"] << " of " << layer["differing_points"]
          << " differing points of the goldens were examined, spread evenly; --examine takes more\n";
    if (layer["passed"].get<bool>()) continue;
    const bool rtl_at_fault = layer["rtl_differing"].get<std::int64_t>() > 0;
    const std::string pair = "model vs " + (rtl_at_fault ? "rtl" : layer["target"].get<std::string>());
    out << name << ": FAILED: model differs from " << layer["target"].get<std::string>() << " in "
        << layer["model_differing"] << " points, the RTL from the model in " << layer["rtl_differing"] << ", "
        << layer["unexplained"] << " unexplained, MAC " << layer["mac"]["differing"] << "\n";
    if (layer["first_difference"].contains(pair))
      out << name << ": first point: " << layer["first_difference"][pair].dump() << "\n";
  }
}

int run(const CertifyOptions& options) {
  nlohmann::ordered_json layers = nlohmann::ordered_json::array();
  nlohmann::ordered_json differing = nlohmann::ordered_json::object();
  std::int64_t points = 0, unexplained = 0;
  bool passed = true;
  InputSet inputs = inputs_of(options.bundles);
  inputs.add_file(options.program);
  const std::optional<OutputFile> output = output_file(options.output, inputs);
  BundleLoop loop("certify", options.bundles);
  loop.run([&](const std::filesystem::path& directory) {
    layers.push_back(certify_bundle(directory, options));
    const auto& layer = layers.back();
    points += layer["points"].get<std::int64_t>();
    unexplained += layer["unexplained"].get<std::int64_t>();
    passed &= layer["passed"].get<bool>();
    for (const auto& [pair, count] : layer["differing"].items())
      differing[pair] = differing.value(pair, std::int64_t{0}) + count.get<std::int64_t>();
  });
  return loop.finish(passed ? kAgree : kDiffer, [&] {
    nlohmann::ordered_json certificate = document("quasim.certificate/1", "certify");
    certificate.update({{"points", points},
                        {"differing", differing},
                        {"unexplained", unexplained},
                        {"passed", passed && loop.failures().empty()},
                        {"layers", layers},
                        {"failed", loop.failures()}});
    if (output) output->write(json_text(certificate) + "\n");
    if (!options.json)
      print_table(results_beside(output), layers);
    else if (!takes_standard_output(output))
      print_json(certificate);
  });
}

}  // namespace

Action add_certify(CLI::App& app) {
  auto options = std::make_shared<CertifyOptions>();
  CLI::App* verb =
      app.add_subcommand("certify", "compare model, oracle and goldens on every input a layer can see");
  verb->add_option("BUNDLE", options->bundles, "layer bundle directories");
  verb->add_option("--program", options->program, "layer program to certify instead of compiling one");
  verb->add_option("--domain", options->domain, "reachable or full")->capture_default_str();
  verb->add_option(
      "--variant", options->variant,
      "dataflow.seqlast.math.rounding to certify (default: the layer's dataflow and rounding, precise)");
  add_number(
      *verb, "--examine", options->examine, {1, std::int64_t{1} << 40},
      "differing points of each golden explained one by one; all are counted, and all must be explained "
      "to pass");
  verb->add_flag("--require-golden", options->require_golden,
                 "refuse where the GPU's sweep is missing, instead of taking the CPU twin");
  // A word after --rtl that is a bundle is the first of the bundles: `certify --rtl BUNDLE` takes the
  // project's RTL.
  verb->add_option_function<std::string>(
          "--rtl",
          [options](const std::string& word) {
            const bool is_bundle =
                !word.empty() && std::filesystem::exists(std::filesystem::path(word) / "layer.json");
            options->rtl = is_bundle ? std::string() : word;
            if (is_bundle) options->bundles.insert(options->bundles.begin(), word);
          },
          "drive the same domain through the RTL's requant and silu stages: the project's, or those of a "
          "directory "
          "with modules of the same names and ports")
      ->expected(0, 1)
      ->type_name("[DIR]");
  add_output_option(*verb, options->output, "write the certificate here");
  verb->add_flag("--json", options->json, "print the certificate as JSON");
  add_examples(*verb, {"quasim certify layer00", "quasim certify layer00 --rtl --json",
                       "quasim certify layer00 --program program.json -o certificate.json"});
  return [options] { return run(*options); };
}

}  // namespace quasim::cli
