// What the lattice fit starts from and is held against: every point (acc, bias) through the exact arithmetic.
#pragma once

#include "fast/lattice.cuh"
#include "reference/arithmetic.cuh"

namespace qg {
namespace QG_MATH_NS {

constexpr int kLatticeThreads = 256;
constexpr int kAccPerThread = 64;

// blockIdx.y is the bias.
__global__ void __launch_bounds__(kLatticeThreads) lattice_steps_kernel(const LatticeStepsArgs s) {
  const int limit = s.arithmetic.taps * 16384;
  const int bias = static_cast<int>(blockIdx.y) - 128;
  const int first = -limit + static_cast<int>(blockIdx.x * kLatticeThreads + threadIdx.x) * kAccPerThread;
  if (first >= limit) return;
  const auto at = [&](int acc) {
    return finish(s.arithmetic, conv_seqlast(s.arithmetic, acc, static_cast<float>(bias)));
  };
  Stages before = at(first);
  for (int acc = first + 1; acc <= limit && acc <= first + kAccPerThread; ++acc) {
    const Stages after = at(acc);
    if (after.q != before.q || after.out != before.out) {
      const unsigned long long slot = atomicAdd(s.count, 1ULL);
      if (slot < s.capacity) {
        s.steps[slot] = {acc,
                         static_cast<std::int16_t>(bias),
                         static_cast<std::int16_t>(before.q),
                         static_cast<std::int16_t>(after.q),
                         static_cast<std::int8_t>(before.out),
                         static_cast<std::int8_t>(after.out)};
      }
    }
    before = after;
  }
}

inline cudaError_t launch_lattice_steps(const LatticeStepsArgs& s, cudaStream_t stream) {
  const unsigned per_block = kLatticeThreads * kAccPerThread;
  const unsigned blocks = (static_cast<unsigned>(s.arithmetic.taps) * 32768 + per_block - 1) / per_block;
  lattice_steps_kernel<<<dim3(blocks, kBiases), kLatticeThreads, 0, stream>>>(s);
  return cudaGetLastError();
}

// blockIdx.y is the bias; a thread takes four neighbouring accumulators, as the lattice kernels do.
template <bool kStepped>
__global__ void __launch_bounds__(kLatticeThreads) check_lattice_kernel(const LatticeCheckArgs s) {
  extern __shared__ uint4 shared_memory[];
  using Unit = LatticeUnit<kStepped>;
  OneTable::fill(s.entries, s.bins, OneTable::kCopiesMin, shared_memory);
  __syncthreads();
  const AccRange range = s.ranges[blockIdx.y];
  const Unit unit(OneTable(s.slope, s.bins, OneTable::kCopiesMin, shared_memory));
  const std::int64_t offset = s.offsets[blockIdx.y];
  const float bias = static_cast<float>(static_cast<int>(blockIdx.y) - 128);
  unsigned long long wrong = 0;
  for (int acc = range.first + 4 * static_cast<int>(blockIdx.x * kLatticeThreads + threadIdx.x);
       acc <= range.last; acc += 4 * static_cast<int>(gridDim.x) * kLatticeThreads) {
    const std::uint32_t bytes = Unit::pack(unit.sum({}, offset, acc), unit.sum({}, offset, acc + 1),
                                           unit.sum({}, offset, acc + 2), unit.sum({}, offset, acc + 3));
    for (int i = 0; i < 4 && acc + i <= range.last; ++i) {
      const int value = finish_int8(s.arithmetic, conv_seqlast(s.arithmetic, acc + i, bias));
      wrong += static_cast<std::int8_t>(bytes >> (8 * i)) != value;
    }
  }
  if (wrong != 0) atomicAdd(s.wrong, wrong);
}

inline cudaError_t launch_check_lattice(const LatticeCheckArgs& s, cudaStream_t stream) {
  const auto kernel = s.stepped ? check_lattice_kernel<true> : check_lattice_kernel<false>;
  const std::size_t shared_bytes =
      sizeof(std::uint32_t) * static_cast<std::size_t>(s.bins) * OneTable::kCopiesMin;
  kernel<<<dim3(32, kBiases), kLatticeThreads, shared_bytes, stream>>>(s);
  return cudaGetLastError();
}

}  // namespace QG_MATH_NS
}  // namespace qg
