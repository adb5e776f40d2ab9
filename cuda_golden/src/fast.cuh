// fast: int8 -> int8 at the speed of memory, equal to reference bit for bit.
//
// Convolution: seqlast sums four int8 products with one DP4A over byte windows cut from 32-bit words; the tap-wise orders run
// their fma chain. Both end in the very y that reference computes. Tail: y -> int8 through the table of table.cuh in shared
// memory, copied so that the lanes of a half-warp read different banks; the few y that the table is unsure of go through
// finish_int8. L-contiguous tensors are walked in 16-byte chunks, channel-contiguous ones in columns of four channels.
#pragma once

#include "table.cuh"

namespace qg {
namespace QG_MATH_NS {

constexpr int kFastThreads = 512;
constexpr int kFastBlocksPerSm = 2;
constexpr int kTimeBlock = 32;  // steps of one BLC item

__device__ __forceinline__ std::uint32_t divide(std::uint32_t n, const FastDivide& d) {
  return d.divisor == 1 ? n : __umulhi(n, d.magic) >> d.shift;
}

// The table in shared memory and the calling lane's copy of it.
class SharedTable {
 public:
  __device__ __forceinline__ SharedTable(const FastArgs& args, BinEntry* shared) : rule_(args.rule), stride_(8u * args.copies) {
    const std::uint32_t copy = threadIdx.x & static_cast<unsigned>(args.copies - 1);
    base_ = static_cast<std::uint32_t>(__cvta_generic_to_shared(shared)) + 8u * copy - 0x4B000000u * stride_;
  }

  __device__ static void fill(const FastArgs& args, BinEntry* shared) {
    const int shift = __ffs(args.copies) - 1;
    for (int i = threadIdx.x; i < args.bins << shift; i += kFastThreads) shared[i] = args.table[i >> shift];
  }

  __device__ __forceinline__ BinEntry look_up(float y) const {
    const std::uint32_t address = bin_bits(rule_, y) * stride_ + base_;
    std::uint32_t threshold, word;
    asm volatile("ld.shared.v2.u32 {%0, %1}, [%2];" : "=r"(threshold), "=r"(word) : "r"(address));
    return {__uint_as_float(threshold), word};
  }

 private:
  BinRule rule_;
  std::uint32_t stride_;
  std::uint32_t base_;
};

// Byte 0: 0xFF where a is negative, byte 1 likewise for b. (prmt: 3 is byte 3 of a, 7 of b, 8 spreads the byte's sign.)
__device__ __forceinline__ std::uint32_t sign_bytes(float a, float b) {
  std::uint32_t r;
  asm("prmt.b32 %0, %1, %2, 0x00FB;" : "=r"(r) : "r"(__float_as_uint(a)), "r"(__float_as_uint(b)));
  return r;
}

// Four y -> four int8 in one word by the exact arithmetic.
__device__ __noinline__ std::uint32_t exact_tail4(const Arithmetic& a, float y0, float y1, float y2, float y3) {
  const auto byte = [&](float y) { return static_cast<std::uint32_t>(static_cast<std::uint8_t>(finish_int8(a, y))); };
  return byte(y0) | byte(y1) << 8 | byte(y2) << 16 | byte(y3) << 24;
}

// The same through the table. The sign of y - threshold, spread over a byte, chooses between a word's bytes 0 and 1.
__device__ __forceinline__ std::uint32_t tail4(const Arithmetic& a, const SharedTable& table, float y0, float y1, float y2, float y3) {
  const BinEntry e0 = table.look_up(y0);
  const BinEntry e1 = table.look_up(y1);
  const BinEntry e2 = table.look_up(y2);
  const BinEntry e3 = table.look_up(y3);
  const float d0 = __fsub_rn(y0, e0.threshold);
  const float d1 = __fsub_rn(y1, e1.threshold);
  const float d2 = __fsub_rn(y2, e2.threshold);
  const float d3 = __fsub_rn(y3, e3.threshold);
  if (bin_unsure(e0, d0) | bin_unsure(e1, d1) | bin_unsure(e2, d2) | bin_unsure(e3, d3)) return exact_tail4(a, y0, y1, y2, y3);
  // byte 0: sign of the first, byte 1: sign of the second
  const std::uint32_t below01 = sign_bytes(d0, d1);
  const std::uint32_t below23 = sign_bytes(d2, d3);
  const std::uint32_t below = __byte_perm(below01, below23, 0x5410);
  const std::uint32_t both01 = __byte_perm(e0.word, e1.word, 0x5140);  // low 0, low 1, high 0, high 1
  const std::uint32_t both23 = __byte_perm(e2.word, e3.word, 0x5140);
  const std::uint32_t low = __byte_perm(both01, both23, 0x5410);
  const std::uint32_t high = __byte_perm(both01, both23, 0x7632);
  return (low & below) | (high & ~below);
}

// One channel's weights, and the convolution over one word of samples. `previous` holds the four samples before `word`.
template <bool kTapwise>
class Channel;

template <>
class Channel<false> {
 public:
  __device__ __forceinline__ Channel(const FastArgs& args, std::uint32_t c, float s_wx)
      : packed_(__ldg(reinterpret_cast<const uint2*>(args.packed + c))), s_wx_(s_wx) {}

