// The tensors of a layer between input and output: from the bundle's golden where it has them, else evaluated
// as the fp32 golden evaluates them, on the CPU.
#pragma once

#include <cstdint>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "analysis/tensor_source.hpp"
#include "io/bundle.hpp"
#include "quasim_golden_cpu_twin.hpp"
#include "reference/golden.hpp"

namespace quasim::analysis {

/// Parameters of the CPU twin for a bundle with an input. Throws InputError for a math mode the CPU does not
/// have.
qg_params twin_params(const Bundle& bundle, const Variant& variant);

/// Runs the CPU twin on the bundle's input, weight and bias into the outputs named in `tensors`.
void run_twin(const Bundle& bundle, const qg_params& params, qg_tensors tensors);

/// Elements that a clamp changed.
struct Clamped {
  std::uint64_t below = 0;
  std::uint64_t above = 0;
};
/// Of round(value / scale) clamped to `bits`.
Clamped saturation(const float* values, std::size_t count, float scale, int bits, Rounding rounding);
nlohmann::ordered_json to_json(const Clamped& saturation, std::size_t elements);

/// Every stage that a layer can have, in the order of the data.
inline constexpr std::array<const char*, 6> kStageNames{"conv1d_input", "conv1d_raw", "conv1d_int8simulated",
                                                        "conv1d_q",     "silu_raw",   "conv1d_output_int8"};

struct StageTensor {
  TensorView tensor;
  std::string origin;  ///< "bundle", "golden/VARIANT" or "CPU twin, VARIANT"
};

class StageSet {
 public:
  explicit StageSet(const Bundle& bundle);
  StageSet(const Bundle& bundle, const Variant& variant);

  const Variant& variant() const { return variant_; }
  /// conv1d_input, conv1d_raw, conv1d_int8simulated, conv1d_q, silu_raw, conv1d_output_int8; the middle two
  /// not in fused.
  const std::vector<StageTensor>& stages() const { return stages_; }
  /// Throws InputError where the dataflow does not have the stage.
  const StageTensor& stage(const std::string& name) const;
  const float* floats(const std::string& name) const {
    return reinterpret_cast<const float*>(stage(name).tensor.data);
  }
  const std::int8_t* bytes(const std::string& name) const {
    return reinterpret_cast<const std::int8_t*>(stage(name).tensor.data);
  }
  /// Throws InputError where a golden's file was written since it was mapped.
  void require_unchanged() const;
  std::size_t elements() const { return stages_.front().tensor.length_elems; }

 private:
  /// The bundle's own channels of a file that has those of its layer.
  const std::byte* take_channels(const Bundle& bundle, const NpyFile& file);

  Variant variant_;
  std::unique_ptr<GoldenTensors> evaluation_;
  TensorBCL<std::int8_t> narrow_q_;
  std::vector<std::unique_ptr<NpyFile>> files_;
  std::vector<std::vector<std::byte>> taken_;  ///< of one group of several: its channels of a golden's tensor
  std::vector<StageTensor> stages_;
};

}  // namespace quasim::analysis
