// The walk: how the fast kernels go through memory, whatever they compute. A tensor [B,C,L], where time is
// contiguous, is taken in chunks of 16 bytes, one a lane. A tensor [B,L,C], where channels are contiguous, is
// taken in columns: a lane has four channels and goes from token to token. A warp starts its first loads
// before anything else, and does little in all: blocks are then short, and what is being loaded at one time
// lies close together in memory (docs/golden.md has what that is worth).
//
// What is computed is a Unit: LatticeUnit (lattice.cuh) or TapUnit (tap_unit.cuh). It has
//
//   fill(args, shared, where)        called by all threads of a block, and __syncthreads(), before Unit(args,
//                                    shared, what fill returned) is made; `where` is what the block walks,
//                                    BlockBytes or BlockColumn
//   kGroups                          whether the channels' tables differ. Then a block needs those of the
//                                    channels that it walks, and in [B,L,C] it has a single column
//   Channel                          the constants of one channel: channel(args, c) reads them,
//   shuffle(channel,
//                                    lane) gets another lane's, unit.placed(channel) makes those that the
//                                    functions below take
//   word(channel, previous, word, doubts)
//                                    the outputs of the four samples in `word`, which follow each other in
//                                    time; `previous` holds the four samples before them
//   likely(channel, window, certain) one output; clears `certain` where it is in doubt
//   Columns                          the same for a lane's four channels: load(args, shared, column, lane)
//                                    reads constants, begin(...) sets the windows, pass(row) takes in a
//                                    token, row(unit, row) takes in a token and returns its four outputs
//   kDoubts                          whether outputs can be in doubt at all: too near a step for the table to
//                                    be trusted. Then there are also
//   Doubts                           which words of a lane hold an output in doubt, a bit each, the last word
//   in
//                                    bit 0
//   settled(channel, window)         one output, certain: evaluated in full where it is in doubt
//   Columns::in_doubt(), settle<Rows>(unit, args, place)
//                                    settles what is in doubt of the last 32 tokens at most
#pragma once

#include <cuda_runtime.h>

#include "host/kernel_args.hpp"