  __device__ __forceinline__ void convolve(const FastArgs&, std::uint32_t previous, std::uint32_t word, float (&y)[4]) const {
    y[0] = finish_sum(__byte_perm(previous, word, 0x4321));
    y[1] = finish_sum(__byte_perm(previous, word, 0x5432));
    y[2] = finish_sum(__byte_perm(previous, word, 0x6543));
    y[3] = finish_sum(word);
  }

 private:
  __device__ __forceinline__ float finish_sum(std::uint32_t window) const {
    // 0x4B400000 is 1.5 * 2^23: adding a small integer to its bits adds that integer to its value
    const int sum = __dp4a(static_cast<int>(window), static_cast<int>(packed_.x), 0x4B400000);
    return __fmaf_rn(s_wx_, __fadd_rn(__int_as_float(sum), -12582912.0f), __uint_as_float(packed_.y));
  }

  uint2 packed_;  // PackedChannel
  float s_wx_;
};

template <>
class Channel<true> {
 public:
  __device__ __forceinline__ Channel(const FastArgs& args, std::uint32_t c, float)
      : w_(__ldg(reinterpret_cast<const float4*>(args.taps + c))),
        bias_(__ldg(rounds_first_product(args.arithmetic) ? args.bias_value + c : &args.packed[c].bias_y)) {}

  __device__ __forceinline__ void convolve(const FastArgs& args, std::uint32_t previous, std::uint32_t word, float (&y)[4]) const {
    float x[8];
    samples(previous, x);
    samples(word, x + 4);
#pragma unroll
    for (int i = 0; i < 4; ++i) y[i] = chain(args.arithmetic, x[i + 1], x[i + 2], x[i + 3], x[i + 4]);
  }

 private:
  __device__ __forceinline__ static void samples(std::uint32_t word, float* x) {
    const std::uint32_t biased = word ^ 0x80808080u;
#pragma unroll
    for (int i = 0; i < 4; ++i) x[i] = __fadd_rn(__uint_as_float(__byte_perm(biased, 0x4B000000u, 0x7440 + i)), -8388736.0f);
  }

  __device__ __forceinline__ float chain(const Arithmetic& a, float x0, float x1, float x2, float x3) const {
    if (!rounds_first_product(a)) {
      // a missing tap has weight 0: fma(0, x, y) is y
      return __fmaf_rn(w_.w, x3, __fmaf_rn(w_.z, x2, __fmaf_rn(w_.y, x1, __fmaf_rn(w_.x, x0, bias_))));
    }
    float y = 0.0f;
    y = a.taps == 4 ? __fmaf_rn(a.bias_scale, bias_, __fmul_rn(w_.x, x0)) : y;
    y = a.taps == 3 ? __fmaf_rn(a.bias_scale, bias_, __fmul_rn(w_.y, x1)) : __fmaf_rn(w_.y, x1, y);
    y = a.taps == 2 ? __fmaf_rn(a.bias_scale, bias_, __fmul_rn(w_.z, x2)) : __fmaf_rn(w_.z, x2, y);
    return __fmaf_rn(w_.w, x3, y);
  }

