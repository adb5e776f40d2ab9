// decode: one token of every sequence, int8 -> int8, through the exact arithmetic.
#pragma once

#include "fast/walk.cuh"
#include "reference/arithmetic.cuh"

namespace qg {
namespace QG_MATH_NS {

constexpr unsigned kDecodeThreads = 128;

// Of the plan's memory; stays in front of await_stream().
__device__ __forceinline__ PackedChannel load_channel(const PackedChannel* p) {
  PackedChannel channel;
  asm volatile("ld.global.v2.b32 {%0, %1}, [%2];"
               : "=r"(channel.weights), "=f"(channel.bias)
               : "l"(p)
               : "memory");
  return channel;
}

// What a decode kernel is compiled for; the rest it reads from its arguments.
struct AnyVariant {
  __device__ __forceinline__ static Arithmetic of(const Arithmetic& a) { return a; }
};
template <int kDataflow, int kOrder, int kRounding>
struct OneVariant {
  __device__ __forceinline__ static Arithmetic of(Arithmetic a) {
    a.dataflow = kDataflow;
    a.order = kOrder;
    a.rounding = kRounding;
    return a;
  }
};

// A channel's scales in place of the layer's.
struct GroupScales {
  uint4 first;
  std::uint32_t last;

  // Of the plan's memory, in front of await_stream().
  __device__ __forceinline__ GroupScales(const DecodeArgs& args, std::uint32_t c)
      : first(load_plan(args.scales + c)),
        last(__ldg(reinterpret_cast<const std::uint32_t*>(args.scales + c) + 4)) {}
  __device__ __forceinline__ void put(Arithmetic& a) const {
    a.input_scale = __uint_as_float(first.x), a.weight_scale = __uint_as_float(first.y);
    a.bias_scale = __uint_as_float(first.z), a.conv_scale = __uint_as_float(first.w);
    a.output_scale = __uint_as_float(last);
  }
};
struct LayerScales {
  __device__ __forceinline__ LayerScales(const DecodeArgs&, std::uint32_t) {}
  __device__ __forceinline__ void put(Arithmetic&) const {}
};

// One channel a thread. (Four a thread take 1.4 times as long.) kStateWords: four taps and aligned states, a
// word a channel.
template <class Variant, int kTaps, bool kStateWords, class Scales = LayerScales>
__global__ void __launch_bounds__(kDecodeThreads) decode_kernel(const __grid_constant__ DecodeArgs args) {
  const std::uint32_t i = blockIdx.x * blockDim.x + threadIdx.x;
  if (i >= args.items) return;
  const std::uint32_t c = args.items == args.rows.divisor ? i : i - divide(i, args.rows) * args.rows.divisor;
  let_next_begin();
  const PackedChannel channel = load_channel(args.packed + c);
  const Scales scales(args, c);
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
  Arithmetic a = Variant::of(args.arithmetic);
  a.taps = kTaps;
  scales.put(a);
  const float y = conv_of_window(a, channel.weights, channel.bias, window);
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

using DecodeKernel = void (*)(DecodeArgs);

template <int kDataflow, int kOrder>
DecodeKernel decode_of_rounding(int rounding) {
  return rounding == QG_HALF_EVEN ? decode_kernel<OneVariant<kDataflow, kOrder, QG_HALF_EVEN>, 4, true>
                                  : decode_kernel<OneVariant<kDataflow, kOrder, QG_HALF_AWAY>, 4, true>;
}
template <int kDataflow>
DecodeKernel decode_of_order(int order, int rounding) {
  return order == QG_SEQLAST       ? decode_of_rounding<kDataflow, QG_SEQLAST>(rounding)
         : order == QG_CHANNELLAST ? decode_of_rounding<kDataflow, QG_CHANNELLAST>(rounding)
                                   : decode_of_rounding<kDataflow, QG_UPDATE>(rounding);
}

inline cudaError_t launch_decode(const DecodeArgs& args, cudaStream_t stream) {
  const Arithmetic& a = args.arithmetic;
  const auto misaligned = [](const void* p) { return reinterpret_cast<std::uintptr_t>(p) % 4 != 0; };
  const bool words = !misaligned(args.state_in) && !misaligned(args.state_out);
  DecodeKernel kernel = nullptr;
  if (args.scales != nullptr) {
    kernel = a.taps == 2   ? decode_kernel<AnyVariant, 2, false, GroupScales>
             : a.taps == 3 ? decode_kernel<AnyVariant, 3, false, GroupScales>
             : words       ? decode_kernel<AnyVariant, 4, true, GroupScales>
                           : decode_kernel<AnyVariant, 4, false, GroupScales>;
  } else if (a.taps == 2) {
    kernel = decode_kernel<AnyVariant, 2, false>;
  } else if (a.taps == 3) {
    kernel = decode_kernel<AnyVariant, 3, false>;
  } else if (!words) {
    kernel = decode_kernel<AnyVariant, 4, false>;
  } else {
    kernel = a.dataflow == QG_TWO_STEP ? decode_of_order<QG_TWO_STEP>(a.order, a.rounding)
                                       : decode_of_order<QG_FUSED>(a.order, a.rounding);
  }
  return launch_early(kernel, (args.items + kDecodeThreads - 1) / kDecodeThreads, kDecodeThreads, 0, stream,
                      args);
}

}  // namespace QG_MATH_NS
}  // namespace qg
