// The fp32 golden of a bundle: evaluated by the CPU twin or by the CUDA kernels, or read from the bundle.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "io/bundle.hpp"
#include "reference/committed.hpp"

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
/// Of all groups; on CUDA in one launch.
GoldenTensors evaluate_golden(const GroupedBundle& bundle, const Variant& variant, GoldenDevice device);

/// Device, driver, compiler and flags of the CUDA golden as a JSON object; what the twin is for the CPU.
std::string golden_provenance(GoldenDevice device);

/// Between a CPU's expf and a GPU's silu_raw may differ by this many units in the last place. Every other
/// tensor is made of IEEE operations alone and must be equal.
constexpr std::int64_t kSiluUlps = 4;

/// One tensor against the file of the same name.
struct GoldenComparison {
  std::string tensor;
  std::uint64_t compared = 0;
  std::uint64_t differing = 0;    ///< values that are not bitwise equal
  std::uint64_t beyond = 0;       ///< of them, more than allowed_ulps apart; a NaN on either side always is
  std::uint64_t nan = 0;          ///< places with a NaN on either side: no golden has one
  double largest = 0;             ///< largest absolute difference
  std::int64_t largest_ulps = 0;  ///< the same in units in the last place; fp32 tensors
  std::int64_t allowed_ulps = 0;
  bool is_fp32 = false;
};

/// Compares with every tensor of the variant that the bundle has, which must have been made from this bundle.
/// Throws InputError when one cannot be read, is stale or has another shape.
std::vector<GoldenComparison> compare_golden(const GoldenTensors& golden, const GroupedBundle& bundle,
                                             const Variant& variant);

/// What a stream of the layer is compared with.
struct Reference {
  TensorBCL<std::int8_t> output;
  std::optional<TensorBCL<std::int16_t>> q;  ///< two_step, where the reference has it
  GoldenMaker maker = GoldenMaker::kCpuTwin;
  std::string device;  ///< that made it
};

/// The committed golden of the variant; where the bundle has none, the CPU twin's, unless a GPU's is
/// required. Throws InputError.
Reference reference_for(const Bundle& bundle, const Variant& variant, bool require_golden);

/// The names of the files that write_golden() writes, for any variant, and of the provenance beside them,
/// which is last.
std::vector<std::string> all_golden_files();

/// Writes the tensors under their names; q as int8 where it fits, as int16 above.
void write_golden(const GoldenTensors& golden, const std::filesystem::path& directory, int conv_bits);

/// The names of the files that write_golden() writes.
std::vector<std::string> golden_files(const GoldenTensors& golden);

/// int8 where q fits it, as goldens have it.
TensorBCL<std::int8_t> narrow_q(const TensorBCL<std::int16_t>& q);

}  // namespace quasim