namespace qg {

constexpr unsigned kThreadsPerSm = kColumnThreadsPerSm;  // units have exceptions in [B,C,L]

// Of so many threads a multiprocessor, what the architecture being compiled holds: ptxas refuses a promise of
// more.
constexpr unsigned resident(unsigned threads_per_sm) {
#if !defined(__CUDA_ARCH__) || __CUDA_ARCH__ == 800 || __CUDA_ARCH__ / 100 == 9 || __CUDA_ARCH__ / 100 == 10
  constexpr unsigned kHeld = 2048;
#elif __CUDA_ARCH__ == 750
  constexpr unsigned kHeld = 1024;
#else
  constexpr unsigned kHeld = 1536;
#endif
  return threads_per_sm < kHeld ? threads_per_sm : kHeld;
}

__device__ __forceinline__ std::uint32_t divide(std::uint32_t n, const FastDivide& d) {
  return __umulhi(2 * n, d.magic) >> d.shift;
}

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

// What a block walks: bytes of [B,C,L], counted from the tensor's first (below 0: in front of it), or a
// column of [B,L,C].
struct BlockBytes {
  int first, last;
};
struct BlockColumn {
  int column;
};

// The table's filling and the block's first loads (`begin`), each where it costs least: a block of the first
// wave fills while it waits, a later one, for which what is in front has long ended, loads first. Returns
// what fill returned.
template <class Unit, class Where, typename Begin>
__device__ __forceinline__ typename Unit::Held fill_and_begin(const FastArgs& args, uint4* shared_memory,
                                                              const Where& where, const Begin& begin) {
  if (blockIdx.x < args.first_wave) {
    const typename Unit::Held held = Unit::fill(args, shared_memory, where);
    await_stream();
    begin();
    return held;
  }
  await_stream();
  begin();
  return Unit::fill(args, shared_memory, where);
}

// A load of the plan's memory that stays in front of await_stream(), where it costs no time.
__device__ __forceinline__ uint4 load_plan(const void* p) {
  uint4 v;
  asm volatile("ld.global.nc.v4.u32 {%0, %1, %2, %3}, [%4];"
               : "=r"(v.x), "=r"(v.y), "=r"(v.z), "=r"(v.w)
               : "l"(p));
  return v;
}

// Loads that stay behind await_stream(), for the caller's tensors. (Not __ldg, not ld.global.nc: the compiler
// takes what those read for constant and moves them in front of it.)
__device__ __forceinline__ uint4 load16(const void* p) {
  uint4 v;
  asm volatile("ld.global.v4.u32 {%0, %1, %2, %3}, [%4];"
               : "=r"(v.x), "=r"(v.y), "=r"(v.z), "=r"(v.w)
               : "l"(p)
               : "memory");
  return v;
}
__device__ __forceinline__ uint2 load8(const void* p) {
  uint2 v;
  asm volatile("ld.global.v2.u32 {%0, %1}, [%2];" : "=r"(v.x), "=r"(v.y) : "l"(p) : "memory");
  return v;
}
__device__ __forceinline__ std::uint32_t load4(const void* p) {
  std::uint32_t v;
  asm volatile("ld.global.u32 %0, [%1];" : "=r"(v) : "l"(p) : "memory");
  return v;
}

// The samples before a sequence as one word, the newest in byte 3. `row` counts B * C.
static __device__ __noinline__ std::uint32_t load_state_word(const std::int8_t* state, int taps,
                                                             std::int64_t row) {
  std::uint32_t word = 0;
#pragma unroll 1
  for (int k = 1; k < taps; ++k)
    word = word >> 8 | static_cast<std::uint32_t>(static_cast<std::uint8_t>(state[row * taps + k])) << 24;
  return word;
}
// Zeros without a state, or a row.
__device__ __forceinline__ std::uint32_t state_word(const FastArgs& args, std::int64_t row) {
  return args.state_in == nullptr || row >= args.rows
             ? 0u
             : load_state_word(args.state_in, args.arithmetic.taps, row);
}

// a * b + c in one instruction: the compiler fuses these two halves, but splits mad.wide into three.
__device__ __forceinline__ std::int64_t multiply_add(std::int32_t a, std::int32_t b, std::int64_t c) {
  std::uint32_t low;
  std::int32_t high;
  asm("mad.lo.cc.s32 %0, %2, %3, %4;\n\tmadc.hi.s32 %1, %2, %3, %5;"
      : "=&r"(low), "=r"(high)
      : "r"(a), "r"(b), "r"(static_cast<std::uint32_t>(c)), "r"(static_cast<std::int32_t>(c >> 32)));
  return static_cast<std::int64_t>(high) << 32 | low;
}

template <typename T>
__device__ __forceinline__ T* row_address(T* p, std::int32_t i, std::int32_t stride) {
  return reinterpret_cast<T*>(multiply_add(i, stride, reinterpret_cast<std::int64_t>(p)));
}

// ---- [B,C,L]

// 16 bytes of memory and the word before them.
struct Chunk {
  uint4 words;
  std::uint32_t previous;
};

// The chunks that touch the tensor's first or last bytes, byte by byte; zeros outside.
static __device__ __noinline__ Chunk load_edge_chunk(const std::int8_t* p, const std::int8_t* begin,
                                                     const std::int8_t* end) {
  std::uint32_t w[5];
#pragma unroll
  for (int word = 0; word < 5; ++word) {
    w[word] = 0;
#pragma unroll 1
    for (int i = 0; i < 4; ++i) {
      const std::int8_t* const at = p + (4 * word + i - 4);
      if (at >= begin && at < end)
        w[word] |= static_cast<std::uint32_t>(static_cast<std::uint8_t>(*at)) << (8 * i);
    }
  }
  return {make_uint4(w[1], w[2], w[3], w[4]), w[0]};
}

static __device__ __noinline__ void store_edge_chunk(std::int8_t* p, const std::int8_t* begin,
                                                     const std::int8_t* end, uint4 words) {
  const std::uint32_t w[4] = {words.x, words.y, words.z, words.w};
#pragma unroll
  for (int i = 0; i < 16; ++i)
    if (p + i >= begin && p + i < end) p[i] = static_cast<std::int8_t>(w[i / 4] >> (8 * (i % 4)));
}

// Bytes of a word that starts at `time` of a row and belong to the row.
__device__ __forceinline__ std::uint32_t row_mask(int time) {
  return time >= 0 ? 0xFFFFFFFFu : time <= -4 ? 0u : 0xFFFFFFFFu << (8 * -time);
}

// A word whose byte 0 is at time `first` of a row: what lies before the row is another row's, and the state
// takes its place.
__device__ __forceinline__ std::uint32_t enter_row(std::uint32_t word, int first, std::uint32_t state) {
  word &= row_mask(first);
  if (first < 0 && first > -8) word |= first <= -4 ? state << (8 * (-4 - first)) : state >> (8 * (first + 4));
  return word;
}

template <class Unit>
__device__ __forceinline__ uint4 compute_chunk(const Unit& unit, const typename Unit::Channel& channel,
                                               const Chunk& chunk, typename Unit::Doubts& doubts) {
  const typename Unit::Channel placed = unit.placed(channel);
  uint4 result;
  result.x = unit.word(placed, chunk.previous, chunk.words.x, doubts);
  result.y = unit.word(placed, chunk.words.x, chunk.words.y, doubts);
  result.z = unit.word(placed, chunk.words.y, chunk.words.z, doubts);
  result.w = unit.word(placed, chunk.words.z, chunk.words.w, doubts);
  return result;
}

// Where a chunk lies: `time` of its row at its first byte, below 0 at the beginning of a tensor that does not
// begin on 16 bytes; and the channel's constants.
template <class Unit>
struct ChunkPlace {
  std::uint32_t row;
  int time;
  typename Unit::Channel constants;