  float4 w_;
  float bias_;  // fl(s_b * b), or b where the first product is the rounded one
};

__device__ __forceinline__ uint4 load_stream(const std::int8_t* p) { return __ldg(reinterpret_cast<const uint4*>(p)); }

// ---- [B,C,L]

// One 16-byte chunk of a row: the words, and the word before them.
struct Chunk {
  uint4 words;
  std::uint32_t previous;
};

// The rare chunks, byte by byte: those that touch the tensor's first or last bytes, and those that begin with the state.
__device__ __noinline__ Chunk load_edge_chunk(const FastArgs& args, const std::int8_t* row, std::int64_t row_index, std::int64_t time) {
  const int taps = args.arithmetic.taps;
  std::uint32_t w[5];
#pragma unroll
  for (int word = 0; word < 5; ++word) {
    w[word] = 0;
#pragma unroll 1
    for (int i = 0; i < 4; ++i) {
      const std::int64_t at = time - 4 + 4 * word + i;
      std::uint32_t byte = 0;
      if (at >= 0 && at < args.shape.length) {
        byte = static_cast<std::uint8_t>(row[at]);
      } else if (at < 0 && at > -taps && args.state_in != nullptr) {
        byte = static_cast<std::uint8_t>(args.state_in[row_index * taps + taps + at]);
      }
      w[word] |= byte << (8 * i);
    }
  }
  return {make_uint4(w[1], w[2], w[3], w[4]), w[0]};
}

// `time` is the row's time at the chunk's first byte; below 0 or beyond length where a row does not begin or end on 16 bytes.
__device__ __forceinline__ Chunk load_ragged_chunk(const FastArgs& args, const std::int8_t* row, std::int64_t row_index, int time) {
  const std::int8_t* const p = row + time;
  const std::int8_t* const end = args.input + args.shape.batch * args.shape.channels * args.shape.length;
  if (p - 4 < args.input || p + 16 > end || (time < 4 && args.state_in != nullptr)) {
    return load_edge_chunk(args, row, row_index, time);
  }
  Chunk chunk = {load_stream(p), __ldg(reinterpret_cast<const std::uint32_t*>(p - 4))};
  if (time < 4) {  // samples before the row belong to another one: they read as zero
    const auto keep = [&](std::uint32_t word, int first_time) {
      return first_time >= 0 ? word : first_time <= -4 ? 0u : word & (0xFFFFFFFFu << (8 * -first_time));
    };
    chunk.previous = keep(chunk.previous, time - 4);
    chunk.words.x = keep(chunk.words.x, time);
    chunk.words.y = keep(chunk.words.y, time + 4);
    chunk.words.z = keep(chunk.words.z, time + 8);
    chunk.words.w = keep(chunk.words.w, time + 12);
  }
  return chunk;
}

__device__ __forceinline__ void store_ragged_chunk(const FastArgs& args, std::int8_t* row, int time, const uint4& words) {
  std::int8_t* const p = row + time;
  const int length = static_cast<int>(args.shape.length);
  if (time >= 0 && time + 16 <= length) {
    *reinterpret_cast<uint4*>(p) = words;
    return;
  }
  const std::uint32_t w[4] = {words.x, words.y, words.z, words.w};
#pragma unroll
  for (int i = 0; i < 16; ++i) {
    if (time + i >= 0 && time + i < length) p[i] = static_cast<std::int8_t>(w[i / 4] >> (8 * (i % 4)));
  }
}

template <bool kTapwise>
__device__ __forceinline__ uint4 compute_chunk(const FastArgs& args, const SharedTable& table, const Channel<kTapwise>& channel,
                                               const Chunk& chunk) {
  uint4 result;
  float y[4];
  channel.convolve(args, chunk.previous, chunk.words.x, y);
  result.x = tail4(args.arithmetic, table, y[0], y[1], y[2], y[3]);
  channel.convolve(args, chunk.words.x, chunk.words.y, y);
  result.y = tail4(args.arithmetic, table, y[0], y[1], y[2], y[3]);
  channel.convolve(args, chunk.words.y, chunk.words.z, y);
  result.z = tail4(args.arithmetic, table, y[0], y[1], y[2], y[3]);
  channel.convolve(args, chunk.words.z, chunk.words.w, y);
  result.w = tail4(args.arithmetic, table, y[0], y[1], y[2], y[3]);
  return result;
}

// Rows are whole 16-byte chunks: chunk `item` is at byte 16 * item.
template <bool kTapwise>
__global__ void __launch_bounds__(kFastThreads, kFastBlocksPerSm) fast_bcl_aligned_kernel(const __grid_constant__ FastArgs args) {
  extern __shared__ BinEntry shared_table[];
  const float s_wx = scale_wx(args.arithmetic);
  const std::uint32_t step = gridDim.x * kFastThreads;
  const auto channel_of = [&](std::uint32_t item, std::uint32_t& row) {
    row = divide(item, args.per_row);
    return row - divide(row, args.rows) * args.rows.divisor;
  };
  const auto load = [&](std::uint32_t item, std::uint32_t row) {
    const std::int8_t* const p = args.input + static_cast<std::uint64_t>(item) * 16;
    Chunk chunk = {load_stream(p), 0u};
    if (item != row * args.per_row.divisor) {
      chunk.previous = __ldg(reinterpret_cast<const std::uint32_t*>(p - 4));
    } else if (args.state_in != nullptr) {
      chunk.previous = load_edge_chunk(args, p, row, 0).previous;
    }
    return chunk;
  };
  std::uint32_t item = blockIdx.x * kFastThreads + threadIdx.x;
  std::uint32_t row = 0;
  Chunk chunk{};
  Channel<kTapwise> channel(args, 0, s_wx);
  if (item < args.items) {
    channel = Channel<kTapwise>(args, channel_of(item, row), s_wx);
    chunk = load(item, row);
  }
  SharedTable::fill(args, shared_table);
  __syncthreads();
  const SharedTable table(args, shared_table);
  while (item < args.items) {
    const std::uint32_t here = item;
    const Chunk now = chunk;
    const Channel<kTapwise> weights = channel;
    item += step;
    if (item < args.items) {
      channel = Channel<kTapwise>(args, channel_of(item, row), s_wx);
      chunk = load(item, row);
    }
    *reinterpret_cast<uint4*>(args.output + static_cast<std::uint64_t>(here) * 16) = compute_chunk(args, table, weights, now);
  }
}

// Rows begin anywhere: a row is walked in the 16-byte chunks of memory that it touches, first and last ones shared with its
// neighbours.
template <bool kTapwise>
__global__ void __launch_bounds__(kFastThreads, kFastBlocksPerSm) fast_bcl_ragged_kernel(const __grid_constant__ FastArgs args) {
  extern __shared__ BinEntry shared_table[];
  struct Place {
    std::uint32_t row, channel;
    std::int64_t offset;  // of the row's first element
    int time;             // of the chunk's first byte
  };
  const int length = static_cast<int>(args.shape.length);
  const auto place_of = [&](std::uint32_t item) {
    Place place;
    place.row = divide(item, args.per_row);
    place.channel = place.row - divide(place.row, args.rows) * args.rows.divisor;
    place.offset = static_cast<std::int64_t>(place.row) * length;
    place.time = static_cast<int>(item - place.row * args.per_row.divisor) * 16 -
                 static_cast<int>(static_cast<std::uint32_t>(reinterpret_cast<std::uintptr_t>(args.input + place.offset)) & 15u);
    return place;
  };
  const float s_wx = scale_wx(args.arithmetic);
  const std::uint32_t step = gridDim.x * kFastThreads;
  std::uint32_t item = blockIdx.x * kFastThreads + threadIdx.x;
  Place place{};
  Chunk chunk{};
  Channel<kTapwise> channel(args, 0, s_wx);
  const auto load = [&]() {
    if (item >= args.items) return;
    place = place_of(item);
    if (place.time >= length) return;
    channel = Channel<kTapwise>(args, place.channel, s_wx);
    chunk = load_ragged_chunk(args, args.input + place.offset, place.row, place.time);
  };
  load();
  SharedTable::fill(args, shared_table);
  __syncthreads();
  const SharedTable table(args, shared_table);
  while (item < args.items) {
    const Place here = place;
    const Chunk now = chunk;
    const Channel<kTapwise> weights = channel;
    item += step;
    load();
    if (here.time < length) store_ragged_chunk(args, args.output + here.offset, here.time, compute_chunk(args, table, weights, now));
  }
}

// ---- [B,L,C]; C is a multiple of 4 and the pointers are 4-byte aligned

// Four words of four channels -> four words of four times (its own inverse).
__device__ __forceinline__ void transpose4(std::uint32_t (&w)[4]) {
  const std::uint32_t a = __byte_perm(w[0], w[1], 0x5140);
  const std::uint32_t b = __byte_perm(w[2], w[3], 0x5140);
  const std::uint32_t c = __byte_perm(w[0], w[1], 0x7362);
  const std::uint32_t d = __byte_perm(w[2], w[3], 0x7362);
  w[0] = __byte_perm(a, b, 0x5410);
  w[1] = __byte_perm(a, b, 0x7632);
  w[2] = __byte_perm(c, d, 0x5410);
  w[3] = __byte_perm(c, d, 0x7632);
}

template <bool kTapwise>
__global__ void __launch_bounds__(kFastThreads, kFastBlocksPerSm) fast_blc_kernel(const __grid_constant__ FastArgs args) {
  extern __shared__ BinEntry shared_table[];
  SharedTable::fill(args, shared_table);
  __syncthreads();
  const SharedTable table(args, shared_table);
  const float s_wx = scale_wx(args.arithmetic);
  const std::int64_t stride = args.shape.channels;
  const int taps = args.arithmetic.taps;
  const std::uint32_t step = gridDim.x * kFastThreads;
  for (std::uint32_t item = blockIdx.x * kFastThreads + threadIdx.x; item < args.items; item += step) {
    const std::uint32_t outer = divide(item, args.per_row);
    const std::uint32_t c = (item - outer * args.per_row.divisor) * 4;
    const std::uint32_t b = divide(outer, args.rows);
    const std::int64_t time = static_cast<std::int64_t>(outer - b * args.rows.divisor) * kTimeBlock;
    const std::int64_t last = time + kTimeBlock < args.shape.length ? time + kTimeBlock : args.shape.length;
    const std::int64_t start = (static_cast<std::int64_t>(b) * args.shape.length + time) * stride + c;
    const std::int8_t* in = args.input + start;
    std::int8_t* out = args.output + start;
    const auto load = [&](std::int64_t t) { return __ldg(reinterpret_cast<const std::uint32_t*>(in + t * stride)); };

    std::uint32_t next[4];
#pragma unroll
    for (int i = 0; i < 4; ++i) next[i] = time + i < last ? load(i) : 0u;
    std::uint32_t previous[4] = {0, 0, 0, 0};
    if (time != 0) {
#pragma unroll
      for (int i = 1; i < 4; ++i) previous[i] = load(i - 4);
      transpose4(previous);
    } else if (args.state_in != nullptr) {
#pragma unroll
      for (int j = 0; j < 4; ++j) {
        const std::int8_t* state = args.state_in + (static_cast<std::int64_t>(b) * stride + c + j) * taps;
        for (int k = 1; k < taps; ++k) previous[j] |= static_cast<std::uint32_t>(static_cast<std::uint8_t>(state[k])) << (8 * (4 - taps + k));
      }
    }
    const Channel<kTapwise> channels[4] = {
        {args, c, s_wx}, {args, c + 1, s_wx}, {args, c + 2, s_wx}, {args, c + 3, s_wx}};
    for (std::int64_t t = time; t < last; t += 4, in += 4 * stride, out += 4 * stride) {
      std::uint32_t word[4] = {next[0], next[1], next[2], next[3]};
#pragma unroll
      for (int i = 0; i < 4; ++i) next[i] = t + 4 + i < last ? load(4 + i) : 0u;
      transpose4(word);
      float y[4][4];
#pragma unroll
      for (int j = 0; j < 4; ++j) {
        channels[j].convolve(args, previous[j], word[j], y[j]);
        previous[j] = word[j];
      }
#pragma unroll
      for (int i = 0; i < 4; ++i) {
        if (t + i < last) {
          *reinterpret_cast<std::uint32_t*>(out + i * stride) = tail4(args.arithmetic, table, y[0][i], y[1][i], y[2][i], y[3][i]);
        }
      }
    }
  }
}

// ---- one token

constexpr int kDecodeThreads = 128;

template <int kTaps>
__global__ void __launch_bounds__(kDecodeThreads) decode_kernel(const __grid_constant__ DecodeArgs args) {
  Arithmetic a = args.arithmetic;
  a.taps = kTaps;  // so that every loop over taps unrolls
  const std::int64_t i = static_cast<std::int64_t>(blockIdx.x) * kDecodeThreads + threadIdx.x;
  if (i >= args.batch * args.channels) return;
  const std::int64_t c = args.batch == 1 ? i : i % args.channels;
  int x[kTaps];
  int w[kTaps];
  int acc = 0;
#pragma unroll
  for (int k = 0; k < kTaps; ++k) {
    x[k] = k == kTaps - 1 ? args.input[i] : args.state_in == nullptr ? 0 : args.state_in[i * kTaps + k + 1];
    w[k] = args.weight[c * kTaps + k];
    acc += w[k] * x[k];
  }
  const float bias = args.bias == nullptr ? 0.0f : static_cast<float>(args.bias[c]);
  float y;
  if (a.order == QG_SEQLAST) {
    y = conv_seqlast(a, acc, bias);
  } else {
    y = conv_tapwise(a, rounds_first_product(a), bias, [&](int k) { return static_cast<float>(w[k]); },
                     [&](int k) { return static_cast<float>(x[k]); });
  }
  if (args.output != nullptr) args.output[i] = static_cast<std::int8_t>(finish_int8(a, y));
  if (args.state_out != nullptr) {
#pragma unroll
    for (int k = 0; k < kTaps; ++k) args.state_out[i * kTaps + k] = static_cast<std::int8_t>(x[k]);
  }
}

__global__ void pack_kernel(const PackArgs p) {
  const std::int64_t c = static_cast<std::int64_t>(blockIdx.x) * blockDim.x + threadIdx.x;
  if (c >= p.channels) return;
  const int taps = p.arithmetic.taps;
  PackedChannel packed{};
  TapChannel scaled{};
  for (int k = 0; k < taps; ++k) {
    const std::int8_t w = p.weight[c * taps + k];
    const int place = kTapsMax - taps + k;
    packed.weights |= static_cast<std::uint32_t>(static_cast<std::uint8_t>(w)) << (8 * place);
    scaled.weight[place] = __fmul_rn(scale_wx(p.arithmetic), static_cast<float>(w));
  }
  const float bias = p.bias == nullptr ? 0.0f : static_cast<float>(p.bias[c]);
  packed.bias_y = __fmul_rn(p.arithmetic.bias_scale, bias);
  p.packed[c] = packed;
  p.taps[c] = scaled;
  p.bias_value[c] = bias;
}

// ---- launchers

template <typename Kernel>
cudaError_t launch_fast_kernel(Kernel kernel, const FastArgs& args, int multiprocessors, cudaStream_t stream) {
  const std::size_t shared_bytes = sizeof(BinEntry) * static_cast<std::size_t>(args.bins) * static_cast<std::size_t>(args.copies);
  if (shared_bytes > 48 * 1024) {
    const cudaError_t error = cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, static_cast<int>(shared_bytes));
    if (error != cudaSuccess) return error;
  }
  const std::uint32_t wanted = (args.items + kFastThreads - 1) / kFastThreads;
  const std::uint32_t resident = static_cast<std::uint32_t>(multiprocessors) * kFastBlocksPerSm;
  kernel<<<wanted < resident ? wanted : resident, kFastThreads, shared_bytes, stream>>>(args);
  return cudaGetLastError();
}

inline cudaError_t launch_fast(const FastArgs& args, int multiprocessors, cudaStream_t stream) {
  const bool tapwise = args.arithmetic.order != QG_SEQLAST;
  if (args.shape.layout == QG_BLC) {
    return tapwise ? launch_fast_kernel(fast_blc_kernel<true>, args, multiprocessors, stream)
                   : launch_fast_kernel(fast_blc_kernel<false>, args, multiprocessors, stream);
  }
  if (args.aligned) {
    return tapwise ? launch_fast_kernel(fast_bcl_aligned_kernel<true>, args, multiprocessors, stream)
                   : launch_fast_kernel(fast_bcl_aligned_kernel<false>, args, multiprocessors, stream);
  }
  return tapwise ? launch_fast_kernel(fast_bcl_ragged_kernel<true>, args, multiprocessors, stream)
                 : launch_fast_kernel(fast_bcl_ragged_kernel<false>, args, multiprocessors, stream);
}

inline cudaError_t launch_decode(const DecodeArgs& args, cudaStream_t stream) {
  const unsigned blocks = static_cast<unsigned>((args.batch * args.channels + kDecodeThreads - 1) / kDecodeThreads);
  switch (args.arithmetic.taps) {
    case 2: decode_kernel<2><<<blocks, kDecodeThreads, 0, stream>>>(args); break;
    case 3: decode_kernel<3><<<blocks, kDecodeThreads, 0, stream>>>(args); break;
    case 4: decode_kernel<4><<<blocks, kDecodeThreads, 0, stream>>>(args); break;
    default: return cudaErrorInvalidValue;
  }
  return cudaGetLastError();
}

inline cudaError_t launch_pack(const PackArgs& args, cudaStream_t stream) {
  pack_kernel<<<static_cast<unsigned>((args.channels + 255) / 256), 256, 0, stream>>>(args);
  return cudaGetLastError();
}

}  // namespace QG_MATH_NS
}  // namespace qg
