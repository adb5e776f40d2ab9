// What the host hands to a kernel: plain values, already validated. Shared by the host API and both math
// modes.
#ifndef QUASIM_CUDA_GOLDEN_KERNEL_ARGS_HPP_
#define QUASIM_CUDA_GOLDEN_KERNEL_ARGS_HPP_

#include <cuda_runtime_api.h>

#include <cstddef>
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

// ---- the tail of the fast kernels: y -> int8 through a table of bins (docs/golden.md, "The fast kernels")

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

// One place on the ordered line of fp32 numbers where the output changes.
struct TailStep {
  std::int64_t key;  // of the first y with the new value
  int before, after;
};

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

// Weights as the fast kernels read them, per channel, padded to four taps with zero weights for the oldest.
struct PackedChannel {
  std::uint32_t weights;  // int8 x 4, oldest in byte 0
  float bias_y;           // fl(s_b * b)
};
struct TapChannel {
  float weight[4];  // fl(s_wx * w)
};

struct PackArgs {
  Arithmetic arithmetic;
  const std::int8_t* weight;
  const std::int8_t* bias;  // NULL: none
  std::int64_t channels;
  PackedChannel* packed;
  TapChannel* taps;
  float* bias_value;  // b as fp32
};

// n / d for n < 2^31.
struct FastDivide {
  std::uint32_t divisor, magic, shift;
};

struct FastArgs {
  Arithmetic arithmetic;
  Shape shape;
  BinRule rule;
  const BinEntry* table;
  int bins;
  int copies;  // of the table in shared memory, a power of two up to 16
  const PackedChannel* packed;
  const TapChannel* taps;
  const float* bias_value;
  const std::int8_t* input;
  const std::int8_t* state_in;
  std::int8_t* output;
  std::uint32_t items;  // chunks of 16 elements (BCL) or of 128 channels x time_block steps (BLC)
  std::int32_t time_block;
  FastDivide per_row;  // chunks a row (BCL); groups of 128 channels (BLC)
  FastDivide rows;     // channels (BCL); time blocks a sequence (BLC)
  bool aligned;        // BCL: rows are whole 16-byte chunks
  bool sure;           // no entry of the table is unsure
  struct {
    std::uint32_t items, rows, chunks, channels;
  } step;  // of a thread from one item to its next; set by the launcher
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
  const float* bias_value;
  const std::int8_t* input;     // [B,C]
  const std::int8_t* state_in;  // [B,C,K]
  std::int8_t* state_out;
  std::int8_t* output;
};

// Every (bias, acc) of seqlast against a table.
struct LatticePoint {
  std::int64_t key;
  std::int64_t value;  // 64 bits, so that no padding is copied
};
struct LatticeArgs {
  Arithmetic arithmetic;
  BinRule rule;
  const BinEntry* table;
  unsigned long long* wrong;   // table sure and wrong
  unsigned long long* unsure;  // listed in points up to capacity
  LatticePoint* points;
  unsigned long long capacity;
};

// The checked launchers of one math mode. Each returns the first CUDA error.
struct Backend {
  cudaError_t (*reference)(const Arithmetic&, const Shape&, const qg_tensors&, cudaStream_t);
  cudaError_t (*state)(const Arithmetic&, const Shape&, const qg_tensors&, cudaStream_t);
  cudaError_t (*sweep)(const SweepArgs&, cudaStream_t);
  cudaError_t (*compare_orders)(const CompareArgs&, cudaStream_t);
  cudaError_t (*scan_steps)(const StepScanArgs&, cudaStream_t);
  cudaError_t (*check_table)(const TableCheckArgs&, cudaStream_t);
  cudaError_t (*check_lattice)(const LatticeArgs&, cudaStream_t);
  cudaError_t (*pack)(const PackArgs&, cudaStream_t);
  cudaError_t (*fast)(const FastArgs&, const DeviceLimits&, cudaStream_t);
  cudaError_t (*decode)(const DecodeArgs&, cudaStream_t);
};

const Backend& precise_backend();
const Backend& fast_math_backend();

}  // namespace qg

#endif  // QUASIM_CUDA_GOLDEN_KERNEL_ARGS_HPP_