  // `first`: the chunk's first byte, counted from the tensor's
  __device__ __forceinline__ ChunkPlace(const FastArgs& args, int first) {
    row = divide(static_cast<std::uint32_t>(first < 0 ? 0 : first), args.length);
    // behind the last row the block holds no table
    if constexpr (Unit::kGroups) row = min(row, static_cast<std::uint32_t>(args.rows) - 1);
    time = first - static_cast<int>(row * args.length.divisor);
    constants = constants_of(args, row);
  }
  __device__ __forceinline__ static typename Unit::Channel constants_of(const FastArgs& args,
                                                                        std::uint32_t row) {
    return Unit::channel(args, row - divide(row, args.channels) * args.channels.divisor);
  }
};

// A lane's chunk may end a row and, from byte `split` on, begin the next. The lanes compute that end
// together, a byte each, and store the chunk. `to` is where the calling lane's chunk goes, `next` the next
// row's constants, `state` its past; `split`, `next`, `state`, `chunk`, `result` and `doubts` count in `lane`
// alone.
template <class Unit>
__device__ __forceinline__ void store_split(const Unit& unit, const Chunk& chunk, const uint4& result,
                                            const typename Unit::Channel& next, std::uint32_t state,
                                            int split, int lane, std::int8_t* to,
                                            typename Unit::Doubts& doubts) {
  const auto of_lane = [&](auto value) { return __shfl_sync(0xFFFFFFFFu, value, lane); };
  const std::uint32_t w[5] = {of_lane(chunk.previous), of_lane(chunk.words.x), of_lane(chunk.words.y),
                              of_lane(chunk.words.z), of_lane(chunk.words.w)};
  const std::uint32_t r[4] = {of_lane(result.x), of_lane(result.y), of_lane(result.z), of_lane(result.w)};
  split = of_lane(split);
  state = of_lane(state);
  const int self = static_cast<int>(threadIdx.x % 32);
  const int byte = self % 16;
  const bool upper = byte >= 8;
  const bool odd = byte % 8 >= 4;
  const std::uint32_t low = upper ? (odd ? w[3] : w[2]) : (odd ? w[1] : w[0]);
  const std::uint32_t high = upper ? (odd ? w[4] : w[3]) : (odd ? w[2] : w[1]);
  const std::uint32_t before = upper ? (odd ? r[3] : r[2]) : (odd ? r[1] : r[0]);
  const std::uint32_t shift = 8u * static_cast<unsigned>(byte % 4);
  const std::uint32_t window = enter_row(__funnelshift_rc(low, high, shift + 8), byte - 3 - split, state);
  bool certain = true;
  const std::uint32_t after = unit.likely(unit.placed(Unit::shuffle(next, lane)), window, certain);
  if constexpr (Unit::kDoubts) {
    const unsigned unsure = __ballot_sync(0xFFFFFFFFu, !certain && self < 16 && byte >= split);
    if (unsure != 0 && self == lane) {
#pragma unroll
      for (int word = 0; word < 4; ++word)
        if ((unsure >> (4 * word) & 0xFu) != 0) doubts.words |= 8u >> word;
    }
  }
  const std::uint32_t value = byte >= split ? after : before >> shift;
  if (self < 16) to[(lane - self) * 16 + byte] = static_cast<std::int8_t>(value);
}

// The words that a lane's kRounds chunks left in doubt, output by output, from memory. `first` is the lane's
// first byte.
template <class Unit, int kRounds>
__device__ __forceinline__ void settle_words(const Unit& unit, const FastArgs& args, int first,
                                             typename Unit::Doubts doubts) {
#pragma unroll 1
  for (; doubts.words != 0; doubts.words &= doubts.words - 1) {
    const int word = 4 * kRounds - __ffs(static_cast<int>(doubts.words));
#pragma unroll 1
    for (int i = 0; i < 4; ++i) {
      const int at = first + word / 4 * kRoundBytes + word % 4 * 4 + i;
      if (at < 0 || at >= static_cast<int>(args.elements)) continue;
      const ChunkPlace<Unit> place(args, at);
      std::uint32_t window = place.time < 3 ? state_word(args, place.row) : 0;
#pragma unroll 1
      for (int k = min(place.time, 3); k >= 0; --k)
        window = window >> 8 | static_cast<std::uint32_t>(static_cast<std::uint8_t>(args.input[at - k]))
                                   << 24;
      args.output[at] = static_cast<std::int8_t>(unit.settled(unit.placed(place.constants), window));
    }
  }
}

// A warp takes kRounds x 512 bytes of memory. kRagged: rows begin anywhere; none is shorter than a chunk.
template <class Unit, bool kRagged, int kRounds, unsigned kThreads, unsigned kPerSm>
__global__ void __launch_bounds__(kThreads, resident(kPerSm) / kThreads)
    fast_bcl_kernel(const __grid_constant__ FastArgs args) {
  extern __shared__ uint4 shared_memory[];
  const int lane = static_cast<int>(threadIdx.x % 32);
  const int item = static_cast<int>(blockIdx.x * (kThreads / 32) + threadIdx.x / 32);
  const int elements = static_cast<int>(args.elements);
  const int misalignment = kRagged ? static_cast<int>(reinterpret_cast<std::uintptr_t>(args.input) % 16) : 0;
  const int first = item * (kRounds * kRoundBytes) + lane * 16 - misalignment;
  const std::int8_t* const p = args.input + first;
  std::int8_t* const out = args.output + first;
  const auto whole = [&](int round) {  // inside the tensor
    return static_cast<unsigned>(first + round * kRoundBytes) <= static_cast<unsigned>(elements - 16);
  };
  uint4 words[kRounds];
  std::uint32_t last = 0;  // lane 0: the word before the round
  const auto begin = [&] {
#pragma unroll
    for (int i = 0; i < kRounds; ++i) {
      words[i] = make_uint4(0, 0, 0, 0);
      if (whole(i)) words[i] = load16(p + i * kRoundBytes);
    }
    if (lane == 0 && item != 0 && first < elements) last = load4(p - 4);
  };
  constexpr int kBlockBytes = kRounds * kRoundBytes * static_cast<int>(kThreads / 32);
  const int block_first = static_cast<int>(blockIdx.x) * kBlockBytes - misalignment;
  let_next_begin();
  const typename Unit::Held held = fill_and_begin<Unit>(
      args, shared_memory, BlockBytes{block_first, block_first + kBlockBytes - 1}, begin);
  ChunkPlace<Unit> place(args, first);
  __syncthreads();
  const Unit unit(args, shared_memory, held);
  typename Unit::Doubts doubts;
#pragma unroll
  for (int round = 0; round < kRounds; ++round) {
    const ChunkPlace<Unit> here = place;
    if (round + 1 < kRounds) place = ChunkPlace<Unit>(args, first + (round + 1) * kRoundBytes);
    Chunk chunk = {words[round], __shfl_up_sync(0xFFFFFFFFu, words[round].w, 1)};
    if (lane == 0) chunk.previous = last;
    if (round + 1 < kRounds) last = __shfl_sync(0xFFFFFFFFu, chunk.words.w, 31);
    std::int8_t* const to = out + round * kRoundBytes;
    if (!kRagged) {
      if (here.time == 0) chunk.previous = state_word(args, here.row);
      const uint4 result = compute_chunk(unit, here.constants, chunk, doubts);
      if (whole(round)) __stcs(reinterpret_cast<uint4*>(to), result);
      continue;
    }
    // neither the tensor's first chunks nor its last
    const bool inner = static_cast<unsigned>(first + round * kRoundBytes - 16) <
                       static_cast<unsigned>(elements < 32 ? 0 : elements - 31);
    if (!inner) {
      chunk = load_edge_chunk(p + round * kRoundBytes, args.input, args.input + elements);
      if (here.time < 0) {
        const std::uint32_t state = state_word(args, here.row);
        chunk.words.x = enter_row(chunk.words.x, here.time, state);
        chunk.words.y = enter_row(chunk.words.y, here.time + 4, state);
        chunk.words.z = enter_row(chunk.words.z, here.time + 8, state);
        chunk.words.w = enter_row(chunk.words.w, here.time + 12, state);
      }
    }
    if (here.time < 4) chunk.previous = enter_row(chunk.previous, here.time - 4, state_word(args, here.row));
    const int split = static_cast<int>(args.length.divisor) - here.time;
    const bool splits = split < 16 && here.row + 1 < args.rows;
    typename Unit::Channel next = here.constants;
    std::uint32_t state = 0;
    if (splits) {
      next = ChunkPlace<Unit>::constants_of(args, here.row + 1);
      state = state_word(args, here.row + 1);
    }
    const uint4 result = compute_chunk(unit, here.constants, chunk, doubts);
    const unsigned splitting = __ballot_sync(0xFFFFFFFFu, splits);
    if (inner && !splits) __stcs(reinterpret_cast<uint4*>(to), result);
    for (unsigned left = splitting; left != 0; left &= left - 1) {
      store_split(unit, chunk, result, next, state, split, __ffs(static_cast<int>(left)) - 1, to, doubts);
    }
    if (!inner && !splits) store_edge_chunk(to, args.output, args.output + elements, result);
  }
  if constexpr (Unit::kDoubts) {
    if (kRagged) __syncwarp();  // after what other lanes stored of a split chunk
    settle_words<Unit, kRounds>(unit, args, first, doubts);
  }
}

// The windows of four channels, newest sample in byte 3.
struct ColumnWindows {
  std::uint32_t of[4] = {0, 0, 0, 0};

