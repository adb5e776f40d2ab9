// quasim certify: enumerates a layer's whole domain through the model, the oracle and every golden there is.
#include "prove/certify.hpp"

#include <chrono>
#include <iostream>
#include <map>
#include <memory>
#include <variant>

#include "cli/cli.hpp"
#include "compile/fused_program.hpp"
#include "compile/program_source.hpp"
#include "cosim/rtl_tail.hpp"
#include "io/files.hpp"
#include "reference/targets.hpp"
#include "spec/error.hpp"

namespace quasim::cli {
namespace {

struct CertifyOptions {
  std::vector<std::filesystem::path> bundles;
  std::filesystem::path program, output;
  std::string domain = "reachable";
  std::string variant;  ///< empty: the layer's dataflow and rounding
  bool rtl = false;
  bool json = false;
};

/// What is being certified, and against what.
struct Subject {
  std::variant<LayerProgram, compile::FusedProgram> program;
  std::string source;  ///< where the program comes from
  std::string target;  ///< what it must equal: the name of an implementation
  bool match_q = true;

  const LayerProgram* two_step() const { return std::get_if<LayerProgram>(&program); }
  const nlohmann::ordered_json& compiled_from() const {
    return std::visit([](const auto& p) -> const nlohmann::ordered_json& { return p.compiled_from; },
                      program);
  }
  const TensorCK<std::int8_t>& weight() const {
    return std::visit([](const auto& p) -> const TensorCK<std::int8_t>& { return p.weight; }, program);
  }
  std::unique_ptr<exact::PointSource> points() const {
    if (two_step() != nullptr) return std::make_unique<compile::ProgramSource>(*two_step());
    return std::make_unique<compile::FusedSource>(std::get<compile::FusedProgram>(program));
  }
};

class Stopwatch {
 public:
  double seconds() const {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count();
  }

