// The fp32 golden of a bundle: evaluated by the CPU twin or by the CUDA kernels, or read from the bundle.
#pragma once

#include <string>
#include <vector>

#include "io/bundle.hpp"

namespace quasim {

enum class GoldenDevice { kCpu, kCuda };

/// Every tensor is [B, C, L]. q and simulated are empty in dataflow fused.
struct GoldenTensors {
  TensorBCL<float> raw;            ///< conv1d_raw, y
  TensorBCL<float> int8simulated;  ///< conv1d_int8simulated, q * s_c
  TensorBCL<std::int16_t> q;       ///< conv1d_q
  TensorBCL<float> silu_raw;       ///< silu_raw
  TensorBCL<std::int8_t> output;   ///< conv1d_output_int8
};

/// Evaluates the golden. Throws InputError when the variant or the device cannot do it, with the reason.
GoldenTensors evaluate_golden(const Bundle& bundle, const Variant& variant, GoldenDevice device);

/// Device, driver, compiler and flags of the CUDA golden as a JSON object; what the twin is for the CPU.
std::string golden_provenance(GoldenDevice device);

/// One tensor against the file of the same name.
struct GoldenComparison {
  std::string tensor;
  std::uint64_t compared = 0;
  std::uint64_t differing = 0;  ///< values that are not bitwise equal
  double largest = 0;           ///< largest absolute difference
  bool is_fp32 = false;         ///< an fp32 intermediate, not an integer the hardware must reproduce
};

/// Compares with every tensor that `directory` holds. Throws InputError when one cannot be read or has
/// another shape.
std::vector<GoldenComparison> compare_golden(const GoldenTensors& golden,
                                             const std::filesystem::path& directory, int conv_bits);

/// Writes the tensors under their names; q as int8 where it fits, as int16 above.
void write_golden(const GoldenTensors& golden, const std::filesystem::path& directory, int conv_bits);

/// int8 where q fits it, as goldens have it.
TensorBCL<std::int8_t> narrow_q(const TensorBCL<std::int16_t>& q);

}  // namespace quasim
