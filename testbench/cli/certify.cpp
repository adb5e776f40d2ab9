// quasim certify: enumerates a layer's whole domain through the model, the oracle and every golden there is.
#include <iostream>
#include <map>
#include <memory>
#include <mutex>

#include "cli/bundle_loop.hpp"
#include "cli/cli.hpp"
#include "cli/options.hpp"
#include "cli/usage.hpp"
#include "cosim/unit_builder.hpp"
#include "io/files.hpp"
#include "io/json_text.hpp"
#include "io/program_file.hpp"
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
  std::size_t jobs = 1;
  std::optional<std::filesystem::path> rtl;  ///< a directory with the stages' RTL; empty path: the project's
  bool folded = false;                       ///< the stages of a folded unit
  bool require_golden = false;
  bool summary = false;  ///< one row a bundle
  bool json = false;
};

using Json = nlohmann::ordered_json;

constexpr NumberRange<std::size_t> kJobs{1, 256};

std::optional<Variant> variant_of(const CertifyOptions& options) {
  if (options.variant.empty()) return std::nullopt;
  const Variant variant = Variant::parse(options.variant);
  if (variant.order != Order::kSeqLast)
    throw UsageError(
        "--variant: expected order seqlast, the one whose result depends on the accumulator alone");
  return variant;
}

/// The program of --program, read once, and its digest.
struct GivenProgram {
  std::optional<LayerProgram> program;
  std::string sha256;
};

Json certify_group(const std::filesystem::path& directory, Bundle bundle, const GivenProgram& given,
                   const CertifyOptions& options) {
  CertifyRequest request;
  request.domain = exact::parse_domain(options.domain);
  request.examine = options.examine;
  request.require_golden = options.require_golden;
  request.variant = variant_of(options);
  if (request.variant) bundle.layer = as_variant(bundle.layer, *request.variant);
  if (given.program) {
    request.program = program_part(bundle, *given.program, options.program);
    require_program_of(bundle, *request.program, options.program);
    request.source = options.program.string();
  }
  if (options.rtl)
    request.rtl = [&](const LayerProgram& program) {
      static std::mutex one_build_at_a_time;  // several bundles may be certified side by side
      const std::lock_guard<std::mutex> lock(one_build_at_a_time);
      return cosim::make_tail(program, *options.rtl, options.folded);
    };
  Json json = bundle_entry(directory, bundle);
  json.update(to_json(certify_layer(bundle, std::move(request))));
  if (given.program) json["hashes"]["program"] = given.sha256;
  return json;
}

/// One entry for each group of the layer.
Json certify_bundle(const std::filesystem::path& directory, const GivenProgram& given,
                    const CertifyOptions& options) {
  const GroupedBundle layer = read_grouped_bundle_without_input(directory);
  Json groups = Json::array();
  for (std::size_t g = 0; g < layer.groups(); ++g)
    groups.push_back(certify_group(directory, layer.group(g), given, options));
  return groups;
}

/// The totals of what several entries say: of the layers of a document, or of the groups of a layer.
Json totals_of(const Json& entries) {
  Json differing = Json::object();
  std::int64_t points = 0, unexplained = 0;
  bool passed = true;
  for (const Json& entry : entries) {
    points += entry["points"].get<std::int64_t>();
    unexplained += entry["unexplained"].get<std::int64_t>();
    passed &= entry["passed"].get<bool>();
    for (const auto& [pair, count] : entry["differing"].items())
      differing[pair] = differing.value(pair, std::int64_t{0}) + count.get<std::int64_t>();
  }
  return {{"points", points}, {"differing", differing}, {"unexplained", unexplained}, {"passed", passed}};
}

/// One bundle with all of its groups: what is proven of it, and against what.
Json summary_of(const Json& groups) {
  const Json totals = totals_of(groups);
  const std::string name = groups[0]["layer"].get<std::string>();
  Json json{
      {"bundle", groups[0]["bundle"]}, {"layer", groups.size() == 1 ? name : name.substr(0, name.rfind('/'))},
      {"groups", groups.size()},       {"variant", groups[0]["variant"]},
      {"domain", groups[0]["domain"]}, {"target", groups[0]["target"]},
      {"points", totals["points"]}};
  std::int64_t model_differing = 0, rtl_differing = 0, golden_differing = 0;
  bool has_rtl = false;
  for (const Json& group : groups) {
    if (group["target"] != json["target"]) json["target"] = "several";
    model_differing += group["model_differing"].get<std::int64_t>();
    rtl_differing += group["rtl_differing"].get<std::int64_t>();
    golden_differing += group["differing_points"].get<std::int64_t>();
    has_rtl |= group["compared"].contains("model vs rtl");
  }
  json["model_differing"] = model_differing;
  json["rtl_differing"] = nullptr;
  if (has_rtl) json["rtl_differing"] = rtl_differing;
  json["golden_differing"] = golden_differing;
  json["unexplained"] = totals["unexplained"];
  json["passed"] = totals["passed"];
  return json;
}

/// What a program is held against, in words.
std::string kernel_of(const Json& summary) {
  const std::string target = summary["target"].get<std::string>();
  if (target == "oracle") return "exact arithmetic";
  if (target == "cpu_twin") return "CPU twin";
  return target == "several" ? "several, see --json" : "GPU sweep";
}

