// The tap-wise orders (channellast, update) on the lattice unit.
//
// Their y depends on the window, not on acc alone, but it is never far from s_wx * acc + s_b * b. The plan
// knows for each channel how far at most. Where no step of the output is that near, the table of the lattice
// is right whatever the order. Elsewhere, a few times in ten thousand, an output is in doubt, and the chain
// of fma with the exact tail decides.
//
// Doubt costs one comparison. Say a step may lie up to d units of the fraction before or behind its place in
// the table. The plan moves all positions of the channel up by d. The lower half of entry + fraction says how
// far above the step a position is (lattice_fit.hpp); with the move it is below 2 d exactly where the
// position lies within d of the step, on either side. LatticeChannel::doubt is 2 d.
//
// A word with an output in doubt is noted in a bit mask and settled when the lane is done, its samples read
// from memory again: settling on the way would keep registers from the loads.
#pragma once

#include "fast/floats.cuh"
#include "fast/groups.cuh"
#include "fast/lattice.cuh"
#include "fast/walk.cuh"
#include "reference/arithmetic.cuh"

namespace qg {
namespace QG_MATH_NS {

template <class Tables>
class TapUnit {
  using Lattice = LatticeUnit<true, kTapFractionBits, Tables>;

 public:
  static constexpr bool kGroups = Tables::kGroups;
  static constexpr int kRowsAhead = Tables::kEachChannel ? 6 : kGroups ? 12 : 15;
  static constexpr unsigned kOneRoundThreadsPerSm = 1024;
  static constexpr unsigned kRaggedThreadsPerSm = 1024;
  static constexpr int kCopiesMin = Lattice::kCopiesMin;

  struct Channel {
    typename Lattice::Channel line;
    std::uint32_t doubt;  // twice, in both halves
    float bias;
  };
  static constexpr bool kDoubts = true;
  // bit 0: the last word
  struct Doubts {
    std::uint32_t words = 0;
  };

  using Held = typename Lattice::Held;
  static std::size_t shared_bytes(const FastArgs& args) { return Lattice::shared_bytes(args); }
  template <class Where>
  __device__ __forceinline__ static Held fill(const FastArgs& args, uint4* shared, const Where& where) {
    return Lattice::fill(args, shared, where);
  }
  __device__ __forceinline__ static Channel channel(const FastArgs& args, std::int64_t c) {
    const uint4 of_memory = __ldg(reinterpret_cast<const uint4*>(Tables::lattice(args, c)));
    return {Lattice::channel(of_memory, Tables::own(args, c)), (of_memory.w & 0xFFFFu) * 0x10001u,
            static_cast<float>(static_cast<std::int32_t>(of_memory.w) >> 16)};
  }
  __device__ __forceinline__ static Channel shuffle(const Channel& channel, int lane) {
    return {Lattice::shuffle(channel.line, lane), __shfl_sync(0xFFFFFFFFu, channel.doubt, lane),
            __shfl_sync(0xFFFFFFFFu, channel.bias, lane)};
  }

  __device__ __forceinline__ TapUnit(const FastArgs& args, const uint4* shared, const Held& held)
      : lattice_(args, shared, held), args_(args) {}
  __device__ __forceinline__ Channel placed(const Channel& channel) const {
    return {lattice_.placed(channel.line), channel.doubt, channel.bias};
  }

  __device__ __forceinline__ std::uint32_t word(const Channel& channel, std::uint32_t previous,
                                                std::uint32_t word, Doubts& doubts) const {
    const FourSums sums = sums_of(OneLine{channel.line}, windows_of(previous, word));
    note(sums, channel.doubt, doubts);
    return sums.bytes();
  }
  __device__ __forceinline__ std::uint32_t likely(const Channel& channel, std::uint32_t window,
                                                  bool& certain) const {
    const std::uint32_t sum = lattice_.window_sum(channel.line, window);
    if ((sum & 0xFFFFu) < (channel.doubt & 0xFFFFu)) certain = false;
    return Lattice::byte(sum);
  }
  __device__ __forceinline__ std::uint32_t settled(const Channel& channel, std::uint32_t window) const {
    bool certain = true;
    const std::uint32_t byte = likely(channel, window, certain);
    return certain ? byte
                   : exact(Tables::arithmetic(args_, channel.line.own), channel.line.weights, channel.bias,
                           window);
  }

