// What the host hands to a kernel: plain values, already validated. Shared by the host API and both math
// modes.
#ifndef QUASIM_CUDA_GOLDEN_KERNEL_ARGS_HPP_
#define QUASIM_CUDA_GOLDEN_KERNEL_ARGS_HPP_

#include <cuda_runtime_api.h>

#include <cstddef>
#include <cstdint>

#include "fast/lattice_fit.hpp"
#include "quasim_golden.h"

namespace qg {

constexpr int kTapsMax = 4;

// The scales and the variant, without shapes. conv_scale is resolved (never 0).
struct Arithmetic {
  float input_scale, weight_scale, bias_scale, conv_scale, output_scale;
  float conv_lo, conv_hi;  // clamp_N as fp32
  int taps;
  int dataflow, order, rounding, output_mode;
  int activation;
};

// Of a layer whose channels carry different scales: on the device. Absent: one group, the launch's
// Arithmetic.
struct Groups {
  const Arithmetic* arithmetic = nullptr;        // [G]
  const std::uint16_t* channel_group = nullptr;  // [C]
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

// ---- the tail y -> int8 as a table of bins over y, for the comparison of orders

// y falls into bin round(saturate(y * scale + offset) * last); saturate clamps to [0, 1].
struct BinRule {
  float scale, offset, last;
};

// out = y >= threshold ? byte 1 of word : byte 0; where |y - threshold| < word as fp32, the exact arithmetic
// decides. A word whose sign bit is set never asks for it.
struct BinEntry {
  float threshold;
  std::uint32_t word;
};

constexpr int kBinsMax = 4096;

struct StepScanArgs {
  Arithmetic arithmetic;
  std::int64_t key_first, key_last;
  TailStep* steps;
  unsigned long long* count;
  unsigned long long capacity;
};

struct TableCheckArgs {
  Arithmetic arithmetic;
  std::int64_t key_first, key_last;
  BinRule rule;
  const BinEntry* table;
  int bins;
  unsigned long long* wrong;  // table neither right nor unsure
  unsigned long long* unsure;
};

// Every window of every channel, two orders against each other.
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
  BinRule rule;
  const BinEntry* table;
  int bins;
};

// A channel as the decode kernels read it.
struct alignas(8) PackedChannel {
  std::uint32_t weights;  // int8 x 4, oldest in byte 0; fewer taps: zero weights for the oldest
  float bias;             // b
};
// A channel as the lattice kernels read it: position = slope * acc + offset, in bins, 32 fractional bits.
struct alignas(16) LatticeChannel {
  std::int64_t offset;
  std::uint32_t weights;  // as PackedChannel
  std::uint16_t doubt;    // tap-wise orders: twice the distance from a step, in units of the fraction, that
                          // proves nothing
  std::int16_t bias;      // b
};

// The same of the channels that a warp walks in [B,L,C], four neighbours a lane, laid out so that each
// 16-byte load of a warp is contiguous and brings nothing that seqlast does not need.
constexpr int kColumnGroup = 128;
struct alignas(16) LatticeColumns {
  std::uint32_t weights[kColumnGroup];
  std::int64_t offset[2][kColumnGroup / 4][2];  // channel 4 i + 2 h + j at [h][i][j]
  struct DoubtAndBias {
    std::uint16_t doubt;
    std::int16_t bias;
  } doubt_and_bias[kColumnGroup];
};

// n / d for n < 2^31.
struct FastDivide {
  std::uint32_t divisor, magic, shift;
};

// Rounds of a long run in [B,C,L] (measured).
constexpr int kAlignedRounds = 5;
constexpr int kRaggedRounds = 4;

struct FastArgs {
  Arithmetic arithmetic;
  Shape shape;
  const std::int8_t* input;
  const std::int8_t* state_in;
  std::int8_t* output;
  const std::uint32_t* entries;   // of the table, lattice.cuh
  const LatticeChannel* lattice;  // BCL: [C]
  const LatticeColumns* columns;  // BLC: one for 128 channels
  std::int32_t slope;
  int bins;
  int copies;               // of the table in shared memory: 4, 8, 16 or 32
  bool stepped;             // a bin may hold a step
  std::uint32_t items;      // a warp's: rounds x 512 bytes of memory (BCL), time_block x 128 channels (BLC)
  std::int64_t elements;    // B * C * L; BCL: at most 2^30
  std::int64_t rows;        // B * C
  int rounds;               // BCL: a warp takes so many times 512 bytes: 1, or as above
  bool aligned;             // BCL: every row begins a 16-byte chunk
  FastDivide length;        // BCL
  FastDivide channels;      // BCL
  std::int32_t time_block;  // BLC
  FastDivide groups;        // BLC: groups of 128 channels
  FastDivide blocks;        // BLC: time blocks a sequence
  bool many_rows;           // BLC: more than one wave of warps, each reads far ahead
  unsigned first_wave;      // blocks; set by the launcher
};

struct DeviceLimits {
  int multiprocessors = 0;
  std::size_t shared_per_sm = 0;
  std::size_t shared_per_block = 0;
};

struct DecodeArgs {
  Arithmetic arithmetic;
  std::uint32_t items;  // B * C
  FastDivide rows;      // by C
  const PackedChannel* packed;
  const std::int8_t* input;     // [B,C]
  const std::int8_t* state_in;  // [B,C,K]
  std::int8_t* state_out;
  std::int8_t* output;
};

struct LatticeStepsArgs {
  Arithmetic arithmetic;
  LatticeStep* steps;
  unsigned long long* count;
  unsigned long long capacity;
};

// What lattice_fit.hpp found, against the exact arithmetic, at every acc in the ranges.
struct LatticeCheckArgs {
  Arithmetic arithmetic;
  const std::uint32_t* entries;
  std::int32_t bins;
  std::int32_t slope;
  bool stepped;
  const std::int64_t* offsets;  // [256], -128 first
  const AccRange* ranges;       // [256]
  unsigned long long* wrong;
};

// The checked launchers of one math mode. Each returns the first CUDA error.
struct Backend {
  cudaError_t (*reference)(const Arithmetic&, const Groups&, const Shape&, const qg_tensors&, cudaStream_t);
  cudaError_t (*state)(const Arithmetic&, const Shape&, const qg_tensors&, cudaStream_t);
  cudaError_t (*sweep)(const SweepArgs&, cudaStream_t);
  cudaError_t (*compare_orders)(const CompareArgs&, cudaStream_t);
  cudaError_t (*scan_steps)(const StepScanArgs&, cudaStream_t);
  cudaError_t (*check_table)(const TableCheckArgs&, cudaStream_t);
  cudaError_t (*lattice_steps)(const LatticeStepsArgs&, cudaStream_t);
  cudaError_t (*check_lattice)(const LatticeCheckArgs&, cudaStream_t);
  cudaError_t (*tapwise)(const FastArgs&, const DeviceLimits&, cudaStream_t);
  cudaError_t (*decode)(const DecodeArgs&, cudaStream_t);
};

// seqlast has no floating point left: one for both modes (lattice.cu).
cudaError_t launch_lattice(const FastArgs& args, const DeviceLimits& device, cudaStream_t stream);

const Backend& precise_backend();
const Backend& fast_math_backend();

}  // namespace qg

#endif  // QUASIM_CUDA_GOLDEN_KERNEL_ARGS_HPP_
