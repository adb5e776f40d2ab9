// What the host hands to a kernel: plain values that the host has checked. The host's sources and both math
// modes include this file.
#ifndef QUASIM_CUDA_GOLDEN_KERNEL_ARGS_HPP_
#define QUASIM_CUDA_GOLDEN_KERNEL_ARGS_HPP_

#include <cuda_runtime_api.h>

#include <cstddef>
#include <cstdint>

#include "fast/float_grid.hpp"
#include "fast/group_tables.hpp"
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

// For a layer whose channels carry different scales: both arrays are on the device. Where they are absent the
// layer has one group, and the launch's Arithmetic holds for every channel.
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

// The bin of a y: round(saturate(y * scale + offset) * last), where saturate clamps to [0, 1].
struct BinRule {
  float scale, offset, last;
};

// A bin of y with one threshold. The output is byte 1 of `word` from the threshold on, and byte 0 below it.
// Read as fp32, the same word is a distance: closer to the threshold than that, the exact arithmetic decides.
// With its sign bit set the distance is negative, and the table always decides.
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
  unsigned long long* wrong;   // y at which the table is sure of a wrong output
  unsigned long long* unsure;  // y at which it leaves the output to the exact arithmetic
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
  // Tap-wise orders: an output whose position is less than this above a step, in units of the fraction, is in
  // doubt (tap_unit.cuh).
  std::uint16_t doubt;
  std::int16_t bias;  // b
};

// The constants of the 128 channels that a warp walks in [B,L,C], where a lane has four neighbouring
// channels. Each array is laid out so that the lanes' 16-byte loads are contiguous. What only the tap-wise
// orders need stands at the end, where seqlast does not load it.
constexpr int kColumnGroup = 128;
struct alignas(16) LatticeColumns {
  std::uint32_t weights[kColumnGroup];
  // The offset of channel 4 * lane + 2 * half + j is offset[half][lane][j]: a lane loads its first two
  // channels, then its last two.
  std::int64_t offset[2][kColumnGroup / 4][2];
  struct DoubtAndBias {
    std::uint16_t doubt;
    std::int16_t bias;
  } doubt_and_bias[kColumnGroup];
};

// The same where a layer's channels carry different scales: each has a line of its own, and its group's
// table.
struct alignas(16) GroupedChannel {
  LatticeChannel line;
  std::int32_t slope;
  std::uint32_t position;  // of its run's table on the tape (group_tables.hpp), in quads
  std::uint16_t last;      // bin of the table
  std::uint16_t group;
  std::uint32_t run;
};
struct alignas(16) GroupedColumns {
  LatticeColumns lines;
  std::int32_t slope[kColumnGroup];
  struct Place {
    std::uint16_t last, position;  // the table's last bin; where it is in the column's memory, in quads
  } table[kColumnGroup];
  std::uint16_t group[kColumnGroup];
  std::uint32_t first_table, tables;  // of FastArgs::tables
};

// Divides any n below 2^31 by a divisor that the host knows, with a multiplication and a shift.
struct FastDivide {
  std::uint32_t divisor, magic, shift;
};

// How many times a warp takes 512 bytes of a long [B,C,L] tensor: what was measured to be fastest where rows
// begin on 16 bytes, and where they begin anywhere.
constexpr int kAlignedRounds = 5;
constexpr int kRaggedRounds = 4;
constexpr int kRoundBytes = 512;
constexpr int kRowThreads = 128;           // of a block in [B,C,L]
constexpr int kOneWaveRows = 24;           // that a warp takes in [B,L,C] at most where all run at once
constexpr int kOneWaveFloatRows = 32;      // the same of floats; more than 32 would not fit TapUnit::Doubts
constexpr int kColumnThreadsPerSm = 1024;  // in [B,L,C]; 64 registers a thread

struct FastArgs {
  Arithmetic arithmetic;
  Shape shape;
  const std::int8_t* input;
  const std::int8_t* state_in;
  std::int8_t* output;
  const std::uint32_t* entries;   // the table's, as lattice.cuh describes them
  const LatticeChannel* lattice;  // [B,C,L]: one for each channel
  const LatticeColumns* columns;  // [B,L,C]: one for each 128 channels
  std::int32_t slope;
  int bins;
  int copies;    // how many copies of the table shared memory holds: 4, 8, 16 or 32
  bool stepped;  // a bin may hold a step
  // How many warps there is work for. Each takes `rounds` times 512 bytes of memory in [B,C,L], and
  // `time_block` tokens of 128 channels in [B,L,C].
  std::uint32_t items;
  std::int64_t elements;    // B * C * L; in [B,C,L] at most 2^30
  std::int64_t rows;        // B * C
  int rounds;               // [B,C,L]: 1, kAlignedRounds or kRaggedRounds
  bool aligned;             // [B,C,L]: every row begins on 16 bytes
  FastDivide length;        // [B,C,L]: by L
  FastDivide channels;      // [B,C,L]: by C
  std::int32_t time_block;  // [B,L,C]
  FastDivide column_count;  // [B,L,C]: by the number of columns of 128 channels
  FastDivide blocks;        // [B,L,C]: by the number of time blocks of a sequence
  bool many_rows;           // [B,L,C]: more than one wave of warps, so that each reads far ahead
  unsigned first_wave;      // how many blocks run at first, all at once; the launcher sets it

  // A layer of several groups has `entries` of all groups, and these in place of lattice, columns, slope,
  // bins and copies. In [B,L,C] a block of so many threads has one column, `items` counts a column's time
  // blocks, and each warp takes `passes` of them.
  const GroupedChannel* grouped;          // [B,C,L]
  const GroupedColumns* grouped_columns;  // [B,L,C]
  const HeldTable* tables;                // [B,C,L]: of the runs; [B,L,C]: of the columns
  std::uint32_t runs, tape;               // [B,C,L]: how many runs, and the tape's quads
  bool lanes_agree;  // [B,L,C]: channels 4 n to 4 n + 3, which a lane has, are of one group, whatever n
  std::uint32_t table_bytes;  // the most that a block holds
  int threads;
  std::uint32_t passes;                // 1 in a layer of one group
  const Arithmetic* group_arithmetic;  // [G]

  // In place of input, state_in and output where the caller's tensors are floats, which floats.input then
  // says: [B,L,C], one group, strides in elements.
  struct Floats {
    const void* input;
    void* output;
    std::int64_t batch_stride, token_stride;  // of the input; the output is dense
    FloatGrid grid;
    float output_scale;
    int type;
  } floats;
};

struct DeviceLimits {
  int multiprocessors = 0;
  std::size_t shared_per_sm = 0;
  std::size_t shared_per_block = 0;
};

// A channel's scales where they are its group's.
struct alignas(16) ChannelScales {
  float input_scale, weight_scale, bias_scale, conv_scale, output_scale;
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
  const ChannelScales* scales;  // [C], or NULL: those of `arithmetic`
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
