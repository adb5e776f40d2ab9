// The lattice unit: from acc to int8 with one multiply-add, one load and one addition. docs/golden.md works
// through an example with numbers ("One output with numbers").
//
// position = slope * acc + offset says where on the line of y an accumulator lies, counted in bins of a
// table, with 32 bits behind the point. The whole part chooses the table's entry; before the first bin and
// behind the last one the nearest is taken. Without kStepped (two_step in seqlast, where a bin is a q and its
// output is the same everywhere in it) byte 2 of the entry is the output. With kStepped the output may change
// once inside a bin, by one. An entry is then
//
//   bits 31..24  0xFF where the output falls at the step, else 0
//   bits 23..16  the output before the step, as value ^ 0x80; all bits inverted where the output falls
//   bits 15..0   2^16 - the place of the step in the bin, in units of 2^-kFractionBits bins. Without a step:
//   0,
//                or what lattice_fit.hpp says for the tap-wise orders
//
// The position's fraction is added to the entry. From the step on the lower half overflows and carries one
// into the output: the carry is the comparison. (A falling output is stored inverted, so that one more is one
// less.)
//
// Slope and table are the whole layer's (OneTable, below) or, where its channels carry different scales,
// those of a channel's group (GroupTables, in groups.cuh).
#pragma once

#include "fast/walk.cuh"
#include "host/kernel_args.hpp"

namespace qg {

// One slope and one table for all channels. The table lies in shared memory several times, entry by entry
// side by side, and lanes with different numbers read different copies, so that fewer of them wait for the
// same bank.
class OneTable {
 public:
  static constexpr bool kGroups = false;
  static constexpr bool kEachChannel = false;  // whether a lane has more than one
  static constexpr int kCopiesMin = 4;
  struct Held {};
  struct Own {};  // what a channel's constants hold of it: nothing

  static std::size_t shared_bytes(const FastArgs& args) {
    return sizeof(std::uint32_t) * static_cast<std::size_t>(args.bins) *
           static_cast<std::size_t>(args.copies);
  }
  __device__ __forceinline__ static void fill(const std::uint32_t* entries, int bins, int copies,
                                              uint4* shared) {
    const int shift = __ffs(copies) - 3;  // four copies at a time
    for (int i = static_cast<int>(threadIdx.x); i < bins << shift; i += static_cast<int>(blockDim.x)) {
      const std::uint32_t e = __ldg(entries + (i >> shift));
      shared[i] = make_uint4(e, e, e, e);
    }
  }
  template <class Where>
  __device__ __forceinline__ static Held fill(const FastArgs& args, uint4* shared, const Where&) {
    fill(args.entries, args.bins, args.copies, shared);
    return {};
  }

  __device__ __forceinline__ OneTable(std::int32_t slope, int bins, int copies, const uint4* shared)
      : slope_(slope),
        last_(bins - 1),
        stride_(4u * static_cast<unsigned>(copies)),
        base_(static_cast<std::uint32_t>(__cvta_generic_to_shared(shared)) +
              4u * (threadIdx.x & static_cast<unsigned>(copies - 1))) {}
  __device__ __forceinline__ OneTable(const FastArgs& args, const uint4* shared, Held)
      : OneTable(args.slope, args.bins, args.copies, shared) {}

  __device__ __forceinline__ std::int32_t slope(Own) const { return slope_; }
  __device__ __forceinline__ std::int32_t last(Own) const { return last_; }
  __device__ __forceinline__ std::uint32_t address(Own, std::uint32_t bin) const {
    return bin * stride_ + base_;
  }
  __device__ __forceinline__ Own placed(Own) const { return {}; }
  __device__ __forceinline__ static Own shuffle(Own, int) { return {}; }

  // Where kernels read channels, and the scales of one, in the column's place `at`.
  __device__ __forceinline__ static const LatticeChannel* lattice(const FastArgs& args, std::int64_t c) {
    return args.lattice + c;
  }
  __device__ __forceinline__ static Own own(const FastArgs&, std::int64_t) { return {}; }
  __device__ __forceinline__ static const Arithmetic& arithmetic(const FastArgs& args, Own) {
    return args.arithmetic;
  }
  __device__ __forceinline__ static const LatticeColumns& columns(const FastArgs& args, int column) {
    return args.columns[column];
  }
  __device__ __forceinline__ static void owns(const FastArgs&, const uint4*, int, int, Own (&)[4]) {}
  __device__ __forceinline__ static const Arithmetic& arithmetic(const FastArgs& args, int, int) {
    return args.arithmetic;
  }

 private:
  std::int32_t slope_;
  std::int32_t last_;
  std::uint32_t stride_;
  std::uint32_t base_;
};

template <bool kStepped, int kFractionBits = 16, class Tables = OneTable>
class LatticeUnit {
 public:
  static constexpr bool kGroups = Tables::kGroups;
  static constexpr int kRowsAhead = Tables::kEachChannel ? 8 : 16;
  static constexpr unsigned kOneRoundThreadsPerSm = 2048;
  static constexpr unsigned kRaggedThreadsPerSm = 1152;
  static constexpr int kCopiesMin = Tables::kCopiesMin;

  using Held = typename Tables::Held;
  static std::size_t shared_bytes(const FastArgs& args) { return Tables::shared_bytes(args); }
  template <class Where>
  __device__ __forceinline__ static Held fill(const FastArgs& args, uint4* shared, const Where& where) {
    return Tables::fill(args, shared, where);
  }

