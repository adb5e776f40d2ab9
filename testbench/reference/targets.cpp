#include "reference/targets.hpp"

#include "exact/steps_file.hpp"
#include "io/files.hpp"
#include "quasim_golden_cpu_twin.hpp"
#include "reference/committed.hpp"
#include "reference/golden_params.hpp"
#include "spec/error.hpp"

namespace quasim {
namespace {

class TwinSource : public exact::PointSource {
 public:
  explicit TwinSource(const qg_params& params) : twin_(params) {}

  bool has_q() const override { return twin_.params().dataflow == QG_TWO_STEP; }
  void evaluate(const exact::Slice& slice, std::int32_t acc_first, std::size_t count, std::int16_t* q,
                std::int8_t* out) const override {
    const std::int32_t acc_last = acc_first + static_cast<std::int32_t>(count) - 1;
    twin_.sweep(acc_first, acc_last, slice.bias, 1, has_q() ? q : nullptr, out);
  }

 private:
  quasim_golden::CpuTwin twin_;
};

}  // namespace

std::optional<exact::StageSteps> gpu_steps(const Bundle& bundle, const Variant& variant,
                                           const exact::Domain& domain) {
  const auto found = committed_file(bundle, variant, kStepsFile, Inputs::kLayer);
  if (!found || found->maker != GoldenMaker::kGpu) return std::nullopt;
  // A layer that was changed in memory, by an option, is another one than the GPU swept.
  const LayerParams own = as_variant(bundle.layer, variant);
  if (!same_arithmetic(own, as_variant(read_layer_of(bundle), variant))) return std::nullopt;
  return exact::read_steps(found->file, domain, variant.dataflow == Dataflow::kTwoStep ? own.conv_bits : 0);
}

std::unique_ptr<exact::PointSource> make_twin_source(const LayerParams& layer, const Variant& variant) {
  if (variant.order != Order::kSeqLast)
    throw InputError(
        "variant: expected order seqlast, the one whose result depends on the accumulator alone; got " +
        variant.to_string());
  if (variant.math != MathMode::kPrecise)
    throw InputError("variant: expected math precise; fast math exists only as a GPU's sweep, golden/" +
                     variant.to_string() + "/steps.npz");
  try {
    return std::make_unique<TwinSource>(golden_params(layer, variant));
  } catch (const std::invalid_argument& error) {
    throw InputError(std::string("CPU twin: ") + error.what());
  }
}

Variant default_variant(const LayerParams& layer, Dataflow dataflow) {
  return {dataflow, Order::kSeqLast, MathMode::kPrecise,
          dataflow == layer.dataflow ? layer.effective_rounding() : default_rounding(dataflow)};
}

Variant default_variant(const LayerParams& layer) {
  return default_variant(layer, layer.dataflow);
}

std::optional<Variant> target_variant(const std::string& text) {
  constexpr std::string_view kGolden = "golden:";
  if (text == "exact") return std::nullopt;
  if (text.compare(0, kGolden.size(), kGolden) != 0)
    throw InputError("--target: expected exact or golden:VARIANT; got '" + text + "'");
  return Variant::parse(text.substr(kGolden.size()));
}

compile::Target make_target(const std::string& text, const Bundle& bundle, const exact::Domain& domain) {
  const std::optional<Variant> variant = target_variant(text);
  if (!variant) return {text, "oracle", exact::Oracle(bundle.layer).steps(domain)};
  if (auto steps = gpu_steps(bundle, *variant, domain))
    return {text, "GPU sweep", std::move(*steps), sha256_of_file(golden_file(bundle, *variant, kStepsFile))};
  return {text, "CPU twin", enumerate(*make_twin_source(bundle.layer, *variant), domain)};
}

CompileTask compile_task(Bundle bundle, const CompileRequest& request) {
  if (request.conv_bits != 0) bundle.layer.conv_bits = request.conv_bits;
  const std::string name =
      request.target.empty() ? "golden:" + default_variant(bundle.layer).to_string() : request.target;
  const auto variant = target_variant(name);
  if (variant) bundle.layer = as_variant(bundle.layer, *variant);
  if (request.require_golden) {
    if (!variant) throw InputError("--require-golden: expected a target golden:VARIANT; got exact");
    require_gpu_golden(bundle, *variant, kStepsFile);
  }
  exact::Domain domain = make_domain(request.domain, bundle);
  compile::Target target = make_target(name, bundle, domain);
  if (request.require_golden && target.origin != "GPU sweep")
    throw InputError("--require-golden: the GPU swept " + bundle.directory.string() +
                     " with another conv_bits than --conv-bits asks for");
  return {std::move(bundle), std::move(domain), std::move(target)};
}

}  // namespace quasim
