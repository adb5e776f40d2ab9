#include "reference/certificate.hpp"

#include <algorithm>

#include "compile/program_source.hpp"
#include "io/files.hpp"
#include "prove/ties.hpp"
#include "reference/committed.hpp"
#include "reference/programs.hpp"
#include "reference/stopwatch.hpp"
#include "reference/targets.hpp"
#include "spec/error.hpp"

namespace quasim {
namespace {

std::string text_of(const nlohmann::ordered_json& json, const char* key, const std::string& otherwise) {
  return json.is_object() && json.contains(key) && json[key].is_string() ? json[key].get<std::string>()
                                                                         : otherwise;
}

/// Which of the implementations the program must equal: the golden it was compiled for, which must be of the
/// dataflow and rounding that are certified, and of the math as well where the request names a variant.
std::string target_of(const LayerProgram& program, const Variant& own, bool named, bool gpu,
                      const std::filesystem::path& name) {
  const std::string text = text_of(program.compiled_from, "target", "golden:" + own.to_string());
  const std::optional<Variant> variant = target_variant(text);
  if (!variant) return "oracle";
  Variant comparable = *variant;
  if (!named) comparable.math = own.math;
  if (!(comparable == own))
    throw InputError(name, "target",
                     "golden:" + own.to_string() + ", which is certified; it was compiled for " + text);
  if (variant->math == MathMode::kFast) return "gpu_fast";
  return gpu ? "gpu" : "cpu_twin";
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
  nlohmann::ordered_json json, compared, differing, differing_q;
  nlohmann::ordered_json first = nlohmann::ordered_json::object(), causes = first;
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

LayerCertificate certify_layer(const Bundle& bundle, CertifyRequest request) {
  LayerCertificate layer;
  const Variant variant = request.variant.value_or(default_variant(bundle.layer));
  layer.layer = bundle.layer.name;
  if (bundle.part) layer.group = bundle.part->name;
  layer.variant = variant.to_string();
  const std::string golden = "golden:" + layer.variant;
  if (request.require_golden) require_gpu_golden(bundle, variant, kStepsFile);
  layer.source = request.program ? request.source : "compiled for " + golden;
  const std::filesystem::path name = request.source.empty() ? "program" : request.source;
  if (request.program) {
    layer.program = std::move(*request.program);
  } else {
    const exact::Domain domain = make_domain(request.domain, bundle);
    layer.program = compile_program(bundle, domain, make_target(golden, bundle, domain), {}).program;
  }
  require_program_of(bundle, layer.program, name);
  const StageProgram& stage = layer.program.stage();
  layer.match_q = !stage.is_fused() && text_of(layer.program.certificate, "match", "q") == "q";

  const exact::Domain domain = make_domain(request.domain, bundle, layer.program.bias_words);
  const Stopwatch watch;
  exact::StageSteps model = enumerate(compile::ProgramSource(layer.program), domain);
  std::vector<compile::Implementation> implementations{
      {"model", std::nullopt, std::move(model), watch.seconds()}};
  for (compile::Implementation& reference : references(bundle, domain))
    implementations.push_back(std::move(reference));
  const auto has = [&](const std::string& wanted) {
    return std::any_of(implementations.begin(), implementations.end(),
                       [&](const compile::Implementation& i) { return i.name == wanted; });
  };
  layer.target = target_of(layer.program, variant, request.variant.has_value(), has("gpu"), name);
  if (layer.target == "gpu_fast" && !has("gpu_fast"))
    throw InputError(name.string() + ": expected the GPU's sweep of fast math in " +
                     bundle.directory.string() + "; there is none, and no twin of it");
  if (request.rtl) {
    const Stopwatch rtl_watch;
    exact::StageSteps rtl = enumerate(*request.rtl(layer.program), domain);
    implementations.push_back({"rtl", std::nullopt, std::move(rtl), rtl_watch.seconds()});
  }
  layer.certificate =
      certify(bundle.layer, domain, implementations, layer.target, layer.match_q, request.examine);
  if (!stage.is_fused()) layer.ties = compile::ties_in(layer.program, domain);
  for (const compile::Implementation& implementation : implementations)
    layer.seconds.emplace_back(implementation.name, implementation.seconds);
  layer.layer_parameters = layer_parameters(bundle.layer);
  layer.hashes = bundle_hashes(bundle);
  if (has(variant.math == MathMode::kFast ? "gpu_fast" : "gpu"))
    layer.hashes[kStepsFile] = sha256_of_file(golden_file(bundle, variant, kStepsFile));
  return layer;
}

nlohmann::ordered_json to_json(const LayerCertificate& layer) {
  const compile::Certificate& certificate = layer.certificate;
  nlohmann::ordered_json json{{"layer", layer.layer}};
  if (!layer.group.empty()) json["group"] = layer.group;
  json.update({{"variant", layer.variant},
               {"domain", std::string(to_string(certificate.domain.kind))},
               {"program", layer.source},
               {"target", layer.target},
               {"match", layer.match_q ? "q" : "out"}});
  const StageProgram& stage = layer.program.stage();
  json.update({{"multiplier", stage.multiplier}, {"mult_bits", layer.program.mult_bits}});
  if (!stage.is_fused()) json["shift"] = stage.shift_bits;
  if (layer.ties) json["ties"] = *layer.ties;
  json.update(to_json(certificate));
  for (const auto& [name, seconds] : layer.seconds) json["seconds"][name] = seconds;
  json["layer_parameters"] = layer.layer_parameters;
  json["hashes"] = layer.hashes;
  return json;
}

}  // namespace quasim
