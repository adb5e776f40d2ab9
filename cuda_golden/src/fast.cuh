// fast: int8 -> int8 at the speed of memory, equal to reference bit for bit.
//
// Convolution: seqlast sums four int8 products with one DP4A over byte windows cut from 32-bit words; the
// tap-wise orders run their fma chain. Both end in the very y that reference computes. Tail: y -> int8
// through the table of table.cuh in shared memory, copied so that the lanes of a half-warp read different
// banks; the few y that the table is unsure of go through finish_int8. L-contiguous tensors are walked in
// 16-byte chunks, channel-contiguous ones in tiles of 128 channels a warp. Both are read several steps ahead,
// into registers or (cp.async) shared memory, so that the memory need not wait for the arithmetic.
#pragma once

#include "table.cuh"

namespace qg {
namespace QG_MATH_NS {

// Measured best of 256 to 1024 threads: docs/golden.md.
constexpr int kFastThreads = 384;
constexpr int kFastBlocksPerSm = 2;
constexpr unsigned kWavesMax = 3;

__device__ __forceinline__ std::uint32_t divide(std::uint32_t n, const FastDivide& d) {
  return d.divisor == 1 ? n : __umulhi(n, d.magic) >> d.shift;
}

// The table in shared memory and the calling lane's copy of it.
class SharedTable {
 public:
  __device__ __forceinline__ SharedTable(const FastArgs& args, BinEntry* shared)
      : rule_(args.rule), stride_(8u * args.copies) {
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

// Byte 0: 0xFF where a is negative, byte 1 likewise for b. (prmt: 3 is byte 3 of a, 7 of b, 8 spreads the
// byte's sign.)
__device__ __forceinline__ std::uint32_t sign_bytes(float a, float b) {
  std::uint32_t r;
  asm("prmt.b32 %0, %1, %2, 0x00FB;" : "=r"(r) : "r"(__float_as_uint(a)), "r"(__float_as_uint(b)));
  return r;
}

// Four y -> four int8 in one word by the exact arithmetic.
__device__ __noinline__ std::uint32_t exact_tail4(const Arithmetic& a, float y0, float y1, float y2,
                                                  float y3) {
  const auto byte = [&](float y) {
    return static_cast<std::uint32_t>(static_cast<std::uint8_t>(finish_int8(a, y)));
  };
  return byte(y0) | byte(y1) << 8 | byte(y2) << 16 | byte(y3) << 24;
}

// The same through the table; kSure: no entry is ever unsure. The sign of y - threshold, spread over a byte,
// chooses between a word's bytes 0 and 1.
template <bool kSure>
__device__ __forceinline__ std::uint32_t tail4(const Arithmetic& a, const SharedTable& table, float y0,
                                               float y1, float y2, float y3) {
  const BinEntry e0 = table.look_up(y0);
  const BinEntry e1 = table.look_up(y1);
  const BinEntry e2 = table.look_up(y2);
  const BinEntry e3 = table.look_up(y3);
  const float d0 = __fsub_rn(y0, e0.threshold);
  const float d1 = __fsub_rn(y1, e1.threshold);
  const float d2 = __fsub_rn(y2, e2.threshold);
  const float d3 = __fsub_rn(y3, e3.threshold);
  if (!kSure && (bin_unsure(e0, d0) | bin_unsure(e1, d1) | bin_unsure(e2, d2) | bin_unsure(e3, d3))) {
    return exact_tail4(a, y0, y1, y2, y3);
  }
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

// ---- asynchronous copies into shared memory

__device__ __forceinline__ void copy_async16(std::uint32_t to, const void* from) {
  asm volatile("cp.async.cg.shared.global [%0], [%1], 16;" ::"r"(to), "l"(from) : "memory");
}
__device__ __forceinline__ void commit_copies() {
  asm volatile("cp.async.commit_group;" ::: "memory");
}
template <int kPending>
__device__ __forceinline__ void wait_copies() {
  asm volatile("cp.async.wait_group %0;" ::"n"(kPending) : "memory");
}

__device__ __forceinline__ std::uint32_t shared_address(const void* p) {
  return static_cast<std::uint32_t>(__cvta_generic_to_shared(p));
}

// One channel's weights, and the convolution over one word of samples. `previous` holds the four samples
// before `word`.
template <bool kTapwise>
class Channel;

template <>
class Channel<false> {
 public:
  Channel() = default;
  __device__ __forceinline__ Channel(const FastArgs& args, std::uint32_t c, float s_wx)
      : packed_(__ldg(reinterpret_cast<const uint2*>(args.packed + c))), s_wx_(s_wx) {}

  __device__ __forceinline__ void convolve(const FastArgs&, std::uint32_t previous, std::uint32_t word,
                                           float (&y)[4]) const {
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
  Channel() = default;
  __device__ __forceinline__ Channel(const FastArgs& args, std::uint32_t c, float)
      : w_(__ldg(reinterpret_cast<const float4*>(args.taps + c))), bias_(__ldg(bias_source(args, c))) {}

  __device__ __forceinline__ void convolve(const FastArgs& args, std::uint32_t previous, std::uint32_t word,
                                           float (&y)[4]) const {
    float x[8];
    samples(previous, x);
    samples(word, x + 4);
#pragma unroll
    for (int i = 0; i < 4; ++i) y[i] = chain(args.arithmetic, x[i + 1], x[i + 2], x[i + 3], x[i + 4]);
  }

 private:
  __device__ __forceinline__ static const float* bias_source(const FastArgs& args, std::uint32_t c) {
    return rounds_first_product(args.arithmetic) ? args.bias_value + c : &args.packed[c].bias_y;
  }

  __device__ __forceinline__ static void samples(std::uint32_t word, float* x) {
    const std::uint32_t biased = word ^ 0x80808080u;
#pragma unroll
    for (int i = 0; i < 4; ++i)
      x[i] = __fadd_rn(__uint_as_float(__byte_perm(biased, 0x4B000000u, 0x7440 + i)), -8388736.0f);
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

// The launches allow a kernel to begin before the one in front of it in the stream has ended. What the plan
// owns (weights, table) may be read before await_stream(); the caller's tensors only after it.
__device__ __forceinline__ void await_stream() {
#if __CUDA_ARCH__ >= 900
  asm volatile("griddepcontrol.wait;" ::: "memory");
#endif
}
__device__ __forceinline__ void let_next_begin() {
#if __CUDA_ARCH__ >= 900
  asm volatile("griddepcontrol.launch_dependents;" ::: "memory");
#endif
}

// Results are not read again soon.
__device__ __forceinline__ void store_stream(std::int8_t* p, const uint4& words) {
  __stcs(reinterpret_cast<uint4*>(p), words);
}

// ---- [B,C,L]

// One 16-byte chunk of a row: the words, and the word before them.
struct Chunk {
  uint4 words;
  std::uint32_t previous;
};

// The rare chunks, byte by byte: those that touch the tensor's first or last bytes, and those that begin with
// the state.
__device__ __noinline__ Chunk load_edge_chunk(const FastArgs& args, const std::int8_t* row,
                                              std::int64_t row_index, std::int64_t time) {
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

// Samples before the row belong to another one: they read as zero. `time` is below 4.
__device__ __forceinline__ void mask_before_row(Chunk& chunk, int time) {
  const auto keep = [](std::uint32_t word, int first_time) {
    return first_time >= 0 ? word : first_time <= -4 ? 0u : word & (0xFFFFFFFFu << (8 * -first_time));
  };
  chunk.previous = keep(chunk.previous, time - 4);
  chunk.words.x = keep(chunk.words.x, time);
  chunk.words.y = keep(chunk.words.y, time + 4);
  chunk.words.z = keep(chunk.words.z, time + 8);
  chunk.words.w = keep(chunk.words.w, time + 12);
}

// `time` is the row's time at the chunk's first byte; below 0 or beyond length where a row does not begin or
// end on 16 bytes.
__device__ __forceinline__ void store_ragged_chunk(std::int8_t* row, int time, int length,
                                                   const uint4& words) {
  std::int8_t* const p = row + time;
  if (time >= 0 && time + 16 <= length) {
    store_stream(p, words);
    return;
  }
  const std::uint32_t w[4] = {words.x, words.y, words.z, words.w};
#pragma unroll
  for (int i = 0; i < 4; ++i) {
    const int first = time + 4 * i;
    if (first >= 0 && first + 4 <= length) {
      reinterpret_cast<std::uint32_t*>(p)[i] = w[i];
    } else if (first > -4 && first < length) {
#pragma unroll
      for (int j = 0; j < 4; ++j) {
        if (first + j >= 0 && first + j < length) p[4 * i + j] = static_cast<std::int8_t>(w[i] >> (8 * j));
      }
    }
  }
}

template <bool kTapwise, bool kSure>
__device__ __forceinline__ uint4 compute_chunk(const FastArgs& args, const SharedTable& table,
                                               const Channel<kTapwise>& channel, const Chunk& chunk) {
  uint4 result;
  float y[4];
  channel.convolve(args, chunk.previous, chunk.words.x, y);
  result.x = tail4<kSure>(args.arithmetic, table, y[0], y[1], y[2], y[3]);
  channel.convolve(args, chunk.words.x, chunk.words.y, y);
  result.y = tail4<kSure>(args.arithmetic, table, y[0], y[1], y[2], y[3]);
  channel.convolve(args, chunk.words.y, chunk.words.z, y);
  result.z = tail4<kSure>(args.arithmetic, table, y[0], y[1], y[2], y[3]);
  channel.convolve(args, chunk.words.z, chunk.words.w, y);
  result.w = tail4<kSure>(args.arithmetic, table, y[0], y[1], y[2], y[3]);
  return result;
}

// Where a thread is among rows of `per_row` chunks, and the step to its next place: no division in the loop.
struct Walk {
  std::uint32_t item, row, chunk, channel;

  __device__ __forceinline__ explicit Walk(const FastArgs& args) {
    item = blockIdx.x * kFastThreads + threadIdx.x;
    row = divide(item, args.per_row);
    chunk = item - row * args.per_row.divisor;
    channel = row - divide(row, args.rows) * args.rows.divisor;
  }
  __device__ __forceinline__ void advance(const FastArgs& args) {
    item += args.step.items;
    chunk += args.step.chunks;
    row += args.step.rows;
    channel += args.step.channels;
    if (chunk >= args.per_row.divisor) {
      chunk -= args.per_row.divisor;
      ++row;
      ++channel;
    }
    if (channel >= args.rows.divisor) channel -= args.rows.divisor;
  }
};

// A chunk on its way, in registers, loaded some steps ahead. kRagged: rows begin anywhere; a row is walked in
// the 16-byte chunks of memory that it touches, the first and last ones shared with its neighbours.
template <bool kTapwise>
struct ChunkStage {
  uint4 words;
  Channel<kTapwise> channel;
  std::uint32_t previous;  // the word before, where the neighbouring lane's last word is not
  bool own;                // `previous` counts, and nothing is to be masked
  std::uint32_t row;
  int time;
};

template <bool kTapwise>
constexpr int kChunkStages = kTapwise ? 2 : 3;

template <bool kTapwise, bool kRagged, bool kSure>
__global__ void __launch_bounds__(kFastThreads, kFastBlocksPerSm)
    fast_bcl_kernel(const __grid_constant__ FastArgs args) {
  constexpr int kStages = kChunkStages<kTapwise>;
  extern __shared__ uint4 shared_memory[];
  BinEntry* const shared_table = reinterpret_cast<BinEntry*>(shared_memory);
  const bool first_lane = threadIdx.x % 32 == 0;
  const int length = static_cast<int>(args.shape.length);
  const std::int8_t* const end = args.input + args.shape.batch * args.shape.channels * args.shape.length;
  const float s_wx = scale_wx(args.arithmetic);

  Walk ahead(args);
  const auto load = [&](ChunkStage<kTapwise>& stage) {  // loads the place `ahead`, and moves it on
    if (ahead.item >= args.items) return;
    stage.channel = Channel<kTapwise>(args, ahead.channel, s_wx);
    if (!kRagged) {
      const std::int8_t* const p = args.input + static_cast<std::uint64_t>(ahead.item) * 16;
      stage.words = __ldg(reinterpret_cast<const uint4*>(p));
      stage.own = first_lane || ahead.chunk == 0;
      stage.previous = 0;
      if (ahead.chunk == 0) {
        if (args.state_in != nullptr) stage.previous = load_edge_chunk(args, p, ahead.row, 0).previous;
      } else if (first_lane) {
        stage.previous = __ldg(reinterpret_cast<const std::uint32_t*>(p - 4));
      }
    } else {
      const std::int8_t* const row = args.input + static_cast<std::int64_t>(ahead.row) * length;
      stage.row = ahead.row;
      stage.time = static_cast<int>(ahead.chunk * 16) -
                   static_cast<int>(static_cast<std::uint32_t>(reinterpret_cast<std::uintptr_t>(row)) & 15u);
      const std::int8_t* const p = row + stage.time;
      stage.own = false;
      if (stage.time >= length) {
        // this row touches one chunk fewer
      } else if (p - 4 < args.input || p + 16 > end || (stage.time < 4 && args.state_in != nullptr)) {
        const Chunk chunk = load_edge_chunk(args, row, ahead.row, stage.time);
        stage.words = chunk.words;
        stage.previous = chunk.previous;
        stage.own = true;
      } else {
        stage.words = __ldg(reinterpret_cast<const uint4*>(p));
        if (first_lane) stage.previous = __ldg(reinterpret_cast<const std::uint32_t*>(p - 4));
      }
    }
    ahead.advance(args);
  };

  std::uint32_t item = ahead.item;
  let_next_begin();
  SharedTable::fill(args, shared_table);
  await_stream();
  ChunkStage<kTapwise> ring[kStages]{};
#pragma unroll
  for (int i = 0; i < kStages - 1; ++i) load(ring[i]);
  __syncthreads();
  const SharedTable table(args, shared_table);
  const auto work = [&](const ChunkStage<kTapwise>& stage) {
    Chunk chunk = {stage.words, 0u};
    chunk.previous = __shfl_up_sync(0xFFFFFFFFu, chunk.words.w, 1);
    if (stage.own || (kRagged && first_lane)) chunk.previous = stage.previous;
    if (item >= args.items) return;
    if (!kRagged) {
      store_stream(args.output + static_cast<std::uint64_t>(item) * 16,
                   compute_chunk<kTapwise, kSure>(args, table, stage.channel, chunk));
    } else {
      if (stage.time >= length) return;
      if (stage.time < 4 && !stage.own) mask_before_row(chunk, stage.time);
      store_ragged_chunk(args.output + static_cast<std::int64_t>(stage.row) * length, stage.time, length,
                         compute_chunk<kTapwise, kSure>(args, table, stage.channel, chunk));
    }
  };
  // a warp goes on together, so that its lanes can ask each other
  std::uint32_t first_item = item - threadIdx.x % 32;
  while (first_item < args.items) {
#pragma unroll
    for (int now = 0; now < kStages; ++now) {  // unrolled, so that the stages stay in registers
      load(ring[(now + kStages - 1) % kStages]);
      __syncwarp();
      work(ring[now]);
      item += args.step.items;
      first_item += args.step.items;
      if (first_item >= args.items) break;
    }
  }
}

// ---- [B,L,C]; C is a multiple of 16 and the pointers are 16-byte aligned

constexpr int kTileRows = 8;  // times of a tile; it is 128 channels wide, four a lane
constexpr int kTileStages = 4;
constexpr int kTileChannels = 128;

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

struct Tile {
  std::uint32_t words[kTileRows][32];
};

// A warp's place: an item is time_block steps of one group of 128 channels, walked tile by tile. When
// copying, a lane moves 16 bytes of rows lane / 8, lane / 8 + 4, ...
struct TileWalk {
  std::uint32_t item;
  int left;             // rows of the item from this tile on
  std::int64_t offset;  // of the lane's first 16 bytes in the tile
  bool inside;          // they are channels that exist

  __device__ __forceinline__ void enter(const FastArgs& args, std::uint32_t lane) {
    std::uint32_t b, channel;
    std::int64_t time;
    split(args, item, b, time, channel);
    left = static_cast<int>(args.shape.length - time < args.time_block ? args.shape.length - time
                                                                       : args.time_block);
    offset = (static_cast<std::int64_t>(b) * args.shape.length + time + lane / 8) * args.shape.channels +
             channel + lane % 8 * 16;
    inside = channel + lane % 8 * 16 < args.shape.channels;
  }
  __device__ __forceinline__ static void split(const FastArgs& args, std::uint32_t item, std::uint32_t& b,
                                               std::int64_t& time, std::uint32_t& channel) {
    const std::uint32_t outer = divide(item, args.per_row);
    channel = (item - outer * args.per_row.divisor) * kTileChannels;
    b = divide(outer, args.rows);
    time = static_cast<std::int64_t>(outer - b * args.rows.divisor) * args.time_block;
  }
  // true when the next tile begins a new item
  __device__ __forceinline__ bool advance(const FastArgs& args, std::uint32_t step, std::uint32_t lane) {
    left -= kTileRows;
    offset += kTileRows * args.shape.channels;
    if (left > 0) return false;
    item += step;
    if (item < args.items) enter(args, lane);
    return true;
  }
};

template <bool kTapwise, bool kSure>
__global__ void __launch_bounds__(kFastThreads, kFastBlocksPerSm)
    fast_blc_kernel(const __grid_constant__ FastArgs args) {
  constexpr int kWarps = kFastThreads / 32;
  extern __shared__ uint4 shared_memory[];
  Tile(*const rings)[kTileStages] = reinterpret_cast<Tile(*)[kTileStages]>(shared_memory);
  BinEntry* const shared_table = reinterpret_cast<BinEntry*>(rings + kWarps);
  const std::uint32_t warp = threadIdx.x / 32;
  const std::uint32_t lane = threadIdx.x % 32;
  Tile* const ring = rings[warp];
  const std::uint32_t step = gridDim.x * kWarps;
  const std::int64_t stride = args.shape.channels;
  const int taps = args.arithmetic.taps;
  const int copy_row = static_cast<int>(lane / 8);

  TileWalk here{};
  here.item = blockIdx.x * kWarps + warp;
  if (here.item < args.items) here.enter(args, lane);
  TileWalk ahead = here;
  const auto load = [&](Tile& tile) {
    if (ahead.item < args.items) {
      if (ahead.inside) {
        const std::int8_t* const p = args.input + ahead.offset;
        const std::uint32_t to = shared_address(&tile) + 16 * lane;
#pragma unroll
        for (int i = 0; i < kTileRows; i += 4) {
          if (copy_row + i < ahead.left) copy_async16(to + i * 128, p + i * stride);
        }
      }
      ahead.advance(args, step, lane);
    }
    commit_copies();
  };
  let_next_begin();
  SharedTable::fill(args, shared_table);
  await_stream();
#pragma unroll
  for (int i = 0; i < kTileStages - 1; ++i) load(ring[i]);
  __syncthreads();
  const SharedTable table(args, shared_table);
  const float s_wx = scale_wx(args.arithmetic);
  int now = 0;
  while (here.item < args.items) {
    // a new item: its lane's four channels, and the four samples before its first
    std::uint32_t b, group;
    std::int64_t time;
    TileWalk::split(args, here.item, b, time, group);
    const std::uint32_t c = group + 4 * lane;
    const bool inside = c < stride;
    const std::uint32_t c_safe = inside ? c : 0;
    const Channel<kTapwise> channels[4] = {
        {args, c_safe, s_wx}, {args, c_safe + 1, s_wx}, {args, c_safe + 2, s_wx}, {args, c_safe + 3, s_wx}};
    std::uint32_t previous[4] = {0, 0, 0, 0};
    if (inside && time != 0) {
      const std::int8_t* const p =
          args.input + (static_cast<std::int64_t>(b) * args.shape.length + time) * stride + c;
#pragma unroll
      for (int i = 1; i < 4; ++i)
        previous[i] = __ldg(reinterpret_cast<const std::uint32_t*>(p + (i - 4) * stride));
      transpose4(previous);
    } else if (inside && args.state_in != nullptr) {
#pragma unroll
      for (int j = 0; j < 4; ++j) {
        const std::int8_t* const state =
            args.state_in + (static_cast<std::int64_t>(b) * stride + c + j) * taps;
        for (int k = 1; k < taps; ++k)
          previous[j] |= static_cast<std::uint32_t>(static_cast<std::uint8_t>(state[k]))
                         << (8 * (4 - taps + k));
      }
    }
    bool new_item = false;
    while (!new_item) {
      wait_copies<kTileStages - 2>();
      __syncwarp();  // every lane's copies are here, and every lane is done with the tile before
      load(ring[(now + kTileStages - 1) % kTileStages]);
      Tile& tile = ring[now];
      now = (now + 1) % kTileStages;
#pragma unroll
      for (int half = 0; half < kTileRows; half += 4) {
        std::uint32_t word[4];
#pragma unroll
        for (int i = 0; i < 4; ++i) word[i] = tile.words[half + i][lane];
        transpose4(word);
        float y[4][4];
#pragma unroll
        for (int j = 0; j < 4; ++j) {
          channels[j].convolve(args, previous[j], word[j], y[j]);
          previous[j] = word[j];
        }
#pragma unroll
        for (int i = 0; i < 4; ++i) {
          tile.words[half + i][lane] =
              tail4<kSure>(args.arithmetic, table, y[0][i], y[1][i], y[2][i], y[3][i]);
        }
      }
      __syncwarp();
      if (here.inside) {
        std::int8_t* const p = args.output + here.offset;
        const uint4* const from = reinterpret_cast<const uint4*>(&tile) + lane;
#pragma unroll
        for (int i = 0; i < kTileRows; i += 4) {
          if (copy_row + i < here.left) store_stream(p + i * stride, from[i * 8]);
        }
      }
      new_item = here.advance(args, step, lane);
    }
  }
  wait_copies<0>();
}

// ---- one token

constexpr int kDecodeThreads = 128;

// The weights come packed, so that a thread's loads are few and independent; four taps and an aligned state:
// one word of state.
template <int kTaps, bool kStateWords>
__global__ void __launch_bounds__(kDecodeThreads) decode_kernel(const __grid_constant__ DecodeArgs args) {
  const std::uint32_t i = blockIdx.x * kDecodeThreads + threadIdx.x;
  if (i >= args.items) return;
  const std::uint32_t c = args.items == args.rows.divisor ? i : i - divide(i, args.rows) * args.rows.divisor;
  let_next_begin();
  const uint2 packed = __ldg(reinterpret_cast<const uint2*>(args.packed + c));
  const float bias_value = __ldg(args.bias_value + c);
  await_stream();
  const std::uint32_t newest = static_cast<std::uint8_t>(args.input[i]);
  std::uint32_t window = 0;  // oldest of four in byte 0, as the packed weights
  if (args.state_in != nullptr) {
    if (kStateWords) {
      window = reinterpret_cast<const std::uint32_t*>(args.state_in)[i] >> 8;
    } else {
#pragma unroll
      for (int k = 1; k < kTaps; ++k) {
        window |= static_cast<std::uint32_t>(
                      static_cast<std::uint8_t>(args.state_in[static_cast<std::uint64_t>(i) * kTaps + k]))
                  << (8 * (3 - kTaps + k));
      }
    }
  }
  window |= newest << 24;
  Arithmetic a = args.arithmetic;
  a.taps = kTaps;  // so that the loop over taps unrolls
  float y;
  if (a.order == QG_SEQLAST) {
    const int acc = __dp4a(static_cast<int>(window), static_cast<int>(packed.x), 0);
    y = __fmaf_rn(scale_wx(a), static_cast<float>(acc), __uint_as_float(packed.y));
  } else {
    const auto byte_of = [](std::uint32_t word, int k) {
      return static_cast<float>(static_cast<std::int8_t>(word >> (8 * (4 - kTaps + k))));
    };
    y = conv_tapwise(
        a, rounds_first_product(a), bias_value, [&](int k) { return byte_of(packed.x, k); },
        [&](int k) { return byte_of(window, k); });
  }
  if (args.state_out != nullptr) {
    if (kStateWords) {
      reinterpret_cast<std::uint32_t*>(args.state_out)[i] = window;
    } else {
#pragma unroll
      for (int k = 0; k < kTaps; ++k) {
        args.state_out[static_cast<std::uint64_t>(i) * kTaps + k] =
            static_cast<std::int8_t>(window >> (8 * (4 - kTaps + k)));
      }
    }
  }
  if (args.output != nullptr) args.output[i] = static_cast<std::int8_t>(finish_int8(a, y));
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

// A launch that may begin early; see await_stream().
template <typename Args>
cudaError_t launch_early(void (*kernel)(Args), unsigned blocks, unsigned threads, std::size_t shared_bytes,
                         cudaStream_t stream, const Args& args) {
  cudaLaunchAttribute early{};
  early.id = cudaLaunchAttributeProgrammaticStreamSerialization;
  early.val.programmaticStreamSerializationAllowed = 1;
  cudaLaunchConfig_t config{};
  config.gridDim = dim3(blocks);
  config.blockDim = dim3(threads);
  config.dynamicSmemBytes = shared_bytes;
  config.stream = stream;
  config.attrs = &early;
  config.numAttrs = 1;
  return cudaLaunchKernelEx(&config, kernel, args);
}

// `ring_bytes` of shared memory besides the table; copies of the table are given up until the blocks fit on
// an SM.
template <typename Kernel>
cudaError_t launch_fast_kernel(Kernel kernel, const FastArgs& given, std::size_t ring_bytes,
                               std::uint32_t items_per_block, const DeviceLimits& device,
                               cudaStream_t stream) {
  FastArgs args = given;
  const std::size_t budget = device.shared_per_sm / kFastBlocksPerSm - 1024;
  const auto shared_bytes = [&] {
    return ring_bytes +
           sizeof(BinEntry) * static_cast<std::size_t>(args.bins) * static_cast<std::size_t>(args.copies);
  };
  while (args.copies > 1 && shared_bytes() > budget) args.copies /= 2;
  if (shared_bytes() > device.shared_per_block) return cudaErrorInvalidConfiguration;
  if (shared_bytes() > 48 * 1024) {
    const cudaError_t error = cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize,
                                                   static_cast<int>(shared_bytes()));
    if (error != cudaSuccess) return error;
  }
  const std::uint32_t wanted = (args.items + items_per_block - 1) / items_per_block;
  const std::uint32_t resident = static_cast<std::uint32_t>(device.multiprocessors) * kFastBlocksPerSm;
  // several waves, so that a block that ends early makes room; each thread still has enough to do to pay for
  // the table
  const std::uint32_t affordable = wanted / resident / 12;
  const std::uint32_t waves = affordable < 1 ? 1 : affordable > kWavesMax ? kWavesMax : affordable;
  const std::uint32_t blocks = wanted < resident ? wanted : resident * waves;
  args.step.items = blocks * items_per_block;
  args.step.rows = args.step.items / args.per_row.divisor;
  args.step.chunks = args.step.items % args.per_row.divisor;
  args.step.channels = args.step.rows % args.rows.divisor;
  return launch_early(kernel, blocks, kFastThreads, shared_bytes(), stream, args);
}

template <bool kTapwise, bool kRagged, bool kSure>
cudaError_t launch_fast_bcl(const FastArgs& args, const DeviceLimits& device, cudaStream_t stream) {
  return launch_fast_kernel(fast_bcl_kernel<kTapwise, kRagged, kSure>, args, 0, kFastThreads, device, stream);
}

template <bool kTapwise, bool kSure>
cudaError_t launch_fast_layout(const FastArgs& args, const DeviceLimits& device, cudaStream_t stream) {
  if (args.shape.layout == QG_BLC) {
    return launch_fast_kernel(fast_blc_kernel<kTapwise, kSure>, args,
                              sizeof(Tile) * kTileStages * (kFastThreads / 32), kFastThreads / 32, device,
                              stream);
  }
  return args.aligned ? launch_fast_bcl<kTapwise, false, kSure>(args, device, stream)
                      : launch_fast_bcl<kTapwise, true, kSure>(args, device, stream);
}

inline cudaError_t launch_fast(const FastArgs& args, const DeviceLimits& device, cudaStream_t stream) {
  if (args.arithmetic.order == QG_SEQLAST) {
    return args.sure ? launch_fast_layout<false, true>(args, device, stream)
                     : launch_fast_layout<false, false>(args, device, stream);
  }
  return args.sure ? launch_fast_layout<true, true>(args, device, stream)
                   : launch_fast_layout<true, false>(args, device, stream);
}

inline cudaError_t launch_decode(const DecodeArgs& args, cudaStream_t stream) {
  const unsigned blocks = (args.items + kDecodeThreads - 1) / kDecodeThreads;
  const auto misaligned = [](const void* p) { return reinterpret_cast<std::uintptr_t>(p) % 4 != 0; };
  switch (args.arithmetic.taps) {
    case 2:
      return launch_early(decode_kernel<2, false>, blocks, kDecodeThreads, 0, stream, args);
    case 3:
      return launch_early(decode_kernel<3, false>, blocks, kDecodeThreads, 0, stream, args);
    case 4: {
      const bool words = !misaligned(args.state_in) && !misaligned(args.state_out);
      return launch_early(words ? decode_kernel<4, true> : decode_kernel<4, false>, blocks, kDecodeThreads, 0,
                          stream, args);
    }
    default:
      return cudaErrorInvalidValue;
  }
}

inline cudaError_t launch_pack(const PackArgs& args, cudaStream_t stream) {
  pack_kernel<<<static_cast<unsigned>((args.channels + 255) / 256), 256, 0, stream>>>(args);
  return cudaGetLastError();
}

}  // namespace QG_MATH_NS
}  // namespace qg
