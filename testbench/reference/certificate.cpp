#include "reference/certificate.hpp"

#include <algorithm>
#include <chrono>

#include "compile/program_source.hpp"
#include "io/files.hpp"
#include "prove/ties.hpp"
#include "reference/committed.hpp"
#include "reference/programs.hpp"
#include "reference/targets.hpp"
#include "spec/error.hpp"

namespace quasim {
namespace {

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

const nlohmann::ordered_json& compiled_from(const AnyProgram& program) {
  return std::visit([](const auto& p) -> const nlohmann::ordered_json& { return p.compiled_from; }, program);
}

std::unique_ptr<exact::PointSource> points_of(const AnyProgram& program) {
  if (const auto* two_step = std::get_if<LayerProgram>(&program))
    return std::make_unique<compile::ProgramSource>(*two_step);
  return std::make_unique<compile::FusedSource>(std::get<compile::FusedProgram>(program));
}

void require_any_program_of(const Bundle& bundle, const AnyProgram& program,
                            const std::filesystem::path& name) {
  if (const auto* two_step = std::get_if<LayerProgram>(&program)) {
    require_program_of(bundle, *two_step, name);
    return;
  }
  if (bundle.layer.dataflow != Dataflow::kFused)
    throw InputError(name, "dataflow", "two_step; this is a program of fused");
  const auto& fused = std::get<compile::FusedProgram>(program);
  require_compiled_from(bundle, fused.weight, fused.compiled_from, name);
}

/// Which of the implementations the program must equal.
std::string target_of(const AnyProgram& program, const Variant& own, bool gpu,
                      const std::filesystem::path& name) {
  const std::string text = text_of(compiled_from(program), "target", "golden:" + own.to_string());
  const std::optional<Variant> variant = target_variant(text);
  if (!variant) return "oracle";
  Variant precise = *variant;
  precise.math = MathMode::kPrecise;
  if (!(precise == own))
    throw InputError(name, "target",
                     "golden:" + own.to_string() + ", which is certified; it was compiled for " + text);
  if (variant->math == MathMode::kFast) return "gpu_fast";
  return gpu ? "gpu" : "cpu_twin";
}

/// A program compiled for the golden of the layer's own variant.
AnyProgram compiled_for(const Bundle& bundle, exact::DomainKind kind, const std::string& target_name) {
  const exact::Domain domain = make_domain(kind, bundle);
  const compile::Target target = make_target(target_name, bundle, domain);
  if (bundle.layer.dataflow == Dataflow::kFused)
    return compile::compile_fused(bundle, domain, target.steps.out);
  return compile_program(bundle, domain, target, {}).program;
}

/// The oracle, the CPU twin of the layer's own variant, and the GPU's sweeps of that dataflow and rounding.
std::vector<compile::Implementation> references(const Bundle& bundle, const exact::Domain& domain) {
  std::vector<compile::Implementation> found;
  const auto add = [&](const std::string& name, std::optional<Variant> variant, auto&& make) {
    const Stopwatch watch;
    if (std::optional<exact::StageSteps> steps = make())
      found.push_back({name, variant, std::move(*steps), watch.seconds()});
  };
  const Variant precise = default_variant(bundle.layer);
  Variant fast = precise;
  fast.math = MathMode::kFast;
  add("oracle", std::nullopt, [&] { return std::optional(exact::Oracle(bundle.layer).steps(domain)); });
  add("cpu_twin", precise,
      [&] { return std::optional(enumerate(*make_twin_source(bundle.layer, precise), domain)); });
  add("gpu", precise, [&] { return gpu_steps(bundle, precise, domain); });
  add("gpu_fast", fast, [&] { return gpu_steps(bundle, fast, domain); });
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
  json["differing_points"] = certificate.differing_points;
  json["examined"] = certificate.examined;
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

}  // namespace

AnyProgram read_any_program_of(const Bundle& bundle, const std::filesystem::path& file) {
  if (bundle.layer.dataflow == Dataflow::kTwoStep) return read_program_of(bundle, file);
  AnyProgram program = compile::read_fused_program(file);
  require_any_program_of(bundle, program, file);
  return program;
}

LayerCertificate certify_layer(const Bundle& bundle, CertifyRequest request) {
  LayerCertificate layer;
  const Variant variant = default_variant(bundle.layer);
  layer.layer = bundle.layer.name;
  layer.variant = variant.to_string();
  const std::string golden = "golden:" + layer.variant;
  if (request.require_golden) require_gpu_golden(bundle, variant, kStepsFile);
  layer.source = request.program ? request.source : "compiled for " + golden;
  layer.program =
      request.program ? std::move(*request.program) : compiled_for(bundle, request.domain, golden);
  const std::filesystem::path name = request.source.empty() ? "program" : request.source;
  require_any_program_of(bundle, layer.program, name);
  const auto* two_step = std::get_if<LayerProgram>(&layer.program);
  if (request.rtl && two_step == nullptr)
    throw InputError("--rtl: expected dataflow two_step; the RTL has no fused");
  layer.match_q = two_step != nullptr && text_of(two_step->certificate, "match", "q") == "q";

  const exact::Domain domain = make_domain(
      request.domain, bundle, two_step != nullptr ? two_step->bias_words : std::vector<std::int64_t>{});
  const Stopwatch watch;
  std::vector<compile::Implementation> implementations{
      {"model", std::nullopt, enumerate(*points_of(layer.program), domain), watch.seconds()}};
  for (compile::Implementation& reference : references(bundle, domain))
    implementations.push_back(std::move(reference));
  const bool gpu = std::any_of(implementations.begin(), implementations.end(),
                               [](const compile::Implementation& i) { return i.name == "gpu"; });
  layer.target = target_of(layer.program, variant, gpu, name);
  if (request.rtl) {
    const Stopwatch rtl_watch;
    exact::StageSteps rtl = enumerate(*request.rtl(*two_step), domain);
    implementations.push_back({"rtl", std::nullopt, std::move(rtl), rtl_watch.seconds()});
  }
  layer.certificate =
      certify(bundle.layer, domain, implementations, layer.target, layer.match_q, request.examine);
  if (two_step != nullptr) layer.ties = compile::ties_in(*two_step, domain);
  for (const compile::Implementation& implementation : implementations)
    layer.seconds.emplace_back(implementation.name, implementation.seconds);
  layer.layer_parameters = layer_parameters(bundle.layer);
  layer.hashes = bundle_hashes(bundle);
  if (gpu) layer.hashes[kStepsFile] = sha256_of_file(bundle.golden_directory(variant) / kStepsFile);
  return layer;
}

nlohmann::ordered_json to_json(const LayerCertificate& layer) {
  const compile::Certificate& certificate = layer.certificate;
  nlohmann::ordered_json json{{"layer", layer.layer},
                              {"variant", layer.variant},
                              {"domain", std::string(to_string(certificate.domain.kind))},
                              {"program", layer.source},
                              {"target", layer.target},
                              {"match", layer.match_q ? "q" : "out"}};
  if (const auto* program = std::get_if<LayerProgram>(&layer.program))
    json.update({{"multiplier", program->multiplier},
                 {"mult_bits", program->mult_bits},
                 {"shift", program->shift_bits}});
  if (layer.ties) json["ties"] = *layer.ties;
  json.update(to_json(certificate));
  for (const auto& [name, seconds] : layer.seconds) json["seconds"][name] = seconds;
  json["layer_parameters"] = layer.layer_parameters;
  json["hashes"] = layer.hashes;
  return json;
}

}  // namespace quasim
