// The table tail: bins over y with one threshold each, found and checked by walking every fp32 number y can
// be.
#pragma once

#include "reference/arithmetic.cuh"

namespace qg {
namespace QG_MATH_NS {

constexpr int kScanThreads = 256;
constexpr int kKeysPerThread = 256;

// Keys order the fp32 numbers: ..., -1: -0, 0: +0, 1: the smallest denormal, ...
__device__ __forceinline__ float float_of_key(std::int64_t key) {
  const std::uint32_t magnitude = static_cast<std::uint32_t>(key >= 0 ? key : -1 - key);
  return __uint_as_float(magnitude | (key >= 0 ? 0u : 0x80000000u));
}

// The float whose low bits are the bin: 2^23 + bin.
__device__ __forceinline__ std::uint32_t bin_bits(const BinRule& rule, float y) {
  float part;
  asm("fma.rn.sat.f32 %0, %1, %2, %3;" : "=f"(part) : "f"(y), "f"(rule.scale), "f"(rule.offset));
  return __float_as_uint(__fmaf_rn(part, rule.last, 8388608.0f));
}

__device__ __forceinline__ bool bin_unsure(const BinEntry& e, float distance) {
  return fabsf(distance) < __uint_as_float(e.word);
}
__device__ __forceinline__ std::uint32_t bin_value(const BinEntry& e, float distance) {
  return distance >= 0.0f ? e.word >> 8 : e.word;
}

__global__ void __launch_bounds__(kScanThreads) scan_steps_kernel(const StepScanArgs s) {
  const std::int64_t thread = static_cast<std::int64_t>(blockIdx.x) * blockDim.x + threadIdx.x;
  const std::int64_t first = s.key_first + thread * kKeysPerThread;
  const std::int64_t last = first + kKeysPerThread < s.key_last ? first + kKeysPerThread : s.key_last;
  if (first >= s.key_last) return;
  int before = finish_int8(s.arithmetic, float_of_key(first));
  for (std::int64_t key = first + 1; key <= last; ++key) {
    const int after = finish_int8(s.arithmetic, float_of_key(key));
    if (after != before) {
      const unsigned long long slot = atomicAdd(s.count, 1ULL);
      if (slot < s.capacity) s.steps[slot] = {key, before, after};
      before = after;
    }
  }
}

__global__ void __launch_bounds__(kScanThreads) check_table_kernel(const TableCheckArgs s) {
  const std::int64_t thread = static_cast<std::int64_t>(blockIdx.x) * blockDim.x + threadIdx.x;
  const std::int64_t first = s.key_first + thread * kKeysPerThread;
  unsigned long long wrong = 0;
  unsigned long long unsure = 0;
  for (std::int64_t key = first; key < first + kKeysPerThread && key <= s.key_last; ++key) {
    const float y = float_of_key(key);
    const BinEntry e = s.table[bin_bits(s.rule, y) & 0x7FFFFFu];
    const float distance = __fsub_rn(y, e.threshold);
    if (bin_unsure(e, distance)) {
      ++unsure;
    } else if (static_cast<std::int8_t>(bin_value(e, distance)) != finish_int8(s.arithmetic, y)) {
      ++wrong;
    }
  }
  if (wrong != 0) atomicAdd(s.wrong, wrong);
  if (unsure != 0) atomicAdd(s.unsure, unsure);
}

inline unsigned scan_blocks(std::int64_t key_first, std::int64_t key_last) {
  constexpr std::int64_t kPerBlock = std::int64_t{kScanThreads} * kKeysPerThread;
  return static_cast<unsigned>((key_last - key_first + kPerBlock) / kPerBlock);
}

inline cudaError_t launch_scan_steps(const StepScanArgs& s, cudaStream_t stream) {
  scan_steps_kernel<<<scan_blocks(s.key_first, s.key_last), kScanThreads, 0, stream>>>(s);
  return cudaGetLastError();
}

inline cudaError_t launch_check_table(const TableCheckArgs& s, cudaStream_t stream) {
  check_table_kernel<<<scan_blocks(s.key_first, s.key_last), kScanThreads, 0, stream>>>(s);
  return cudaGetLastError();
}

}  // namespace QG_MATH_NS
}  // namespace qg