  class Columns : public ColumnWindows {
   public:
    __device__ __forceinline__ void load(const FastArgs& args, const uint4* shared, int column, int lane) {
      lines_.load(args, shared, column, lane);
      const uint4 of_memory = load_plan(Tables::columns(args, column).doubt_and_bias + 4 * lane);
      const std::uint32_t doubt = max(max(of_memory.x & 0xFFFFu, of_memory.y & 0xFFFFu),
                                      max(of_memory.z & 0xFFFFu, of_memory.w & 0xFFFFu));
      doubt_ = doubt * 0x10001u;
    }
    __device__ __forceinline__ std::uint32_t row(const TapUnit& unit, std::uint32_t row) {
      pass(row);
      const FourSums sums = unit.sums_of(lines_, four());
      note(sums, doubt_, doubts_);
      return sums.bytes();
    }
    __device__ __forceinline__ bool in_doubt() const { return doubts_.words != 0; }
    template <class Rows, class Place>
    __device__ __forceinline__ void settle(const TapUnit& unit, const FastArgs& args, const Place& place) {
      const LatticeColumns& columns = Tables::columns(args, place.column);
      const Rows rows(args, place);
      const auto exact = [&](int i, std::uint32_t window) {
        const int at = place.c % kColumnGroup + i;
        return unit.exact(Tables::arithmetic(args, place.column, at), columns.weights[at],
                          static_cast<float>(columns.doubt_and_bias[at].bias), window);
      };
#pragma unroll 1
      for (; doubts_.words != 0; doubts_.words &= doubts_.words - 1) {
        const int row = place.rows - __ffs(static_cast<int>(doubts_.words));
        rows.store(args, row,
                   unit.exact_where_doubted(lines_, doubt_, place.windows_of(args, rows, row).four(), exact));
      }
    }

   private:
    typename Lattice::Columns lines_;
    std::uint32_t doubt_;  // the largest of the four, in both halves
    Doubts doubts_;
  };

 private:
  struct OneLine {
    const typename Lattice::Channel& line;
    __device__ __forceinline__ const typename Lattice::Channel& at(int) const { return line; }
  };

  struct FourSums {
    std::uint32_t of[4];

    __device__ __forceinline__ std::uint32_t bytes() const {
      return Lattice::pack(of[0], of[1], of[2], of[3]);
    }
    __device__ __forceinline__ std::uint32_t lower_01() const { return __byte_perm(of[0], of[1], 0x5410); }
    __device__ __forceinline__ std::uint32_t lower_23() const { return __byte_perm(of[2], of[3], 0x5410); }
  };

  __device__ __forceinline__ static uint4 windows_of(std::uint32_t previous, std::uint32_t word) {
    return make_uint4(__byte_perm(previous, word, 0x4321), __byte_perm(previous, word, 0x5432),
                      __byte_perm(previous, word, 0x6543), word);
  }

  template <typename Lines>
  __device__ __forceinline__ FourSums sums_of(const Lines& lines, const uint4& windows) const {
    return {{lattice_.window_sum(lines.at(0), windows.x), lattice_.window_sum(lines.at(1), windows.y),
             lattice_.window_sum(lines.at(2), windows.z), lattice_.window_sum(lines.at(3), windows.w)}};
  }

  // Notes whether any of the four lower halves is below `doubt`, which holds the channel's doubt in both
  // halves. The least of two pairs is taken, and doubt subtracted from both halves at once. Doubt is at most
  // 2^15, so a half that is smaller ends with bit 15 set where it was clear before. (A borrow from the lower
  // half can make the upper half look smaller by one; that only doubts more.)
  __device__ __forceinline__ static void note(const FourSums& sums, std::uint32_t doubt, Doubts& doubts) {
    const std::uint32_t least = __vminu2(sums.lower_01(), sums.lower_23());
    const std::uint32_t borrowed = (least - doubt) & ~least;
    doubts.words = __funnelshift_l(borrowed << 16 | borrowed, doubts.words, 1);
  }

  // One output the long way.
  __device__ __forceinline__ static std::uint32_t exact(const Arithmetic& arithmetic, std::uint32_t weights,
                                                        float bias, std::uint32_t window) {
    const float y = conv_of_window(arithmetic, weights, bias, window);
    return static_cast<std::uint32_t>(finish_int8(arithmetic, y)) & 0xFFu;
  }

  // Four outputs, those in doubt by exact(i, window). Lanes that doubt different ones go through the loop
  // together.
  template <typename Lines, typename Exact>
  __device__ __forceinline__ std::uint32_t exact_where_doubted(const Lines& lines, std::uint32_t doubt,
                                                               const uint4& windows,
                                                               const Exact& exact) const {
    const FourSums sums = sums_of(lines, windows);
    std::uint32_t bytes = sums.bytes();
    // a bit each
    const std::uint32_t found = (__vcmpltu2(sums.lower_01(), doubt) & 0x00020001u) |
                                (__vcmpltu2(sums.lower_23(), doubt) & 0x00080004u);
#pragma unroll 1
    for (std::uint32_t left = (found | found >> 16) & 0xFu; left != 0; left &= left - 1) {
      const int i = __ffs(static_cast<int>(left)) - 1;
      const std::uint32_t window =
          i < 2 ? (i == 0 ? windows.x : windows.y) : (i == 2 ? windows.z : windows.w);
      bytes = (bytes & ~(0xFFu << (8 * i))) | exact(i, window) << (8 * i);
    }
    return bytes;
  }

  Lattice lattice_;
  const FastArgs& args_;
};

inline cudaError_t launch_tapwise(const FastArgs& args, const DeviceLimits& device, cudaStream_t stream) {
  return args.group_arithmetic != nullptr ? launch_groups<TapUnit>(args, device, stream)
                                          : launch_one<TapUnit<OneTable>>(args, device, stream);
}

}  // namespace QG_MATH_NS
}  // namespace qg