  __device__ __forceinline__ void begin(std::uint32_t w0, std::uint32_t w1, std::uint32_t w2,
                                        std::uint32_t w3) {
    of[0] = w0, of[1] = w1, of[2] = w2, of[3] = w3;
  }
  // Each moved on by its byte of `row`.
  __device__ __forceinline__ void pass(std::uint32_t row) {
    of[0] = __byte_perm(of[0], row, 0x4321);
    of[1] = __byte_perm(of[1], row, 0x5321);
    of[2] = __byte_perm(of[2], row, 0x6321);
    of[3] = __byte_perm(of[3], row, 0x7321);
  }
  __device__ __forceinline__ uint4 four() const { return make_uint4(of[0], of[1], of[2], of[3]); }
};

// blockIdx.x, read anew: what follows from it is computed again and need not be kept.
__device__ __forceinline__ std::uint32_t block_again() {
  std::uint32_t block;
  asm volatile("mov.u32 %0, %%ctaid.x;" : "=r"(block));
  return block;
}

// A warp's item is time_block rows of one column of channels; this is a lane's part of it. Warps of a block
// have neighbouring columns or, with kGroups, all the block's one, and one time block after the other.
template <unsigned kThreads, bool kGroups>
struct ColumnPlace {
  int column, c;   // c: the first of four channels
  int time, rows;  // rows: 0 beyond the last item or channel
  std::uint32_t b;
  std::int64_t first;  // the tensor's byte at (b, time, c)

