// Complete enumeration through the functions of arithmetic.cuh: every (bias, acc) for seqlast, every window
// for two orders.
#pragma once

#include "fast/table.cuh"

namespace qg {
namespace QG_MATH_NS {

constexpr int kSweepThreads = 256;

__global__ void __launch_bounds__(kSweepThreads) sweep_kernel(const SweepArgs s) {
  const std::int64_t width = static_cast<std::int64_t>(s.acc_max) - s.acc_min + 1;
  const std::int64_t total = width * s.bias_count;
  const std::int64_t step = static_cast<std::int64_t>(gridDim.x) * blockDim.x;
  for (std::int64_t i = static_cast<std::int64_t>(blockIdx.x) * blockDim.x + threadIdx.x; i < total;
       i += step) {
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
  sweep_kernel<<<static_cast<unsigned>(blocks < (1 << 20) ? blocks : (1 << 20)), kSweepThreads, 0, stream>>>(
      s);
  return cudaGetLastError();
}

// y of one channel's windows, the newest sample last, so that the rest is computed once for all its 256
// values.
class WindowRow {
 public:
  __device__ __forceinline__ WindowRow(const Arithmetic& a, const int* w, float bias, std::uint32_t older)
      : a_(a), bias_(bias), s_wx_(scale_wx(a)), newest_weight_(w[a.taps - 1]) {
    scaled_newest_ = __fmul_rn(s_wx_, static_cast<float>(newest_weight_));
    const auto sample = [&](int k) { return static_cast<int>(static_cast<std::int8_t>(older >> (8 * k))); };
    acc_ = 0;
    for (int k = 0; k + 1 < a.taps; ++k) acc_ += w[k] * sample(k);
    Arithmetic all_but_newest = a;
    all_but_newest.taps = a.taps - 1;
    chain_ = conv_tapwise(
        all_but_newest, rounds_first_product(a), bias, [&](int k) { return static_cast<float>(w[k]); },
        [&](int k) { return static_cast<float>(sample(k)); });
  }
  __device__ __forceinline__ float y(int newest) const {
    if (a_.order == QG_SEQLAST) {
      return __fmaf_rn(s_wx_, static_cast<float>(acc_ + newest_weight_ * newest),
                       __fmul_rn(a_.bias_scale, bias_));
    }
    return __fmaf_rn(scaled_newest_, static_cast<float>(newest), chain_);
  }

 private:
  const Arithmetic& a_;
  float bias_, s_wx_;
  int newest_weight_;
  float scaled_newest_;
  int acc_;
  float chain_;
};

// blockIdx.y is the channel. Windows whose y agrees bit for bit need no further stage, nor do those whose two
// y lie on the same side of the same bin's threshold; the others go through the whole tail.
__global__ void __launch_bounds__(kSweepThreads) compare_orders_kernel(const CompareArgs p) {
  extern __shared__ BinEntry compare_table[];
  for (int i = threadIdx.x; i < p.bins; i += kSweepThreads) compare_table[i] = p.table[i];
  __syncthreads();
  const std::int64_t c = p.channel_first + blockIdx.y;
  int w[kTapsMax] = {0, 0, 0, 0};
  for (int k = 0; k < p.a.taps; ++k) w[k] = p.weight[c * p.a.taps + k];
  const float bias = p.bias == nullptr ? 0.0f : static_cast<float>(p.bias[c]);
  const std::uint32_t older_count = 1u << (8 * (p.a.taps - 1));
  unsigned long long y_differ = 0;
  for (std::uint32_t older = blockIdx.x * kSweepThreads + threadIdx.x; older < older_count;
       older += gridDim.x * kSweepThreads) {
    const WindowRow row_a(p.a, w, bias, older);
    const WindowRow row_b(p.b, w, bias, older);
#pragma unroll 4
    for (int newest = -128; newest < 128; ++newest) {
      const float y_a = row_a.y(newest);
      const float y_b = row_b.y(newest);
      if (__float_as_uint(y_a) == __float_as_uint(y_b)) continue;
      ++y_differ;
      const std::uint32_t bin = bin_bits(p.rule, y_a);
      if (bin == bin_bits(p.rule, y_b)) {
        const BinEntry e = compare_table[bin & 0x7FFFFFu];
        const float d_a = __fsub_rn(y_a, e.threshold);
        const float d_b = __fsub_rn(y_b, e.threshold);
        if (!bin_unsure(e, d_a) && !bin_unsure(e, d_b) && (d_a >= 0.0f) == (d_b >= 0.0f)) continue;
      }
      const int out_a = finish_int8(p.a, y_a);
      const int out_b = finish_int8(p.b, y_b);
      if (out_a == out_b) continue;
      const unsigned long long slot = atomicAdd(&p.counts[c], 1ULL);
      atomicMax(p.max_abs_difference, abs(out_a - out_b));
      if (p.points != nullptr && slot < static_cast<unsigned long long>(p.points_per_channel)) {
        const std::uint32_t window = older | static_cast<std::uint32_t>(static_cast<std::uint8_t>(newest))
                                                 << (8 * (p.a.taps - 1));
        p.points[c * p.points_per_channel + static_cast<std::int64_t>(slot)] = {c,   window, y_a,
                                                                                y_b, out_a,  out_b};
      }
    }
  }
  if (y_differ != 0) atomicAdd(&p.y_counts[c], y_differ);
}

inline cudaError_t launch_compare_orders(const CompareArgs& p, cudaStream_t stream) {
  CompareArgs part = p;
  constexpr std::int64_t kChannelsPerLaunch = 1024;
  const std::uint32_t older_count = 1u << (8 * (p.a.taps - 1));
  const unsigned blocks =
      older_count / kSweepThreads < 256 ? (older_count + kSweepThreads - 1) / kSweepThreads : 256;
  const std::size_t shared_bytes = sizeof(BinEntry) * static_cast<std::size_t>(p.bins);
  for (std::int64_t done = 0; done < p.channel_count; done += kChannelsPerLaunch) {
    part.channel_first = p.channel_first + done;
    part.channel_count =
        p.channel_count - done < kChannelsPerLaunch ? p.channel_count - done : kChannelsPerLaunch;
    compare_orders_kernel<<<dim3(blocks, static_cast<unsigned>(part.channel_count)), kSweepThreads,
                            shared_bytes, stream>>>(part);
    if (const cudaError_t error = cudaGetLastError(); error != cudaSuccess) return error;
  }
  return cudaSuccess;
}

}  // namespace QG_MATH_NS
}  // namespace qg
