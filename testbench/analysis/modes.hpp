// The four output modes of both dataflows on one input: what must be equal, and what the rounding costs where
// it is not.
#pragma once

#include <array>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "analysis/histogram.hpp"
#include "analysis/stages.hpp"

namespace quasim::analysis {

enum class OutputMode { kBaseline, kFp32SsmInput, kFloatSimInt8, kFp32 };
inline constexpr std::array<OutputMode, 4> kOutputModes{OutputMode::kBaseline, OutputMode::kFp32SsmInput,
                                                        OutputMode::kFloatSimInt8, OutputMode::kFp32};
std::string_view to_string(OutputMode mode);

/// What a mode hands on. In baseline, which hands int8 to the SSM, `ssm` is that int8 times output_scale.
struct ModeOutput {
  TensorBCL<std::int8_t> x_proj;
  TensorBCL<float> ssm;
};
ModeOutput evaluate_mode(const Bundle& bundle, const Variant& variant, OutputMode mode);

/// Distance of a tensor from fp32 without rounding.
struct Fidelity {
  double sqnr_db = 0;  ///< 10 log10(sum of reference^2 / sum of error^2); infinity where nothing differs
  double rms_error = 0;
  double max_error = 0;
};
Fidelity fidelity(const TensorBCL<float>& values, const TensorBCL<float>& reference);
nlohmann::ordered_json to_json(const Fidelity& fidelity);

struct ModeRow {
  Dataflow dataflow = Dataflow::kTwoStep;
  OutputMode mode = OutputMode::kBaseline;
  bool x_proj_equals_baseline = false;  ///< baseline of the same dataflow, every value
  bool ssm_equals_baseline = false;
  TickHistogram x_proj_steps;          ///< x_proj - x_proj of the same dataflow's baseline, in LSB
  Fidelity ssm;                        ///< against mode fp32
  std::uint64_t x_proj_at_limits = 0;  ///< elements equal to -128 or 127
};

struct ModesResult {
  std::string layer;
  std::size_t elements = 0;
  std::array<Variant, 2> variants;  ///< two_step, fused
  std::vector<ModeRow> rows;
  TickHistogram fused_minus_two_step;  ///< of the baselines' int8, in LSB
  Clamped conv_clamp;                  ///< two_step
  std::array<Clamped, 2> output_clamp;

  /// Modes 0, 1 and 2 carry identical values in both dataflows.
  bool promise_holds() const;
};

ModesResult compare_modes(const Bundle& bundle);
nlohmann::ordered_json to_json(const ModesResult& result);

/// The names of the files that save_intermediates() writes, for any layer.
std::vector<std::string> intermediate_files();
/// Writes the intermediate tensors of the layer's own dataflow, and x_proj and ssm_input of each mode, as
/// .npy files.
void save_intermediates(const Bundle& bundle, const std::filesystem::path& directory);

}  // namespace quasim::analysis