/// One row a bundle.
void print_summary(std::ostream& out, const Json& summary) {
  std::vector<std::vector<std::string>> rows{{"layer", "groups", "golden", "program held against", "points",
                                              "program differs", "RTL differs", "golden vs exact",
                                              "unexplained", "proven"}};
  const auto digits = [](const Json& count) {
    return count.is_null() ? "-" : group_digits(count.get<std::uint64_t>());
  };
  for (const Json& layer : summary)
    rows.push_back({bundle_label(layer["bundle"].get<std::string>(), layer["layer"].get<std::string>()),
                    digits(layer["groups"]), layer["variant"].get<std::string>(), kernel_of(layer),
                    digits(layer["points"]), digits(layer["model_differing"]), digits(layer["rtl_differing"]),
                    digits(layer["golden_differing"]), digits(layer["unexplained"]),
                    layer["passed"].get<bool>() ? "yes" : "NO"});
  out << format_table(rows);
}

void print_table(std::ostream& out, const Json& layers) {
  std::vector<std::vector<std::string>> rows{
      {"bundle", "width", "points", "pair", "q differs", "out differs", "unexplained", "ties"}};
  for (const auto& layer : layers)
    for (const auto& [pair, differing] : layer["differing"].items())
      rows.push_back({bundle_label(layer), layer.contains("mult_bits") ? layer["mult_bits"].dump() : "-",
                      group_digits(layer["compared"][pair].get<std::uint64_t>()), pair,
                      layer["differing_q"][pair].dump(), differing.dump(), layer["unexplained"].dump(),
                      layer.contains("ties") ? layer["ties"].dump() : "-"});
  out << format_table(rows);
}

/// What is to be said beside a table: causes, samples, and what failed.
void print_notes(std::ostream& out, const Json& layers, bool summary) {
  std::map<std::string, std::map<std::string, std::int64_t>> causes;  // over all layers
  for (const auto& layer : layers)
    for (const auto& [who, counts] : layer["causes"].items())
      for (const auto& [cause, count] : counts.items()) causes[who][cause] += count.get<std::int64_t>();
  for (const auto& [who, counts] : causes)
    for (const auto& [cause, count] : counts)
      out << who << " vs oracle: " << count << " points by " << cause << "\n";
  for (const auto& layer : layers) {
    const std::string name = bundle_label(layer);
    if (layer["target"] == "cpu_twin" && !summary)
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
  if (options.bundles.empty()) throw UsageError("BUNDLE: expected a layer bundle directory; there is none");
  InputSet inputs = inputs_of(options.bundles);
  inputs.add_file(options.program);
  const std::optional<OutputFile> output = output_file(options.output, inputs);
  if (options.folded && !options.rtl) throw UsageError("--folded: expected --rtl, whose stages it is about");
  (void)variant_of(options), (void)exact::parse_domain(options.domain);
  GivenProgram given;
  if (!options.program.empty()) given = {read_program(options.program), sha256_of_file(options.program)};
  std::vector<Json> of_bundle(options.bundles.size());
  BundleLoop loop("certify", options.bundles);
  loop.run_indexed([&](std::size_t i) { of_bundle[i] = certify_bundle(options.bundles[i], given, options); },
                   options.jobs);
  Json layers = Json::array(), summary = Json::array();
  for (const Json& groups : of_bundle) {
    if (groups.empty()) continue;
    summary.push_back(summary_of(groups));
    for (const Json& group : groups) layers.push_back(group);
  }
  const Json totals = totals_of(layers);
  const bool passed = totals["passed"].get<bool>() && loop.failures().empty();
  Json certificate = document("quasim.certificate/1", "certify");
  certificate.update(totals);
  certificate["passed"] = passed;
  certificate["layers"] = layers;
  certificate["summary"] = summary;
  certificate["failed"] = loop.failures();
  if (output && !layers.empty()) output->write(json_text(certificate) + "\n");
  return loop.finish(passed ? kAgree : kDiffer, [&] {
    if (options.json) {
      if (!takes_standard_output(output)) print_json(certificate);
      return;
    }
    std::ostream& out = results_beside(output);
    if (options.summary)
      print_summary(out, summary);
    else
      print_table(out, layers);
    print_notes(out, layers, options.summary);
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
  verb->add_flag("--folded", options->folded,
                 "with --rtl: the stages of a unit that holds silu_table folded");
  add_output_option(*verb, options->output, "write the certificate here");
  CLI::Option* jobs = add_number(*verb, "--jobs", options->jobs, kJobs, "bundles at a time");
  CLI::Option* summary = verb->add_flag("--summary", options->summary,
                                        "one row a bundle instead of one for each pair; --jobs implies it");
  verb->add_flag("--json", options->json, "print the certificate as JSON");
  add_examples(*verb, {"quasim certify layer00", "quasim certify layer00 --rtl --json",
                       "quasim certify layer00 --program program.json -o certificate.json",
                       "quasim certify model/* --jobs 2 -o certificate.json"});
  return [options, jobs, summary] {
    options->summary = jobs->count() + summary->count() > 0;
    return run(*options);
  };
}

}  // namespace quasim::cli