  __device__ __forceinline__ ColumnPlace(const FastArgs& args, std::uint32_t block, std::uint32_t pass) {
    constexpr std::uint32_t kWarps = kThreads / 32;
    const std::uint32_t over_columns =
        kGroups ? block : block * kWarps + threadIdx.x / 32;  // columns side by side
    const int channels = static_cast<int>(args.shape.channels);
    std::uint32_t outer = divide(over_columns, args.column_count);
    column = static_cast<int>(over_columns - outer * args.column_count.divisor);
    if (kGroups) outer = (outer * args.passes + pass) * kWarps + threadIdx.x / 32;
    const std::uint32_t item = kGroups ? outer : over_columns;
    c = column * kColumnGroup + 4 * static_cast<int>(threadIdx.x % 32);
    b = divide(outer, args.blocks);
    time = static_cast<int>(outer - b * args.blocks.divisor) * args.time_block;
    rows = item < args.items && c < channels
               ? min(static_cast<int>(args.shape.length) - time, args.time_block)
               : 0;
    first = (static_cast<std::int64_t>(b) * args.shape.length + time) * channels + c;
  }
  // The windows in front of time 0.
  __device__ __forceinline__ void begin_sequence(const FastArgs& args, ColumnWindows& windows) const {
    if (args.state_in == nullptr) return;
    const std::int64_t row = static_cast<std::int64_t>(b) * args.shape.channels + c;
    windows.begin(state_word(args, row), state_word(args, row + 1), state_word(args, row + 2),
                  state_word(args, row + 3));
  }
  // The windows of one of the rows, from memory.
  template <class Rows>
  __device__ __forceinline__ ColumnWindows windows_of(const FastArgs& args, const Rows& rows, int row) const {
    ColumnWindows windows;
    const bool begins = time == 0 && row < 3;
    if (begins) begin_sequence(args, windows);
#pragma unroll 1
    for (int i = begins ? 0 : row - 3; i <= row; ++i) windows.pass(Rows::samples(args, rows.load(i)));
    return windows;
  }
};

// How a lane reads its part of a row, and writes it: int8 here, floats in floats.cuh. `samples` makes of what
// was loaded the four channels' int8, a byte each; `pass` goes on by so many rows.
class Int8Rows {
 public:
  using Loaded = std::uint32_t;