 private:
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};

std::string text_of(const nlohmann::ordered_json& json, const char* key, const std::string& otherwise) {
  return json.is_object() && json.contains(key) && json[key].is_string() ? json[key].get<std::string>()
                                                                         : otherwise;
}

/// A program compiled for the golden of the layer's own variant.
Subject compiled_subject(const Bundle& bundle, const CertifyOptions& options,
                         const std::string& golden_name) {
  const exact::Domain domain = make_domain(exact::parse_domain(options.domain), bundle);
  const std::string name = "golden:" + default_variant(bundle.layer).to_string();
  const compile::Target target = make_target(name, bundle, domain);
  Subject subject{LayerProgram{}, "compiled for " + name, golden_name, true};
  if (bundle.layer.dataflow == Dataflow::kFused) {
    subject.program = compile::compile_fused(bundle, domain, target.steps.out);
  } else {
    compile::Compiled compiled = compile_program(bundle, domain, target, {});
    subject.match_q = compiled.match == compile::Match::kQ;
    subject.program = std::move(compiled.program);
  }
  return subject;
}

/// The program of --program.
Subject subject_of_file(const Bundle& bundle, const CertifyOptions& options, const std::string& golden_name) {
  Subject subject{LayerProgram{}, options.program.string(), golden_name, true};
  if (bundle.layer.dataflow == Dataflow::kFused) {
    subject.program = compile::read_fused_program(options.program);
  } else {
    LayerProgram program = read_program(options.program);
    if (program.conv_bits != bundle.layer.conv_bits)
      throw InputError(options.program, "conv_bits",
                       std::to_string(bundle.layer.conv_bits) + " as in layer.json");
    subject.match_q = text_of(program.certificate, "match", "q") == "q";
    subject.program = std::move(program);
  }
  if (!(subject.weight() == bundle.weight))
    throw InputError(options.program, "weight",
                     "the weights of " + (bundle.directory / "conv1d_weight.npy").string());
  if (text_of(subject.compiled_from(), "target", "") == "exact") subject.target = "oracle";
  return subject;
}

/// The oracle, the CPU twin of the layer's own variant, and the GPU's sweeps of that dataflow and rounding.
std::vector<compile::Implementation> references(const Bundle& bundle, const exact::Domain& domain) {
  std::vector<compile::Implementation> found;
  const auto add = [&](const std::string& name, std::optional<Variant> variant, auto&& make) {
    const Stopwatch watch;
    auto steps = make();
    found.push_back({name, variant, std::move(steps), watch.seconds()});
  };
  add("oracle", std::nullopt, [&] { return exact::Oracle(bundle.layer).steps(domain); });
  const Variant precise = default_variant(bundle.layer);
  add("cpu_twin", precise, [&] { return enumerate(*make_twin_source(bundle.layer, precise), domain); });
  Variant fast = precise;
  fast.math = MathMode::kFast;
  for (const auto& [name, variant] : {std::pair<const char*, Variant>{"gpu", precise}, {"gpu_fast", fast}})
    if (std::filesystem::exists(steps_path(bundle, variant)))
      add(name, variant, [&, v = variant] { return *gpu_steps(bundle, v, domain); });
  return found;
}

nlohmann::ordered_json to_json(const compile::FirstDifference& first) {
  return {{"stage", first.stage}, {"bias", first.bias}, {"acc", first.acc}, {"a", first.a}, {"b", first.b}};
}

nlohmann::ordered_json to_json(const compile::Certificate& certificate) {
  nlohmann::ordered_json json, compared, differing, differing_q, first, causes;
  for (const compile::PairResult& pair : certificate.pairs) {
    const std::string name = pair.a + " vs " + pair.b;
    compared[name] = pair.points;
    differing[name] = pair.differing_out;
    differing_q[name] = pair.differing_q;
    if (pair.first) first[name] = to_json(*pair.first);
  }
  for (const compile::CauseCount& cause : certificate.causes)
    causes[cause.implementation][cause.cause] = cause.points;
  json["points"] = certificate.domain.points();
  json["compared"] = compared;
  json["differing"] = differing;
  json["differing_q"] = differing_q;
  json["unexplained"] = certificate.unexplained;
  json["model_differing"] = certificate.model_differing;
  json["rtl_differing"] = certificate.rtl_differing;
  json["first_difference"] = first;
  json["causes"] = causes;
  if (certificate.first_unexplained) json["first_unexplained"] = to_json(*certificate.first_unexplained);
  const compile::MacCheck& mac = certificate.mac;
  json["mac"] = {{"products", mac.products},
                 {"corner_sums", mac.corner_sums},
                 {"differing", mac.differing},
                 {"largest_acc", mac.largest},
                 {"fits", mac.fits}};
  json["passed"] = certificate.passed();
  return json;
}

Bundle bundle_of(const std::filesystem::path& directory, const CertifyOptions& options) {
  Bundle bundle = read_bundle(directory);
  if (options.variant.empty()) return bundle;
  const Variant variant = Variant::parse(options.variant);
  if (variant.order != Order::kSeqLast || variant.math != MathMode::kPrecise)
    throw InputError(
        "--variant: expected order seqlast and math precise; fast math is compared as well where it was "
        "swept");
  apply_variant(bundle.layer, variant);
  return bundle;
}

nlohmann::ordered_json certify_bundle(const std::filesystem::path& directory, const CertifyOptions& options) {
  const Bundle bundle = bundle_of(directory, options);
  const bool gpu = std::filesystem::exists(steps_path(bundle, default_variant(bundle.layer)));
  const std::string golden_name = gpu ? "gpu" : "cpu_twin";
  const Subject subject = options.program.empty() ? compiled_subject(bundle, options, golden_name)
                                                  : subject_of_file(bundle, options, golden_name);
  const LayerProgram* program = subject.two_step();
  const exact::Domain domain =
      make_domain(exact::parse_domain(options.domain), bundle,
                  program != nullptr ? program->bias_words : std::vector<std::int64_t>{});
  std::vector<compile::Implementation> implementations = references(bundle, domain);
  const Stopwatch watch;
  exact::StageSteps model = enumerate(*subject.points(), domain);
  implementations.insert(implementations.begin(), {"model", std::nullopt, std::move(model), watch.seconds()});
  if (options.rtl) {
    if (program == nullptr) throw InputError("--rtl: expected dataflow two_step; the RTL has no fused");
    const Stopwatch rtl_watch;
    exact::StageSteps rtl = enumerate(*cosim::make_rtl_tail(*program), domain);
    implementations.push_back({"rtl", std::nullopt, std::move(rtl), rtl_watch.seconds()});
  }
  const compile::Certificate certificate =
      certify(bundle.layer, domain, implementations, subject.target, subject.match_q);

  nlohmann::ordered_json json{
      {"layer", bundle.layer.name}, {"variant", default_variant(bundle.layer).to_string()},
      {"domain", options.domain},   {"program", subject.source},
      {"target", subject.target},   {"match", program != nullptr && subject.match_q ? "q" : "out"}};
  if (program != nullptr)
    json.update({{"multiplier", program->multiplier},
                 {"mult_bits", program->mult_bits},
                 {"shift", program->shift_bits}});
  json.update(to_json(certificate));
  for (const compile::Implementation& implementation : implementations)
    json["seconds"][implementation.name] = implementation.seconds;
  json["hashes"] = compile::bundle_hashes(bundle);
  if (gpu) json["hashes"]["steps.npz"] = sha256_of_file(steps_path(bundle, default_variant(bundle.layer)));
  if (!options.program.empty()) json["hashes"]["program"] = sha256_of_file(options.program);
  return json;
}

void print_table(const nlohmann::ordered_json& layers) {
  std::vector<std::vector<std::string>> rows{
      {"layer", "width", "points", "pair", "q differs", "out differs", "unexplained"}};
  for (const auto& layer : layers)
    for (const auto& [pair, differing] : layer["differing"].items())
      rows.push_back({layer["layer"].get<std::string>(),
                      layer.contains("mult_bits") ? layer["mult_bits"].dump() : "-",
                      group_digits(layer["compared"][pair].get<std::uint64_t>()), pair,
                      layer["differing_q"][pair].dump(), differing.dump(), layer["unexplained"].dump()});
  std::cout << format_table(rows);
  std::map<std::string, std::map<std::string, std::int64_t>> causes;  // over all layers
  for (const auto& layer : layers)
    for (const auto& [who, counts] : layer["causes"].items())
      for (const auto& [cause, count] : counts.items()) causes[who][cause] += count.get<std::int64_t>();
  for (const auto& [who, counts] : causes)
    for (const auto& [cause, count] : counts)
      std::cout << who << " vs oracle: " << count << " points by " << cause << "\n";
  for (const auto& layer : layers) {
    const std::string name = layer["layer"].get<std::string>();
    if (layer["passed"].get<bool>()) continue;
    const bool rtl_at_fault = layer["rtl_differing"].get<std::int64_t>() > 0;
    const std::string pair = "model vs " + (rtl_at_fault ? "rtl" : layer["target"].get<std::string>());
    std::cout << name << ": FAILED: model differs from " << layer["target"].get<std::string>() << " in "
              << layer["model_differing"] << " points, the RTL from the model in " << layer["rtl_differing"]
              << ", " << layer["unexplained"] << " unexplained, MAC " << layer["mac"]["differing"] << "\n";
    if (layer["first_difference"].contains(pair))
      std::cout << name << ": first point: " << layer["first_difference"][pair].dump() << "\n";
  }
}

int run(const CertifyOptions& options) {
  nlohmann::ordered_json layers = nlohmann::ordered_json::array();
  nlohmann::ordered_json differing = nlohmann::ordered_json::object();
  std::int64_t points = 0, unexplained = 0;
  bool passed = true;
  Progress progress("certify", options.bundles.size());
  for (const auto& directory : options.bundles) {
    progress.update(layers.size());
    layers.push_back(certify_bundle(directory, options));
    const auto& layer = layers.back();
    points += layer["points"].get<std::int64_t>();
    unexplained += layer["unexplained"].get<std::int64_t>();
    passed &= layer["passed"].get<bool>();
    for (const auto& [pair, count] : layer["differing"].items())
      differing[pair] = differing.value(pair, std::int64_t{0}) + count.get<std::int64_t>();
  }
  const nlohmann::ordered_json certificate{{"format", "quasim.certificate/1"},
                                           {"tool", "quasim " QUASIM_VERSION},
                                           {"points", points},
                                           {"differing", differing},
                                           {"unexplained", unexplained},
                                           {"passed", passed},
                                           {"layers", layers}};
  if (!options.output.empty()) write_text_file(options.output, certificate.dump(1) + "\n");
  if (options.json)
    print_json(certificate);
  else
    print_table(layers);
  return passed ? kAgree : kDiffer;
}

}  // namespace

Action add_certify(CLI::App& app) {
  auto options = std::make_shared<CertifyOptions>();
  CLI::App* verb =
      app.add_subcommand("certify", "compare model, oracle and goldens on every input a layer can see");
  verb->add_option("BUNDLE", options->bundles, "layer bundle directories")->required();
  verb->add_option("--program", options->program, "layer program to certify instead of compiling one");
  verb->add_option("--domain", options->domain, "reachable or full")->capture_default_str();
  verb->add_option(
      "--variant", options->variant,
      "dataflow.seqlast.precise.rounding to certify (default: the layer's dataflow and rounding)");
  verb->add_flag("--rtl", options->rtl, "drive the same domain through the RTL's requant and silu stages");
  verb->add_option("-o,--output", options->output, "write the certificate here");
  verb->add_flag("--json", options->json, "print the certificate as JSON");
  return [options] { return run(*options); };
}

}  // namespace quasim::cli
