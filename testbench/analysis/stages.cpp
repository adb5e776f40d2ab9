#include "analysis/stages.hpp"

#include <cmath>
#include <stdexcept>
#include <utility>

#include "reference/committed.hpp"
#include "reference/golden_params.hpp"
#include "reference/targets.hpp"
#include "spec/error.hpp"

namespace quasim::analysis {

namespace fs = std::filesystem;

qg_params twin_params(const Bundle& bundle, const Variant& variant) {
  if (variant.math != MathMode::kPrecise)
    throw InputError("math: expected precise; fast arithmetic exists on a GPU only");
  return golden_params(bundle.layer, variant, bundle.require_input().shape());
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

Clamped saturation(const float* values, std::size_t count, float scale, int bits, Rounding rounding) {
  const auto low = static_cast<float>(spec::min_of_bits(bits)),
             high = static_cast<float>(spec::max_of_bits(bits));
  Clamped result;
  for (std::size_t i = 0; i < count; ++i) {
    const float scaled = values[i] / scale;
    const float rounded = rounding == Rounding::kHalfEven ? std::nearbyint(scaled) : std::round(scaled);
    result.below += rounded < low ? 1U : 0U;
    result.above += rounded > high ? 1U : 0U;
  }
  return result;
}

nlohmann::ordered_json to_json(const Clamped& saturation, std::size_t elements) {
  return {
      {"below", saturation.below},
      {"above", saturation.above},
      {"share", static_cast<double>(saturation.below + saturation.above) / static_cast<double>(elements)}};
}

StageSet::StageSet(const Bundle& bundle) : StageSet(bundle, default_variant(bundle.layer)) {}

StageSet::StageSet(const Bundle& bundle, const Variant& variant) : variant_(variant) {
  const auto& input = bundle.require_input();
  const std::vector<std::size_t> shape(input.shape().begin(), input.shape().end());
  const bool two_step = variant.dataflow == Dataflow::kTwoStep,
             narrow = bundle.layer.conv_bits <= spec::kSampleBits;
  stages_.push_back({view_of("conv1d_input", input), "bundle"});

  const auto add = [&](const std::string& name, DType dtype, const auto& evaluated) {
    if (const auto committed = committed_file(bundle, variant, name + ".npy", Inputs::kLayerAndInput)) {
      const fs::path& file = committed->file;
      auto npy = std::make_unique<NpyFile>(file);
      require_dtype(npy->header(), dtype, file);
      std::vector<std::size_t> expected = shape;
      if (bundle.part) expected[1] = bundle.part->layer_channels;
      if (npy->header().shape != expected)
        throw InputError(file, "shape", shape_text(expected) + " of conv1d_input.npy");
      const std::byte* data = bundle.part ? take_channels(bundle, *npy) : npy->data();
      stages_.push_back({{name, dtype, shape, input.size(), data, true}, "golden/" + variant.to_string()});
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

const std::byte* StageSet::take_channels(const Bundle& bundle, const NpyFile& file) {
  const NpyHeader& header = file.header();
  const std::size_t row_bytes = header.shape[2] * size_bytes_of(header.dtype);
  std::vector<std::byte>& taken = taken_.emplace_back();
  taken.reserve(header.shape[0] * bundle.part->channels.size() * row_bytes);
  for (std::size_t b = 0; b < header.shape[0]; ++b)
    for (const std::size_t channel : bundle.part->channels) {
      const std::byte* row = file.data() + (b * header.shape[1] + channel) * row_bytes;
      taken.insert(taken.end(), row, row + row_bytes);
    }
  return taken.data();
}

void StageSet::require_unchanged() const {
  for (const auto& file : files_) file->require_unchanged();
}

const StageTensor& StageSet::stage(const std::string& name) const {
  for (const StageTensor& stage : stages_)
    if (stage.tensor.name == name) return stage;
  throw InputError(name + ": no such stage in dataflow " + std::string(to_string(variant_.dataflow)));
}

}  // namespace quasim::analysis
