#include "reference/certificate.hpp"

#include <algorithm>
#include <chrono>

#include "compile/program_source.hpp"
#include "io/files.hpp"
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

const TensorCK<std::int8_t>& weight_of(const AnyProgram& program) {
  return std::visit([](const auto& p) -> const TensorCK<std::int8_t>& { return p.weight; }, program);
}

const nlohmann::ordered_json& compiled_from(const AnyProgram& program) {
  return std::visit([](const auto& p) -> const nlohmann::ordered_json& { return p.compiled_from; }, program);
}

std::unique_ptr<exact::PointSource> points_of(const AnyProgram& program) {
  if (const auto* two_step = std::get_if<LayerProgram>(&program))
    return std::make_unique<compile::ProgramSource>(*two_step);
  return std::make_unique<compile::FusedSource>(std::get<compile::FusedProgram>(program));
}

void require_program_of(const Bundle& bundle, const AnyProgram& program) {
  const auto* two_step = std::get_if<LayerProgram>(&program);
  if ((two_step != nullptr) != (bundle.layer.dataflow == Dataflow::kTwoStep))
    throw InputError("program: expected one of dataflow " + std::string(to_string(bundle.layer.dataflow)) +
                     ", which is certified; this one is of the other");
  if (!(weight_of(program) == bundle.weight))
    throw InputError("program: expected the weights of " + (bundle.directory / "conv1d_weight.npy").string());
  if (two_step != nullptr && two_step->conv_bits != bundle.layer.conv_bits)
    throw InputError("program: expected conv_bits " + std::to_string(bundle.layer.conv_bits) +
                     " as in layer.json; got " + std::to_string(two_step->conv_bits));
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
  compile::FusedProgram program = compile::read_fused_program(file);
  if (!(program.weight == bundle.weight))
    throw InputError(file, "weight", "the weights of " + (bundle.directory / "conv1d_weight.npy").string());
  return program;
}

LayerCertificate certify_layer(const Bundle& bundle, CertifyRequest request) {
  LayerCertificate layer;
  const Variant variant = default_variant(bundle.layer);
  layer.layer = bundle.layer.name;
  layer.variant = variant.to_string();
  const std::string golden = "golden:" + layer.variant;
  layer.source = request.program ? request.source : "compiled for " + golden;
  layer.program =
      request.program ? std::move(*request.program) : compiled_for(bundle, request.domain, golden);
  require_program_of(bundle, layer.program);
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
  layer.target = text_of(compiled_from(layer.program), "target", golden) == "exact" ? "oracle"
                 : gpu                                                              ? "gpu"
                                                                                    : "cpu_twin";
  if (request.rtl) {
    const Stopwatch rtl_watch;
    exact::StageSteps rtl = enumerate(*request.rtl(*two_step), domain);
    implementations.push_back({"rtl", std::nullopt, std::move(rtl), rtl_watch.seconds()});
  }
  layer.certificate = certify(bundle.layer, domain, implementations, layer.target, layer.match_q);
  for (const compile::Implementation& implementation : implementations)
    layer.seconds.emplace_back(implementation.name, implementation.seconds);
  layer.hashes = compile::bundle_hashes(bundle);
  if (gpu) layer.hashes["steps.npz"] = sha256_of_file(steps_path(bundle, variant));
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
  json.update(to_json(certificate));
  for (const auto& [name, seconds] : layer.seconds) json["seconds"][name] = seconds;
  json["hashes"] = layer.hashes;
  return json;
}

}  // namespace quasim
