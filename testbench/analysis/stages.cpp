#include "analysis/stages.hpp"

#include <cmath>
#include <stdexcept>
#include <utility>

#include "spec/error.hpp"

namespace quasim::analysis {

namespace fs = std::filesystem;

Variant precise_variant(const LayerParams& layer, Dataflow dataflow) {
  return {dataflow, Order::kSeqLast, MathMode::kPrecise,
          dataflow == layer.dataflow ? layer.effective_rounding() : default_rounding(dataflow)};
}

qg_params twin_params(const Bundle& bundle, const Variant& variant) {
  const LayerParams& layer = bundle.layer;
  if (variant.math != MathMode::kPrecise)
    throw InputError("math: expected precise; fast arithmetic exists on a GPU only");
  const auto& shape = bundle.require_input().shape();
  qg_params params{};
  params.batch = static_cast<std::int64_t>(shape[0]);
  params.channels = static_cast<std::int64_t>(shape[1]);
  params.length = static_cast<std::int64_t>(shape[2]);
  params.taps = layer.taps;
  params.conv_bits = layer.conv_bits;
  params.input_scale = layer.input_scale;
  params.weight_scale = layer.weight_scale;
  params.bias_scale = layer.bias_scale.value_or(1.0F);
  params.conv_scale = layer.conv_scale.value_or(0.0F);
  params.output_scale = layer.output_scale;
  params.dataflow = variant.dataflow == Dataflow::kTwoStep ? QG_TWO_STEP : QG_FUSED;
  params.order = variant.order == Order::kSeqLast       ? QG_SEQLAST
                 : variant.order == Order::kChannelLast ? QG_CHANNELLAST
                                                        : QG_UPDATE;
  params.math = QG_PRECISE;
  params.rounding = variant.rounding == Rounding::kHalfEven ? QG_HALF_EVEN : QG_HALF_AWAY;
  params.layout = QG_BCL;
  params.output_mode = QG_BASELINE;
  return params;
}

void run_twin(const Bundle& bundle, const qg_params& params, qg_tensors tensors) {
  tensors.input = bundle.require_input().data();
  tensors.weight = bundle.weight.data();
  tensors.bias = bundle.bias.empty() ? nullptr : bundle.bias.data();
  try {
    quasim_golden::CpuTwin(params).run(tensors);
  } catch (const std::invalid_argument& error) {
    throw InputError(bundle.directory.string() + ": " + error.what());
  }
}

Saturation saturation(const float* values, std::size_t count, float scale, int bits, Rounding rounding) {
  const auto low = static_cast<float>(spec::min_of_bits(bits)),
             high = static_cast<float>(spec::max_of_bits(bits));
  Saturation result;
  for (std::size_t i = 0; i < count; ++i) {
    const float scaled = values[i] / scale;
    const float rounded = rounding == Rounding::kHalfEven ? std::nearbyint(scaled) : std::round(scaled);
    result.below += rounded < low ? 1U : 0U;
    result.above += rounded > high ? 1U : 0U;
  }
  return result;
}

nlohmann::ordered_json to_json(const Saturation& saturation, std::size_t elements) {
  return {
      {"below", saturation.below},
      {"above", saturation.above},
      {"share", static_cast<double>(saturation.below + saturation.above) / static_cast<double>(elements)}};
}

StageSet::StageSet(const Bundle& bundle)
    : StageSet(bundle, precise_variant(bundle.layer, bundle.layer.dataflow)) {}

StageSet::StageSet(const Bundle& bundle, const Variant& variant) : variant_(variant) {
  const auto& input = bundle.require_input();
  const std::vector<std::size_t> shape(input.shape().begin(), input.shape().end());
  const bool two_step = variant.dataflow == Dataflow::kTwoStep,
             narrow = bundle.layer.conv_bits <= spec::kSampleBits;
  stages_.push_back({view_of("conv1d_input", input), "bundle"});

  const auto add = [&](const std::string& name, DType dtype, const auto& evaluated) {
    const fs::path file = bundle.golden_directory(variant) / (name + ".npy");
    std::error_code error;
    if (fs::exists(file, error)) {
      auto npy = std::make_unique<NpyFile>(file);
      npy->require_dtype(dtype);
      if (npy->header().shape != shape)
        throw InputError(file, "shape", shape_text(shape) + " of conv1d_input.npy");
      stages_.push_back({{name, dtype, shape, npy->header().length_elems, npy->data(), true},
                         "golden/" + variant.to_string()});
      files_.push_back(std::move(npy));
      return;
    }
    if (!evaluation_)
      evaluation_ = std::make_unique<GoldenTensors>(evaluate_golden(bundle, variant, GoldenDevice::kCpu));
    stages_.push_back({view_of(name, shape, evaluated()), "CPU twin, " + variant.to_string()});
  };
  add("conv1d_raw", DType::kFloat32, [this] { return std::as_const(evaluation_->raw).data(); });
  if (two_step)
    add("conv1d_int8simulated", DType::kFloat32,
        [this] { return std::as_const(evaluation_->int8simulated).data(); });
  if (two_step && narrow)
    add("conv1d_q", DType::kInt8, [this] {
      narrow_q_ = quasim::narrow_q(evaluation_->q);
      return std::as_const(narrow_q_).data();
    });
  if (two_step && !narrow)
    add("conv1d_q", DType::kInt16, [this] { return std::as_const(evaluation_->q).data(); });
  add("silu_raw", DType::kFloat32, [this] { return std::as_const(evaluation_->silu_raw).data(); });
  add("conv1d_output_int8", DType::kInt8, [this] { return std::as_const(evaluation_->output).data(); });
}

const Stage& StageSet::stage(const std::string& name) const {
  for (const Stage& stage : stages_)
    if (stage.tensor.name == name) return stage;
  throw InputError(name + ": no such stage in dataflow " + std::string(to_string(variant_.dataflow)));
}

}  // namespace quasim::analysis
