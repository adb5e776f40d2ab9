#include "reference/golden.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <stdexcept>
#include <type_traits>

#include "io/npy.hpp"
#include "quasim_golden_cpu_twin.hpp"
#include "reference/golden_params.hpp"
#include "spec/error.hpp"

namespace quasim {
namespace {

namespace fs = std::filesystem;

void evaluate_cpu(const qg_params& params, const qg_tensors& tensors) {
  try {
    quasim_golden::CpuTwin(params).run(tensors);
  } catch (const std::invalid_argument& error) {
    throw InputError(std::string("golden on the CPU: ") + error.what());
  }
}

void evaluate_cuda([[maybe_unused]] const qg_params& params, [[maybe_unused]] const qg_tensors& tensors) {
#ifdef QUASIM_HAVE_CUDA
  if (qg_run_host(&params, &tensors) != QG_OK)
    throw InputError(std::string("golden on CUDA: ") + qg_last_error());
#else
  throw InputError("golden on CUDA: this build has no CUDA kernels; configure where nvcc is found");
#endif
}

template <class T>
GoldenComparison compare_tensor(const std::string& name, const TensorBCL<T>& have, const fs::path& file) {
  TensorBCL<T> want;
  read_npy(file, want);
  if (want.shape() != have.shape()) throw InputError(file, "shape", "[B, C, L] of conv1d_input.npy");
  GoldenComparison comparison{name, have.size(), 0, 0.0, std::is_same_v<T, float>};
  for (std::size_t i = 0; i < have.size(); ++i) {
    if (std::memcmp(have.data() + i, want.data() + i, sizeof(T)) == 0) continue;
    ++comparison.differing;
    const double difference =
        std::abs(static_cast<double>(have.data()[i]) - static_cast<double>(want.data()[i]));
    comparison.largest = std::max(comparison.largest, difference);
  }
  return comparison;
}

/// Calls visit(name, tensor) for every tensor the golden has.
template <class Visit>
void for_each_tensor(const GoldenTensors& golden, int conv_bits, Visit visit) {
  visit("conv1d_raw", golden.raw);
  if (golden.q.size() > 0) {
    visit("conv1d_int8simulated", golden.int8simulated);
    if (conv_bits > spec::kSampleBits)
      visit("conv1d_q", golden.q);
    else
      visit("conv1d_q", narrow_q(golden.q));
  }
  visit("silu_raw", golden.silu_raw);
  visit("conv1d_output_int8", golden.output);
}

}  // namespace

TensorBCL<std::int8_t> narrow_q(const TensorBCL<std::int16_t>& q) {
  return TensorBCL<std::int8_t>(q.shape(),
                                std::vector<std::int8_t>(q.elements().begin(), q.elements().end()));
}

GoldenTensors evaluate_golden(const Bundle& bundle, const Variant& variant, GoldenDevice device) {
  const auto& input = bundle.require_input();
  const auto shape = input.shape();
  GoldenTensors golden;
  golden.raw = TensorBCL<float>(shape);
  golden.silu_raw = TensorBCL<float>(shape);
  golden.output = TensorBCL<std::int8_t>(shape);
  qg_tensors tensors{};
  tensors.input = input.data();
  tensors.weight = bundle.weight.data();
  tensors.bias = bundle.bias.empty() ? nullptr : bundle.bias.data();
  tensors.conv1d_raw = golden.raw.data();
  tensors.silu_raw = golden.silu_raw.data();
  tensors.conv1d_output_int8 = golden.output.data();
  if (variant.dataflow == Dataflow::kTwoStep) {
    golden.int8simulated = TensorBCL<float>(shape);
    golden.q = TensorBCL<std::int16_t>(shape);
    tensors.conv1d_int8simulated = golden.int8simulated.data();
    tensors.conv1d_q16 = golden.q.data();
  }
  const qg_params params = golden_params(bundle.layer, variant, shape);
  if (device == GoldenDevice::kCpu)
    evaluate_cpu(params, tensors);
  else
    evaluate_cuda(params, tensors);
  return golden;
}

std::string golden_provenance(GoldenDevice device) {
  if (device == GoldenDevice::kCpu) return R"({"device": "CPU twin of the CUDA kernels, plain C++17 fp32"})";
#ifdef QUASIM_HAVE_CUDA
  std::string text(8192, '\0');
  if (qg_provenance_json(text.data(), static_cast<std::int32_t>(text.size())) != QG_OK)
    throw InputError(std::string("golden on CUDA: ") + qg_last_error());
  text.resize(std::strlen(text.c_str()));
  return text;
#else
  throw InputError("golden on CUDA: this build has no CUDA kernels; configure where nvcc is found");
#endif
}

std::vector<GoldenComparison> compare_golden(const GoldenTensors& golden, const fs::path& directory,
                                             int conv_bits) {
  std::vector<GoldenComparison> comparisons;
  for_each_tensor(golden, conv_bits, [&](const std::string& name, const auto& tensor) {
    const fs::path file = directory / (name + ".npy");
    std::error_code error;
    if (fs::exists(file, error)) comparisons.push_back(compare_tensor(name, tensor, file));
  });
  return comparisons;
}

void write_golden(const GoldenTensors& golden, const fs::path& directory, int conv_bits) {
  for_each_tensor(golden, conv_bits, [&](const std::string& name, const auto& tensor) {
    write_npy(directory / (name + ".npy"), tensor);
  });
}

}  // namespace quasim
