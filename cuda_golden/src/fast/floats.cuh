// Floats in [B,L,C]: how the walk reads and writes the rows of a float model. A lane's four channels come as
// floats, go to the int8 grid in registers, through the unit, and back.
#pragma once

#include <cuda_bf16.h>
#include <cuda_fp16.h>

#include "fast/walk.cuh"

namespace qg {

// Four channels as they lie in memory.
template <typename T>
struct FourFloats;

template <>
struct FourFloats<float> {
  using Loaded = uint4;
  __device__ __forceinline__ static Loaded load(const void* p) { return load16(p); }
  __device__ __forceinline__ static float4 floats(const Loaded& v) {
    return make_float4(__uint_as_float(v.x), __uint_as_float(v.y), __uint_as_float(v.z),
                       __uint_as_float(v.w));
  }
  __device__ __forceinline__ static void store(void* p, const float4& v) { *static_cast<float4*>(p) = v; }
};

// Of 16 bits each: Two holds two of them.
template <typename Two>
struct FourHalves {
  using Loaded = uint2;
  __device__ __forceinline__ static Loaded load(const void* p) { return load8(p); }
  __device__ __forceinline__ static float4 floats(const Loaded& v) {
    const float2 low = two(v.x), high = two(v.y);
    return make_float4(low.x, low.y, high.x, high.y);
  }
  __device__ __forceinline__ static void store(void* p, const float4& v) {
    *static_cast<uint2*>(p) = make_uint2(bits(Two::of(v.x, v.y)), bits(Two::of(v.z, v.w)));
  }

 private:
  __device__ __forceinline__ static float2 two(std::uint32_t word) {
    typename Two::Type value;
    memcpy(&value, &word, sizeof value);
    return Two::floats(value);
  }
  __device__ __forceinline__ static std::uint32_t bits(const typename Two::Type& value) {
    std::uint32_t word;
    memcpy(&word, &value, sizeof word);
    return word;
  }
};
struct TwoHalf {
  using Type = __half2;
  __device__ __forceinline__ static float2 floats(const Type& v) { return __half22float2(v); }
  __device__ __forceinline__ static Type of(float a, float b) { return __floats2half2_rn(a, b); }
};
struct TwoBfloat {
  using Type = __nv_bfloat162;
  __device__ __forceinline__ static float2 floats(const Type& v) { return __bfloat1622float2(v); }
  __device__ __forceinline__ static Type of(float a, float b) { return __floats2bfloat162_rn(a, b); }
};
template <>
struct FourFloats<__half> : FourHalves<TwoHalf> {};
template <>
struct FourFloats<__nv_bfloat16> : FourHalves<TwoBfloat> {};

// Rows of a walk (walk.cuh) that are floats outside. What is written stays in the cache, for the model reads
// it next.
template <typename T>
class FloatRows {
  using Four = FourFloats<T>;

 public:
  using Loaded = typename Four::Loaded;
  static constexpr int kWords = sizeof(Loaded) / sizeof(std::uint32_t);

  template <class Place>
  __device__ __forceinline__ FloatRows(const FastArgs& args, const Place& place)
      : in_(static_cast<const char*>(args.floats.input) +
            static_cast<std::int64_t>(sizeof(T)) *
                (place.b * args.floats.batch_stride + place.time * args.floats.token_stride + place.c)),
        out_(static_cast<char*>(args.floats.output) + static_cast<std::int64_t>(sizeof(T)) * place.first),
        in_stride_(
            static_cast<std::int32_t>(args.floats.token_stride * static_cast<std::int64_t>(sizeof(T)))),
        out_stride_(static_cast<std::int32_t>(args.shape.channels * static_cast<std::int64_t>(sizeof(T)))) {}

  __device__ __forceinline__ Loaded load(int i) const { return Four::load(row_address(in_, i, in_stride_)); }

  __device__ __forceinline__ static std::uint32_t samples(const FastArgs& args, const Loaded& loaded) {
    const float4 v = Four::floats(loaded);
    const FloatGrid& grid = args.floats.grid;
    return __byte_perm(__byte_perm(on_grid(grid, v.x), on_grid(grid, v.y), 0x0040),
                       __byte_perm(on_grid(grid, v.z), on_grid(grid, v.w), 0x0040), 0x5410);
  }

  __device__ __forceinline__ void store(const FastArgs& args, int i, std::uint32_t outputs) const {
    const float scale = args.floats.output_scale;
    const auto off_grid = [&](int byte) {
      return __fmul_rn(static_cast<float>(static_cast<std::int8_t>(outputs >> (8 * byte))), scale);
    };
    Four::store(row_address(out_, i, out_stride_),
                make_float4(off_grid(0), off_grid(1), off_grid(2), off_grid(3)));
  }

  __device__ __forceinline__ void pass(int rows) {
    in_ = row_address(in_, rows, in_stride_);
    out_ = row_address(out_, rows, out_stride_);
  }

 private:
  // The int8 in byte 0. At 1.5 * 2^23 a sum is rounded to a whole number, half to even.
  __device__ __forceinline__ static std::uint32_t on_grid(const FloatGrid& grid, float x) {
    const float c = fminf(fmaxf(x, grid.low), grid.high);
    return __float_as_uint(__fadd_rn(__fmaf_rn(c, grid.inverse, __fmul_rn(c, grid.rest)), 12582912.0f));
  }

  const char* in_;
  char* out_;
  std::int32_t in_stride_, out_stride_;
};

// A unit of one group on floats of the arguments' type. Rows on their way are fewer than with int8, for they
// are wider.
template <class Unit, typename T>
cudaError_t launch_floats_of(const FastArgs& args, const DeviceLimits& device, cudaStream_t stream) {
  constexpr int kAhead = Unit::kRowsAhead / FloatRows<T>::kWords;
  return args.many_rows ? launch_blc<Unit, kAhead, 128, FloatRows<T>>(args, device, stream)
                        : launch_blc<Unit, kAhead, 512, FloatRows<T>>(args, device, stream);
}

// A unit of one group, on what the arguments say.
template <class Unit>
cudaError_t launch_one(const FastArgs& args, const DeviceLimits& device, cudaStream_t stream) {
  if (args.floats.input == nullptr) return launch_unit<Unit>(args, device, stream);
  switch (args.floats.type) {
    case QG_FLOAT16:
      return launch_floats_of<Unit, __half>(args, device, stream);
    case QG_BFLOAT16:
      return launch_floats_of<Unit, __nv_bfloat16>(args, device, stream);
    case QG_FLOAT32:
      return launch_floats_of<Unit, float>(args, device, stream);
    default:
      return cudaErrorInvalidValue;
  }
}

}  // namespace qg
