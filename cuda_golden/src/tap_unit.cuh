// The tap-wise orders (channellast, update) on the lattice unit. Their y is not a function of acc alone, but
// never far from the y of exact arithmetic: the lattice decides wherever no step of the output is that near,
// and the chain of fma with the exact tail elsewhere, a few times in ten thousand. The plan bounds the
// distance for each channel (LatticeChannel::doubt) and moves the channel's positions up by half of it, so
// that the doubtful ones are those whose distance above a step, the lower half of the sum, is below it. Where
// bins hold no step (two_step), the steps are the bins' edges, and that lower half is the distance above the
// edge.
#pragma once

#include "arithmetic.cuh"
#include "lattice.cuh"
#include "walk.cuh"

namespace qg {
namespace QG_MATH_NS {

// One output the long way. Samples and weights are the bytes of words, newest in byte 3.
__device__ __noinline__ std::uint32_t exact_byte(const Arithmetic& a, std::uint32_t weights, float bias,
                                                 std::uint32_t window) {
  const auto byte_of = [&](std::uint32_t word, int k) {
    return static_cast<float>(static_cast<std::int8_t>(word >> (8 * (kTapsMax - a.taps + k))));
  };
  const float y = a.order == QG_SEQLAST
                      ? conv_seqlast(a, __dp4a(static_cast<int>(window), static_cast<int>(weights), 0), bias)
                      : conv_tapwise(
                            a, rounds_first_product(a), bias, [&](int k) { return byte_of(weights, k); },
                            [&](int k) { return byte_of(window, k); });
  return static_cast<std::uint8_t>(static_cast<std::int8_t>(finish_int8(a, y)));
}

class TapUnit {
  using Lattice = LatticeUnit<true>;

 public:
  static constexpr int kRowsAhead = 7;
  static constexpr unsigned kOneRoundThreadsPerSm = 1024;
  static constexpr int kCopiesMin = Lattice::kCopiesMin;

  struct Channel {
    Lattice::Channel line;
    std::uint32_t doubt_and_bias;
    __device__ __forceinline__ std::uint32_t doubt() const { return doubt_and_bias & 0xFFFFu; }
    __device__ __forceinline__ float bias() const {
      return static_cast<float>(static_cast<std::int32_t>(doubt_and_bias) >> 16);
    }
  };

  static std::size_t shared_bytes(const FastArgs& args) { return Lattice::shared_bytes(args); }
  __device__ __forceinline__ static void fill(const FastArgs& args, uint4* shared) {
    Lattice::fill(args, shared);
  }
  __device__ __forceinline__ static Channel channel(const FastArgs& args, std::int64_t c) {
    return channel(__ldg(reinterpret_cast<const uint4*>(args.lattice + c)));
  }
  __device__ __forceinline__ static Channel channel(const uint4& of_memory) {  // a LatticeChannel
    return {Lattice::channel(of_memory), of_memory.w};
  }
  __device__ __forceinline__ static Channel shuffle(const Channel& channel, int lane) {
    return {Lattice::shuffle(channel.line, lane), __shfl_sync(0xFFFFFFFFu, channel.doubt_and_bias, lane)};
  }

  __device__ __forceinline__ TapUnit(const FastArgs& args, const uint4* shared)
      : lattice_(args, shared), arithmetic_(args.arithmetic) {}

  __device__ __forceinline__ std::uint32_t word(const Channel& channel, std::uint32_t previous,
                                                std::uint32_t word) const {
    const std::uint32_t windows[4] = {__byte_perm(previous, word, 0x4321),
                                      __byte_perm(previous, word, 0x5432),
                                      __byte_perm(previous, word, 0x6543), word};
    return four([&](int) -> const Channel& { return channel; }, channel.doubt(), windows);
  }
  __device__ __forceinline__ std::uint32_t newest(const Channel& channel, std::uint32_t window) const {
    const std::uint32_t sum = lattice_.window_sum(channel.line, window);
    if ((sum & 0xFFFFu) >= channel.doubt()) return Lattice::pack(sum, sum, sum, sum) & 0xFFu;
    return exact_byte(arithmetic_, channel.line.weights, channel.bias(), window);
  }

  class Columns : public ColumnWindows {
   public:
    __device__ __forceinline__ void load(const FastArgs& args, int c) {
      doubt_ = 0;
#pragma unroll
      for (int i = 0; i < 4; ++i) {
        channels_[i] = channel(load_plan(args.lattice + c + i));
        doubt_ = max(doubt_, channels_[i].doubt());
      }
    }
    __device__ __forceinline__ std::uint32_t row(const TapUnit& unit, std::uint32_t row) {
      pass(row);
      return unit.four([&](int i) -> const Channel& { return channels_[i]; }, doubt_, of);
    }

   private:
    Channel channels_[4];
    std::uint32_t doubt_;  // the largest of the four
  };

 private:
  template <typename ChannelAt>
  __device__ __forceinline__ std::uint32_t four(const ChannelAt& channel_at, std::uint32_t doubt,
                                                const std::uint32_t (&windows)[4]) const {
    std::uint32_t sums[4];
#pragma unroll
    for (int i = 0; i < 4; ++i) sums[i] = lattice_.window_sum(channel_at(i).line, windows[i]);
    std::uint32_t bytes = Lattice::pack(sums[0], sums[1], sums[2], sums[3]);
    // is any lower half below doubt? Doubt is at most 2^15: then the subtraction borrows into its bit 15.
    const std::uint32_t least =
        __vminu2(__byte_perm(sums[0], sums[1], 0x5410), __byte_perm(sums[2], sums[3], 0x5410));
    if ((least - doubt * 0x10001u) & ~least & 0x80008000u) {
#pragma unroll
      for (int i = 0; i < 4; ++i) {
        if ((sums[i] & 0xFFFFu) >= doubt) continue;
        const Channel& channel = channel_at(i);
        const std::uint32_t byte = exact_byte(arithmetic_, channel.line.weights, channel.bias(), windows[i]);
        bytes = (bytes & ~(0xFFu << (8 * i))) | byte << (8 * i);
      }
    }
    return bytes;
  }

  Lattice lattice_;
  const Arithmetic& arithmetic_;
};

inline cudaError_t launch_tapwise(const FastArgs& args, const DeviceLimits& device, cudaStream_t stream) {
  return launch_unit<TapUnit>(args, device, stream);
}

}  // namespace QG_MATH_NS
}  // namespace qg
