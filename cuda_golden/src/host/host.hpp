// What the host API's files share: the last error, checked CUDA calls, owned device memory, params -> kernel
// arguments.
#ifndef QUASIM_CUDA_GOLDEN_HOST_HPP_
#define QUASIM_CUDA_GOLDEN_HOST_HPP_

#include <cuda_runtime_api.h>

#include <string>
#include <vector>

#include "host/kernel_args.hpp"
#include "host/params_check.hpp"

namespace qg {

inline thread_local std::string last_error = "no error";

inline qg_status report(const Problem& problem) {
  if (problem.status != QG_OK) last_error = problem.sentence;
  return problem.status;
}

inline qg_status fail(qg_status status, const std::string& sentence) {
  return report({status, sentence});
}

// Which card this is and which ones the library has code for, when that is what failed.
inline std::string card_and_architectures(cudaError_t error) {
  if (error != cudaErrorNoKernelImageForDevice && error != cudaErrorInvalidDeviceFunction &&
      error != cudaErrorUnsupportedPtxVersion)
    return {};
  int device = 0;
  cudaDeviceProp card{};
  if (cudaGetDevice(&device) != cudaSuccess || cudaGetDeviceProperties(&card, device) != cudaSuccess) return {};
  return std::string("; the card is ") + card.name + ", compute capability " + std::to_string(card.major) + "." +
         std::to_string(card.minor) + "; this library was built for " QG_ARCHITECTURES;
}

// One line for a CUDA error; OK is silent.
inline qg_status cuda_status(cudaError_t error, const char* what) {
  if (error == cudaSuccess) return QG_OK;
  (void)cudaGetLastError();  // clear a non-sticky error, it has been reported
  return fail(error == cudaErrorMemoryAllocation ? QG_OUT_OF_MEMORY : QG_CUDA_ERROR,
              std::string(what) + " failed: " + cudaGetErrorString(error) + card_and_architectures(error));
}

#define QG_RETURN_IF(expression)                                            \
  do {                                                                      \
    if (const qg_status qg_s_ = (expression); qg_s_ != QG_OK) return qg_s_; \
  } while (0)
#define QG_CHECK_CUDA(call) QG_RETURN_IF(::qg::cuda_status((call), #call))

class DeviceMemory {
 public:
  DeviceMemory() = default;
  DeviceMemory(const DeviceMemory&) = delete;
  DeviceMemory& operator=(const DeviceMemory&) = delete;
  ~DeviceMemory() {
    if (pointer_ != nullptr) (void)cudaFree(pointer_);  // nothing can be done in a destructor
  }
  qg_status allocate(std::size_t bytes) {
    QG_CHECK_CUDA(cudaMalloc(&pointer_, bytes));
    bytes_ = bytes;
    return QG_OK;
  }
  qg_status upload(const void* host, std::size_t bytes) {
    QG_RETURN_IF(allocate(bytes));
    QG_CHECK_CUDA(cudaMemcpy(pointer_, host, bytes, cudaMemcpyHostToDevice));
    return QG_OK;
  }
  qg_status download(void* host) const {
    QG_CHECK_CUDA(cudaMemcpy(host, pointer_, bytes_, cudaMemcpyDeviceToHost));
    return QG_OK;
  }
  template <typename T>
  T* as() const {
    return static_cast<T*>(pointer_);
  }

 private:
  void* pointer_ = nullptr;
  std::size_t bytes_ = 0;
};

inline const Backend& backend(const qg_params& p) {
  return p.math == QG_FAST ? fast_math_backend() : precise_backend();
}

inline Arithmetic arithmetic_of(const qg_params& p) {
  Arithmetic a{};
  a.input_scale = p.input_scale;
  a.weight_scale = p.weight_scale;
  a.bias_scale = p.bias_scale;
  a.conv_scale = resolved_conv_scale(p);
  a.output_scale = p.output_scale;
  const int half = 1 << ((p.dataflow == QG_TWO_STEP ? p.conv_bits : 8) - 1);
  a.conv_lo = static_cast<float>(-half);
  a.conv_hi = static_cast<float>(half - 1);
  a.taps = p.taps;
  a.dataflow = p.dataflow;
  a.order = p.order;
  a.rounding = p.rounding;
  a.output_mode = p.output_mode;
  a.activation = p.activation;
  return a;
}

inline Shape shape_of(const qg_params& p) {
  return {p.batch, p.channels, p.length, p.layout};
}

inline qg_status validate_all(const qg_params* params, const qg_tensors* tensors) {
  if (params == nullptr) return fail(QG_INVALID_ARGUMENT, "params is NULL");
  if (tensors == nullptr) return fail(QG_INVALID_ARGUMENT, "tensors is NULL");
  QG_RETURN_IF(report(check_arithmetic(*params)));
  QG_RETURN_IF(report(check_shape(*params)));
  return report(check_tensors(*params, *tensors));
}

// tail_table.cu: the fp32 numbers that y can be, from key to key.
struct KeyRange {
  std::int64_t first, last;
};
KeyRange keys_of_tail(const Arithmetic& a);
// All steps of the tail among them, ascending; overflow: more than a list holds.
qg_status find_steps(const Backend& kernels, const Arithmetic& a, std::vector<TailStep>& steps,
                     bool& overflow);
// A table of the tail for these scales and this variant, on the device, checked.
qg_status make_tail_table(const qg_params& params, DeviceMemory& device_table, BinRule& rule, int& bins);

}  // namespace qg

#endif  // QUASIM_CUDA_GOLDEN_HOST_HPP_