  __device__ __forceinline__ explicit LatticeUnit(const Tables& tables) : tables_(tables) {}
  __device__ __forceinline__ LatticeUnit(const FastArgs& args, const uint4* shared, const Held& held)
      : tables_(args, shared, held) {}

  struct Channel {
    std::int64_t offset;
    std::uint32_t weights;
    typename Tables::Own own;
  };
  __device__ __forceinline__ static Channel channel(const uint4& of_memory,  // a LatticeChannel
                                                    const typename Tables::Own& own) {
    return {static_cast<std::int64_t>(static_cast<std::uint64_t>(of_memory.y) << 32 | of_memory.x),
            of_memory.z, own};
  }
  __device__ __forceinline__ static Channel channel(const FastArgs& args, std::int64_t c) {
    return channel(__ldg(reinterpret_cast<const uint4*>(Tables::lattice(args, c))), Tables::own(args, c));
  }
  __device__ __forceinline__ Channel placed(const Channel& channel) const {
    return {channel.offset, channel.weights, tables_.placed(channel.own)};
  }

  // acc -> an entry plus the fraction; pack() makes bytes of four.
  __device__ __forceinline__ std::uint32_t sum(const typename Tables::Own& own, std::int64_t offset,
                                               int acc) const {
    const std::int64_t position = multiply_add(acc, tables_.slope(own), offset);
    const int bin = static_cast<int>(position >> 32);
    const std::uint32_t address =
        tables_.address(own, static_cast<std::uint32_t>(__vimin_s32_relu(bin, tables_.last(own))));
    std::uint32_t entry;
    asm volatile("ld.shared.u32 %0, [%1];" : "=r"(entry) : "r"(address));
    return kStepped ? entry + (static_cast<std::uint32_t>(position) >> (32 - kFractionBits)) : entry;
  }
  __device__ __forceinline__ static std::uint32_t pack(std::uint32_t s0, std::uint32_t s1, std::uint32_t s2,
                                                       std::uint32_t s3) {
    if (!kStepped) {
      return __byte_perm(__byte_perm(s0, s1, 0x0062), __byte_perm(s2, s3, 0x0062), 0x5410);
    }
    const std::uint32_t a = __byte_perm(s0, s1, 0x7362);  // value 0, value 1, down 0, down 1
    const std::uint32_t b = __byte_perm(s2, s3, 0x7362);
    return __byte_perm(a, b, 0x5410) ^ __byte_perm(a, b, 0x7632) ^ 0x80808080u;
  }

  static constexpr bool kDoubts = false;
  struct Doubts {};

  __device__ __forceinline__ std::uint32_t word(const Channel& channel, std::uint32_t previous,
                                                std::uint32_t word, Doubts&) const {
    return pack(window_sum(channel, __byte_perm(previous, word, 0x4321)),
                window_sum(channel, __byte_perm(previous, word, 0x5432)),
                window_sum(channel, __byte_perm(previous, word, 0x6543)), window_sum(channel, word));
  }

  __device__ __forceinline__ static Channel shuffle(const Channel& channel, int lane) {
    return {__shfl_sync(0xFFFFFFFFu, channel.offset, lane), __shfl_sync(0xFFFFFFFFu, channel.weights, lane),
            Tables::shuffle(channel.own, lane)};
  }
  __device__ __forceinline__ static std::uint32_t byte(std::uint32_t sum) {
    return ((kStepped ? sum >> 24 ^ sum >> 16 ^ 0x80u : sum >> 16)) & 0xFFu;
  }
  __device__ __forceinline__ std::uint32_t likely(const Channel& channel, std::uint32_t window, bool&) const {
    return byte(window_sum(channel, window));
  }

  __device__ __forceinline__ std::uint32_t window_sum(const Channel& channel, std::uint32_t window) const {
    return sum(channel.own, channel.offset,
               __dp4a(static_cast<int>(window), static_cast<int>(channel.weights), 0));
  }

  class Columns : public ColumnWindows {
   public:
    __device__ __forceinline__ void load(const FastArgs& args, const uint4* shared, int column, int lane) {
      const LatticeColumns& columns = Tables::columns(args, column);
      typename Tables::Own own[4];
      Tables::owns(args, shared, column, lane, own);
      const uint4 weights = load_plan(columns.weights + 4 * lane);
      const uint4 offsets_01 = load_plan(columns.offset[0][lane]);
      const uint4 offsets_23 = load_plan(columns.offset[1][lane]);
      channels_[0] = channel(make_uint4(offsets_01.x, offsets_01.y, weights.x, 0), own[0]);
      channels_[1] = channel(make_uint4(offsets_01.z, offsets_01.w, weights.y, 0), own[1]);
      channels_[2] = channel(make_uint4(offsets_23.x, offsets_23.y, weights.z, 0), own[2]);
      channels_[3] = channel(make_uint4(offsets_23.z, offsets_23.w, weights.w, 0), own[3]);
    }
    __device__ __forceinline__ const Channel& at(int i) const { return channels_[i]; }
    __device__ __forceinline__ std::uint32_t row(const LatticeUnit& unit, std::uint32_t row) {
      pass(row);
      return pack(unit.window_sum(channels_[0], of[0]), unit.window_sum(channels_[1], of[1]),
                  unit.window_sum(channels_[2], of[2]), unit.window_sum(channels_[3], of[3]));
    }

   private:
    Channel channels_[4];
  };

 private:
  Tables tables_;
};

}  // namespace qg
