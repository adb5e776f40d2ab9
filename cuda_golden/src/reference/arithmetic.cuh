// The fp32 arithmetic of the golden, one operation per rounding. Included once per math mode: QG_MATH_NS
// names the namespace, the compile flags of the translation unit (CMakeLists.txt) decide what division, expf
// and denormals mean:
//   precise  -fmad=false -prec-div=true -prec-sqrt=true -ftz=false
//   fast     --use_fast_math
// Every fused multiply-add is written out, so contraction by the compiler changes nothing in either.
#pragma once

#include <cuda_runtime.h>

#include "host/kernel_args.hpp"

#ifndef QG_MATH_NS
#error "define QG_MATH_NS before including arithmetic.cuh"
#endif

namespace qg {
namespace QG_MATH_NS {

struct Stages {
  float y, q, u, silu, out, ssm;
};

// fl(s_w * s_x)
__device__ __forceinline__ float scale_wx(const Arithmetic& a) {
  return __fmul_rn(a.weight_scale, a.input_scale);
}

// seqlast: the integer sum is exact, then one fma.
__device__ __forceinline__ float conv_seqlast(const Arithmetic& a, int acc, float bias) {
  return __fmaf_rn(scale_wx(a), static_cast<float>(acc), __fmul_rn(a.bias_scale, bias));
}

// channellast and update: tap by tap, oldest first, the scale folded into the weight, starting at fl(s_b *
// b). The deployed decode kernel, as nvcc contracts it under --use_fast_math, rounds the first product
// instead of the bias: fma(s_b, b, fl(w_f * x)). `update` in fast math does the same; see docs/golden.md.
template <typename WeightAt, typename SampleAt>
__device__ __forceinline__ float conv_tapwise(const Arithmetic& a, bool round_first_product, float bias,
                                              WeightAt weight, SampleAt sample) {
  const float s_wx = scale_wx(a);
  float y = round_first_product
                ? __fmaf_rn(a.bias_scale, bias, __fmul_rn(__fmul_rn(s_wx, weight(0)), sample(0)))
                : __fmaf_rn(__fmul_rn(s_wx, weight(0)), sample(0), __fmul_rn(a.bias_scale, bias));
#pragma unroll
  for (int k = 1; k < kTapsMax; ++k)
    if (k < a.taps) y = __fmaf_rn(__fmul_rn(s_wx, weight(k)), sample(k), y);
  return y;
}

__device__ __forceinline__ bool rounds_first_product(const Arithmetic& a) {
  return QG_ROUND_FIRST_PRODUCT && a.order == QG_UPDATE;
}

// y of any order. Samples and weights are the bytes of words, newest in byte 3; fewer taps leave the lower
// bytes of the weights 0.
__device__ __forceinline__ float conv_of_window(const Arithmetic& a, std::uint32_t weights, float bias,
                                                std::uint32_t window) {
  if (a.order == QG_SEQLAST)
    return conv_seqlast(a, __dp4a(static_cast<int>(window), static_cast<int>(weights), 0), bias);
  const auto byte_of = [&](std::uint32_t word, int k) {
    return static_cast<float>(static_cast<std::int8_t>(word >> (8 * (kTapsMax - a.taps + k))));
  };
  return conv_tapwise(
      a, rounds_first_product(a), bias, [&](int k) { return byte_of(weights, k); },
      [&](int k) { return byte_of(window, k); });
}

__device__ __forceinline__ float silu(float v) {
  return v / (1 + expf(-v));
}

__device__ __forceinline__ float activate(const Arithmetic& a, float v) {
  return a.activation == QG_IDENTITY ? v : silu(v);
}

__device__ __forceinline__ float round_clamp(float v, int rounding, float lo, float hi) {
  const float r = rounding == QG_HALF_EVEN ? rintf(v) : roundf(v);
  return fminf(fmaxf(r, lo), hi);
}

__device__ __forceinline__ float requant(const Arithmetic& a, float y) {
  return round_clamp(y / a.conv_scale, a.rounding, a.conv_lo, a.conv_hi);
}

// y -> every later stage, by output mode.
__device__ __forceinline__ Stages finish(const Arithmetic& a, float y) {
  Stages s;
  s.y = y;
  s.q = 0;
  s.u = y;
  if (a.dataflow == QG_TWO_STEP) {
    s.q = requant(a, y);
    s.u = __fmul_rn(s.q, a.conv_scale);
  }
  s.silu = activate(a, a.output_mode == QG_FP32 ? y : s.u);
  s.out = round_clamp(s.silu / a.output_scale, a.rounding, -128.0f, 127.0f);
  s.ssm = s.silu;
  if (a.output_mode != QG_FP32) s.ssm = __fmul_rn(s.out, a.output_scale);
  if (a.output_mode == QG_FLOAT_SIM_INT8)
    s.out = round_clamp(s.ssm / a.output_scale, a.rounding, -128.0f, 127.0f);
  return s;
}

// The int8 output alone, baseline mode.
__device__ __forceinline__ int finish_int8(const Arithmetic& a, float y) {
  float v = y;
  if (a.dataflow == QG_TWO_STEP) v = __fmul_rn(requant(a, y), a.conv_scale);
  return static_cast<int>(round_clamp(activate(a, v) / a.output_scale, a.rounding, -128.0f, 127.0f));
}

}  // namespace QG_MATH_NS
}  // namespace qg