  template <class Place>
  __device__ __forceinline__ Int8Rows(const FastArgs& args, const Place& place)
      : in_(args.input + place.first),
        out_(args.output + place.first),
        channels_(static_cast<int>(args.shape.channels)) {}

  __device__ __forceinline__ Loaded load(int i) const { return load4(row_address(in_, i, channels_)); }
  __device__ __forceinline__ static std::uint32_t samples(const FastArgs&, Loaded loaded) { return loaded; }
  __device__ __forceinline__ void store(const FastArgs&, int i, std::uint32_t outputs) const {
    __stcs(reinterpret_cast<std::uint32_t*>(row_address(out_, i, channels_)), outputs);
  }
  __device__ __forceinline__ void pass(int rows) {
    in_ = row_address(in_, rows, channels_);
    out_ = row_address(out_, rows, channels_);
  }

 private:
  const std::int8_t* in_;
  std::int8_t* out_;
  int channels_;
};

// kAhead rows are on their way.
template <class Unit, int kAhead, unsigned kThreads, unsigned kPerSm, class Rows>
__global__ void __launch_bounds__(kThreads, resident(kPerSm) / kThreads)
    fast_blc_kernel(const __grid_constant__ FastArgs args) {
  extern __shared__ uint4 shared_memory[];
  using Place = ColumnPlace<kThreads, Unit::kGroups>;
  Place place(args, blockIdx.x, 0);
  int left = place.rows;
  Rows rows(args, place);
  typename Rows::Loaded ahead[kAhead];
  typename Rows::Loaded before[3] = {};
  const auto begin = [&] {
    if (place.time != 0 && left != 0) {  // then there are three rows in front
#pragma unroll
      for (int i = 0; i < 3; ++i) before[i] = rows.load(i - 3);
    }
    if (left >= kAhead) {
#pragma unroll
      for (int i = 0; i < kAhead; ++i) ahead[i] = rows.load(i);
    } else {
#pragma unroll
      for (int i = 0; i < kAhead; ++i)
        if (i < left) ahead[i] = rows.load(i);
    }
  };
  typename Unit::Columns columns;
  let_next_begin();
  if (left != 0) columns.load(args, shared_memory, place.column, static_cast<int>(threadIdx.x % 32));
  const typename Unit::Held held =
      fill_and_begin<Unit>(args, shared_memory, BlockColumn{place.column}, begin);
  __syncthreads();
  if (left == 0) return;
  const Unit unit(args, shared_memory, held);
  const auto finish_row = [&](int i) {
    rows.store(args, i, columns.row(unit, Rows::samples(args, ahead[i])));
  };
  for (std::uint32_t pass = 0;;) {
    if (place.time != 0) {
#pragma unroll
      for (int i = 0; i < 3; ++i) columns.pass(Rows::samples(args, before[i]));
    } else {
      place.begin_sequence(args, columns);
    }
    for (; left >= kAhead; left -= kAhead) {
#pragma unroll
      for (int i = 0; i < kAhead; ++i) {
        finish_row(i);
        if (i + kAhead < left) ahead[i] = rows.load(i + kAhead);
      }
      rows.pass(kAhead);
    }
#pragma unroll
    for (int i = 0; i < kAhead; ++i)
      if (i < left) finish_row(i);
    if constexpr (Unit::kDoubts)
      if (columns.in_doubt()) columns.template settle<Rows>(unit, args, Place(args, block_again(), pass));
    if (!Unit::kGroups || ++pass == args.passes) break;
    place = Place(args, block_again(), pass);
    left = place.rows;
    if (left == 0) break;
    rows = Rows(args, place);
    // read anew rather than kept, which settling has no registers for
    if constexpr (Unit::kDoubts)
      columns.load(args, shared_memory, place.column, static_cast<int>(threadIdx.x % 32));
    columns.begin(0, 0, 0, 0);
    begin();
  }
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

// The hardware hands out blocks in order, so blocks are short: what is in flight stays close together in
// memory. (A grid that stays resident and strides through the tensor copies at 93% of the speed: its blocks
// drift apart.)
template <class Unit, typename Kernel>
cudaError_t launch_walk(Kernel kernel, const FastArgs& given, unsigned threads, unsigned blocks_per_sm,
                        const DeviceLimits& device, cudaStream_t stream) {
  FastArgs args = given;
  const std::size_t budget = device.shared_per_sm / blocks_per_sm - 1024;
  while (args.copies > Unit::kCopiesMin && Unit::shared_bytes(args) > budget) args.copies /= 2;
  const std::size_t shared_bytes = Unit::shared_bytes(args);
  if (shared_bytes > device.shared_per_block) return cudaErrorInvalidConfiguration;
  if (shared_bytes > 48 * 1024) {
    const cudaError_t error = cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize,
                                                   static_cast<int>(shared_bytes));
    if (error != cudaSuccess) return error;
  }
  args.first_wave = static_cast<unsigned>(device.multiprocessors) * blocks_per_sm;
  const std::uint32_t per_block = threads / 32 * args.passes;
  const std::uint32_t blocks = (args.items + per_block - 1) / per_block;
  const bool by_column = Unit::kGroups && args.shape.layout == QG_BLC;
  return launch_early(kernel, by_column ? blocks * args.column_count.divisor : blocks, threads, shared_bytes,
                      stream, args);
}

template <class Unit, bool kRagged, int kRounds, unsigned kPerSm>
cudaError_t launch_bcl(const FastArgs& args, const DeviceLimits& device, cudaStream_t stream) {
  constexpr unsigned kThreads = kRowThreads;
  return launch_walk<Unit>(fast_bcl_kernel<Unit, kRagged, kRounds, kThreads, kPerSm>, args, kThreads,
                           kPerSm / kThreads, device, stream);
}

template <class Unit, int kAhead, unsigned kThreads, class Rows = Int8Rows>
cudaError_t launch_blc(const FastArgs& args, const DeviceLimits& device, cudaStream_t stream) {
  return launch_walk<Unit>(fast_blc_kernel<Unit, kAhead, kThreads, kThreadsPerSm, Rows>, args, kThreads,
                           kThreadsPerSm / kThreads, device, stream);
}

// [B,C,L]
template <class Unit>
cudaError_t launch_rows(const FastArgs& args, const DeviceLimits& device, cudaStream_t stream) {
  if (args.rounds == 1) {
    constexpr unsigned kPerSm = Unit::kOneRoundThreadsPerSm;
    return args.aligned ? launch_bcl<Unit, false, 1, kPerSm>(args, device, stream)
                        : launch_bcl<Unit, true, 1, kPerSm>(args, device, stream);
  }
  return args.aligned
             ? launch_bcl<Unit, false, kAlignedRounds, kThreadsPerSm>(args, device, stream)
             : launch_bcl<Unit, true, kRaggedRounds, Unit::kRaggedThreadsPerSm>(args, device, stream);
}

// [B,L,C]
template <class Unit>
cudaError_t launch_columns(const FastArgs& args, const DeviceLimits& device, cudaStream_t stream) {
  if constexpr (Unit::kGroups) {
    return args.threads == 128   ? launch_blc<Unit, Unit::kRowsAhead, 128>(args, device, stream)
           : args.threads == 512 ? launch_blc<Unit, Unit::kRowsAhead, 512>(args, device, stream)
                                 : launch_blc<Unit, Unit::kRowsAhead, 1024>(args, device, stream);
  } else {
    return args.many_rows ? launch_blc<Unit, Unit::kRowsAhead, 128>(args, device, stream)
                          : launch_blc<Unit, 9, 512>(args, device, stream);
  }
}

template <class Unit>
cudaError_t launch_unit(const FastArgs& args, const DeviceLimits& device, cudaStream_t stream) {
  return args.shape.layout == QG_BLC ? launch_columns<Unit>(args, device, stream)
                                     : launch_rows<Unit>(args, device, stream);
}

}  // namespace qg
