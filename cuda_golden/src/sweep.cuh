// Complete enumeration through the functions of arithmetic.cuh: every (bias, acc) for seqlast, every window for two orders.
#pragma once

#include "arithmetic.cuh"

namespace qg {
namespace QG_MATH_NS {

constexpr int kSweepThreads = 256;

__global__ void __launch_bounds__(kSweepThreads) sweep_kernel(const SweepArgs s) {
  const std::int64_t width = static_cast<std::int64_t>(s.acc_max) - s.acc_min + 1;
  const std::int64_t total = width * s.bias_count;
  const std::int64_t step = static_cast<std::int64_t>(gridDim.x) * blockDim.x;
  for (std::int64_t i = static_cast<std::int64_t>(blockIdx.x) * blockDim.x + threadIdx.x; i < total; i += step) {
    const int acc = s.acc_min + static_cast<int>(i % width);
    const int bias = s.bias_first + static_cast<int>(i / width);
    const Stages stages = finish(s.arithmetic, conv_seqlast(s.arithmetic, acc, static_cast<float>(bias)));
    if (s.q != nullptr) s.q[i] = static_cast<std::int16_t>(stages.q);
    if (s.out != nullptr) s.out[i] = static_cast<std::int8_t>(stages.out);
  }
}

inline cudaError_t launch_sweep(const SweepArgs& s, cudaStream_t stream) {
  const std::int64_t total = (static_cast<std::int64_t>(s.acc_max) - s.acc_min + 1) * s.bias_count;
  const std::int64_t blocks = (total + kSweepThreads - 1) / kSweepThreads;
  sweep_kernel<<<static_cast<unsigned>(blocks < (1 << 20) ? blocks : (1 << 20)), kSweepThreads, 0, stream>>>(s);
  return cudaGetLastError();
}

__device__ __forceinline__ float conv_window(const Arithmetic& a, const int* w, float bias, std::uint32_t window) {
  const auto sample = [&](int k) { return static_cast<int>(static_cast<std::int8_t>(window >> (8 * k))); };
  if (a.order == QG_SEQLAST) {
    int acc = 0;
    for (int k = 0; k < a.taps; ++k) acc += w[k] * sample(k);
    return conv_seqlast(a, acc, bias);
  }
  return conv_tapwise(a, rounds_first_product(a), bias, [&](int k) { return static_cast<float>(w[k]); },
                      [&](int k) { return static_cast<float>(sample(k)); });
}

// blockIdx.y is the channel. A window whose y agrees bit for bit needs no further stage.
__global__ void __launch_bounds__(kSweepThreads) compare_orders_kernel(const CompareArgs p) {
  const std::int64_t local = blockIdx.y;
  const std::int64_t c = p.channel_first + local;
  int w[kTapsMax] = {0, 0, 0, 0};
  for (int k = 0; k < p.a.taps; ++k) w[k] = p.weight[c * p.a.taps + k];
  const float bias = p.bias == nullptr ? 0.0f : static_cast<float>(p.bias[c]);
  const std::uint64_t windows = std::uint64_t{1} << (8 * p.a.taps);
  const std::uint64_t step = static_cast<std::uint64_t>(gridDim.x) * blockDim.x;
  unsigned long long y_differ = 0;
  for (std::uint64_t i = static_cast<std::uint64_t>(blockIdx.x) * blockDim.x + threadIdx.x; i < windows; i += step) {
    const std::uint32_t window = static_cast<std::uint32_t>(i);
    const float y_a = conv_window(p.a, w, bias, window);
    const float y_b = conv_window(p.b, w, bias, window);
    if (__float_as_uint(y_a) == __float_as_uint(y_b)) continue;
    ++y_differ;
    const int out_a = finish_int8(p.a, y_a);
    const int out_b = finish_int8(p.b, y_b);
    if (out_a == out_b) continue;
    const unsigned long long slot = atomicAdd(&p.counts[c], 1ULL);
    atomicMax(p.max_abs_difference, abs(out_a - out_b));
    if (p.points != nullptr && slot < static_cast<unsigned long long>(p.points_per_channel)) {
      p.points[c * p.points_per_channel + static_cast<std::int64_t>(slot)] = {c, window, y_a, y_b, out_a, out_b};
    }
  }
  if (y_differ != 0) atomicAdd(&p.y_counts[c], y_differ);
}

inline cudaError_t launch_compare_orders(const CompareArgs& p, cudaStream_t stream) {
  CompareArgs part = p;
  constexpr std::int64_t kChannelsPerLaunch = 1024;
  const unsigned blocks = p.a.taps == 4 ? 1024u : 64u;
  for (std::int64_t done = 0; done < p.channel_count; done += kChannelsPerLaunch) {
    part.channel_first = p.channel_first + done;
    part.channel_count = p.channel_count - done < kChannelsPerLaunch ? p.channel_count - done : kChannelsPerLaunch;
    compare_orders_kernel<<<dim3(blocks, static_cast<unsigned>(part.channel_count)), kSweepThreads, 0, stream>>>(part);
    if (const cudaError_t error = cudaGetLastError(); error != cudaSuccess) return error;
  }
  return cudaSuccess;
}

}  // namespace QG_MATH_NS
}  // namespace qg
