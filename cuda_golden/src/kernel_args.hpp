// What the host hands to a kernel: plain values, already validated. Shared by the host API and both math modes.
#ifndef QUASIM_CUDA_GOLDEN_KERNEL_ARGS_HPP_
#define QUASIM_CUDA_GOLDEN_KERNEL_ARGS_HPP_

#include <cuda_runtime_api.h>

#include <cstdint>

#include "quasim_golden.h"

namespace qg {

constexpr int kTapsMax = 4;

// The scales and the variant, without shapes. conv_scale is resolved (never 0).
struct Arithmetic {
  float input_scale, weight_scale, bias_scale, conv_scale, output_scale;
  float conv_lo, conv_hi;  // clamp_N as fp32
  int taps;
  int dataflow, order, rounding, output_mode;
};

struct Shape {
  std::int64_t batch, channels, length;
  int layout;
};

struct SweepArgs {
  Arithmetic arithmetic;
  int acc_min, acc_max, bias_first, bias_count;
  std::int16_t* q;
  std::int8_t* out;
};

struct CompareArgs {
  Arithmetic a, b;  // differ in order only
  const std::int8_t* weight;
  const std::int8_t* bias;
  std::int64_t channel_first, channel_count;
  unsigned long long* counts;
  unsigned long long* y_counts;
  int* max_abs_difference;
  qg_window_point* points;
  int points_per_channel;
};

// The checked launchers of one math mode. Each returns the first CUDA error.
struct Backend {
  cudaError_t (*reference)(const Arithmetic&, const Shape&, const qg_tensors&, cudaStream_t);
  cudaError_t (*sweep)(const SweepArgs&, cudaStream_t);
  cudaError_t (*compare_orders)(const CompareArgs&, cudaStream_t);
};

const Backend& precise_backend();
const Backend& fast_math_backend();

}  // namespace qg

#endif  // QUASIM_CUDA_GOLDEN_KERNEL_ARGS_HPP_
