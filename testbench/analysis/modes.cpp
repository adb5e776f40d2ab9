#include "analysis/modes.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "reference/targets.hpp"

namespace quasim::analysis {
namespace {

constexpr std::array<const char*, 4> kModeNames{"baseline", "fp32_ssm_input", "float_sim_int8", "fp32"};

TickHistogram step_histogram(const TensorBCL<std::int8_t>& a, const TensorBCL<std::int8_t>& b) {
  TickHistogram histogram;
  for (std::size_t i = 0; i < a.size(); ++i) histogram.add(a.data()[i] - b.data()[i]);
  return histogram;
}

std::uint64_t at_limits(const TensorBCL<std::int8_t>& tensor) {
  return static_cast<std::uint64_t>(
      std::count_if(tensor.elements().begin(), tensor.elements().end(), [](std::int8_t v) {
        return v == spec::min_of_bits(spec::kSampleBits) || v == spec::max_of_bits(spec::kSampleBits);
      }));
}

}  // namespace

std::string_view to_string(OutputMode mode) {
  return kModeNames[static_cast<std::size_t>(mode)];
}

ModeOutput evaluate_mode(const Bundle& bundle, const Variant& variant, OutputMode mode) {
  qg_params params = twin_params(bundle, variant);
  params.output_mode = static_cast<std::int32_t>(mode);
  static_assert(static_cast<int>(OutputMode::kFp32) == QG_FP32, "both lists of modes have one order");
  const auto& shape = bundle.require_input().shape();
  ModeOutput output{TensorBCL<std::int8_t>(shape), TensorBCL<float>(shape)};
  qg_tensors tensors{};
  tensors.conv1d_output_int8 = output.x_proj.data();
  if (mode != OutputMode::kBaseline) tensors.ssm_input = output.ssm.data();
  run_twin(bundle, params, tensors);
  if (mode == OutputMode::kBaseline)
    for (std::size_t i = 0; i < output.ssm.size(); ++i)
      output.ssm.data()[i] = static_cast<float>(output.x_proj.data()[i]) * bundle.layer.output_scale;
  return output;
}

Fidelity fidelity(const TensorBCL<float>& values, const TensorBCL<float>& reference) {
  double signal = 0, noise = 0;
  Fidelity result;
  for (std::size_t i = 0; i < values.size(); ++i) {
    const double expected = reference.data()[i], error = values.data()[i] - expected;
    signal += expected * expected;
    noise += error * error;
    result.max_error = std::max(result.max_error, std::fabs(error));
  }
  result.rms_error = std::sqrt(noise / static_cast<double>(values.size()));
  result.sqnr_db = noise == 0 ? std::numeric_limits<double>::infinity() : 10 * std::log10(signal / noise);
  return result;
}

nlohmann::ordered_json to_json(const Fidelity& fidelity) {
  return {
      {"sqnr_db", fidelity.sqnr_db}, {"rms_error", fidelity.rms_error}, {"max_error", fidelity.max_error}};
}

bool ModesResult::promise_holds() const {
  return std::all_of(rows.begin(), rows.end(), [](const ModeRow& row) {
    return row.mode == OutputMode::kFp32 || (row.x_proj_equals_baseline && row.ssm_equals_baseline);
  });
}

ModesResult compare_modes(const Bundle& bundle) {
  const LayerParams& layer = bundle.layer;
  ModesResult result;
  result.layer = layer.name;
  result.elements = bundle.require_input().size();
  result.variants = {default_variant(layer, Dataflow::kTwoStep), default_variant(layer, Dataflow::kFused)};
  std::array<TensorBCL<std::int8_t>, 2> baselines;
  for (std::size_t d = 0; d < result.variants.size(); ++d) {
    const Variant& variant = result.variants[d];
    const GoldenTensors stages = evaluate_golden(bundle, variant, GoldenDevice::kCpu);
    if (variant.dataflow == Dataflow::kTwoStep)
      result.conv_clamp = saturation(stages.raw.data(), result.elements, layer.effective_conv_scale(),
                                     layer.conv_bits, variant.rounding);
    result.output_clamp[d] = saturation(stages.silu_raw.data(), result.elements, layer.output_scale,
                                        spec::kSampleBits, variant.rounding);
    const ModeOutput baseline = evaluate_mode(bundle, variant, OutputMode::kBaseline);
    const ModeOutput exact = evaluate_mode(bundle, variant, OutputMode::kFp32);
    for (OutputMode mode : kOutputModes) {
      const ModeOutput output = mode == OutputMode::kBaseline ? baseline
                                : mode == OutputMode::kFp32   ? exact
                                                              : evaluate_mode(bundle, variant, mode);
      result.rows.push_back({variant.dataflow, mode, output.x_proj == baseline.x_proj,
                             output.ssm == baseline.ssm, step_histogram(output.x_proj, baseline.x_proj),
                             fidelity(output.ssm, exact.ssm), at_limits(output.x_proj)});
    }
    baselines[d] = baseline.x_proj;
  }
  result.fused_minus_two_step = step_histogram(baselines[1], baselines[0]);
  return result;
}

nlohmann::ordered_json to_json(const ModesResult& result) {
  nlohmann::ordered_json json{{"layer", result.layer},
                              {"elements", result.elements},
                              {"variants", {result.variants[0].to_string(), result.variants[1].to_string()}},
                              {"identical_modes_0_1_2", result.promise_holds()},
                              {"modes", nlohmann::ordered_json::array()}};
  for (const ModeRow& row : result.rows)
    json["modes"].push_back({{"dataflow", to_string(row.dataflow)},
                             {"mode", to_string(row.mode)},
                             {"x_proj_equals_baseline", row.x_proj_equals_baseline},
                             {"ssm_equals_baseline", row.ssm_equals_baseline},
                             {"x_proj_minus_baseline", to_json(row.x_proj_steps)},
                             {"ssm_against_fp32", to_json(row.ssm)},
                             {"x_proj_at_limits", row.x_proj_at_limits}});
  json["fused_minus_two_step"] = to_json(result.fused_minus_two_step);
  json["saturation"] = {{"conv_clamp", to_json(result.conv_clamp, result.elements)},
                        {"output_clamp_two_step", to_json(result.output_clamp[0], result.elements)},
                        {"output_clamp_fused", to_json(result.output_clamp[1], result.elements)}};
  return json;
}

std::vector<std::string> intermediate_files() {
  std::vector<std::string> files;
  for (const char* stage : kStageNames) files.push_back(std::string(stage) + ".npy");
  for (OutputMode mode : kOutputModes)
    for (const char* path : {"x_proj.", "ssm_input."})
      files.push_back(path + std::string(to_string(mode)) + ".npy");
  return files;
}

void save_intermediates(const Bundle& bundle, const std::filesystem::path& directory) {
  const StageSet stages(bundle);
  for (const StageTensor& stage : stages.stages())
    write_npy_bytes(directory / (stage.tensor.name + ".npy"), stage.tensor.dtype, stage.tensor.shape,
                    stage.tensor.data);
  for (OutputMode mode : kOutputModes) {
    const ModeOutput output = evaluate_mode(bundle, stages.variant(), mode);
    const std::string suffix = "." + std::string(to_string(mode)) + ".npy";
    write_npy(directory / ("x_proj" + suffix), output.x_proj);
    if (mode != OutputMode::kBaseline) write_npy(directory / ("ssm_input" + suffix), output.ssm);
  }
}

}  // namespace quasim::analysis
