// reference: one thread per output, nothing clever. It defines what the fast kernel must equal bit for bit.
#pragma once

#include "reference/arithmetic.cuh"

namespace qg {
namespace QG_MATH_NS {

constexpr int kReferenceThreads = 256;

__global__ void __launch_bounds__(kReferenceThreads)
    reference_kernel(const Arithmetic common, const Groups groups, const Shape shape, const qg_tensors t) {
  const std::int64_t total = shape.batch * shape.channels * shape.length;
  const std::int64_t step = static_cast<std::int64_t>(gridDim.x) * blockDim.x;
  for (std::int64_t i = static_cast<std::int64_t>(blockIdx.x) * blockDim.x + threadIdx.x; i < total;
       i += step) {
    // i is the flat index in either layout
    const bool bcl = shape.layout == QG_BCL;
    const std::int64_t inner = bcl ? shape.length : shape.channels;
    const std::int64_t row = i / inner;
    const std::int64_t column = i % inner;
    const std::int64_t middle = bcl ? shape.channels : shape.length;
    const std::int64_t b = row / middle;
    const std::int64_t c = bcl ? row % middle : column;
    const std::int64_t time = bcl ? column : row % middle;
    const std::int64_t time_stride = bcl ? 1 : shape.channels;
    const Arithmetic a = groups.arithmetic == nullptr ? common : groups.arithmetic[groups.channel_group[c]];

    int x[kTapsMax];
    int w[kTapsMax];
    int acc = 0;
    for (int k = 0; k < a.taps; ++k) {
      const std::int64_t back = a.taps - 1 - k;  // how many samples before the newest
      if (time >= back) {
        x[k] = t.input[i - back * time_stride];
      } else if (t.state_in != nullptr) {
        x[k] = t.state_in[(b * shape.channels + c) * a.taps + a.taps + (time - back)];
      } else {
        x[k] = 0;
      }
      w[k] = t.weight[c * a.taps + k];
      acc += w[k] * x[k];
    }
    const float bias = t.bias == nullptr ? 0.0f : static_cast<float>(t.bias[c]);

    float y;
    if (a.order == QG_SEQLAST) {
      y = conv_seqlast(a, acc, bias);
    } else {
      y = conv_tapwise(
          a, rounds_first_product(a), bias, [&](int k) { return static_cast<float>(w[k]); },
          [&](int k) { return static_cast<float>(x[k]); });
    }
    const Stages s = finish(a, y);
    if (t.conv1d_raw != nullptr) t.conv1d_raw[i] = s.y;
    if (t.conv1d_q != nullptr) t.conv1d_q[i] = static_cast<std::int8_t>(s.q);
    if (t.conv1d_q16 != nullptr) t.conv1d_q16[i] = static_cast<std::int16_t>(s.q);
    if (t.conv1d_int8simulated != nullptr) t.conv1d_int8simulated[i] = s.u;
    if (t.silu_raw != nullptr) t.silu_raw[i] = s.silu;
    if (t.ssm_input != nullptr) t.ssm_input[i] = s.ssm;
    if (t.conv1d_output_int8 != nullptr) t.conv1d_output_int8[i] = static_cast<std::int8_t>(s.out);
  }
}

// The last K samples of state ++ input; one thread per (b, c), so that state_out may be state_in.
__global__ void __launch_bounds__(kReferenceThreads)
    state_kernel(const int taps, const Shape shape, const qg_tensors t) {
  const std::int64_t total = shape.batch * shape.channels;
  const std::int64_t step = static_cast<std::int64_t>(gridDim.x) * blockDim.x;
  for (std::int64_t i = static_cast<std::int64_t>(blockIdx.x) * blockDim.x + threadIdx.x; i < total;
       i += step) {
    const std::int64_t b = i / shape.channels;
    const std::int64_t c = i % shape.channels;
    std::int8_t last[kTapsMax];
    for (int k = 0; k < taps; ++k) {
      const std::int64_t time = shape.length - taps + k;
      if (time >= 0) {
        last[k] = t.input[shape.layout == QG_BCL ? i * shape.length + time
                                                 : (b * shape.length + time) * shape.channels + c];
      } else {
        last[k] = t.state_in == nullptr ? std::int8_t{0} : t.state_in[i * taps + taps + time];
      }
    }
    for (int k = 0; k < taps; ++k) t.state_out[i * taps + k] = last[k];
  }
}

inline unsigned reference_blocks(std::int64_t total) {
  const std::int64_t blocks = (total + kReferenceThreads - 1) / kReferenceThreads;
  return static_cast<unsigned>(blocks < (1 << 22) ? blocks : (1 << 22));
}

inline cudaError_t launch_state(const Arithmetic& a, const Shape& shape, const qg_tensors& t,
                                cudaStream_t stream) {
  if (t.state_out == nullptr) return cudaSuccess;
  state_kernel<<<reference_blocks(shape.batch * shape.channels), kReferenceThreads, 0, stream>>>(a.taps,
                                                                                                 shape, t);
  return cudaGetLastError();
}

inline cudaError_t launch_reference(const Arithmetic& a, const Groups& groups, const Shape& shape,
                                    const qg_tensors& t, cudaStream_t stream) {
  const bool any_output = t.conv1d_raw || t.conv1d_q || t.conv1d_q16 || t.conv1d_int8simulated ||
                          t.silu_raw || t.ssm_input || t.conv1d_output_int8;
  if (any_output) {
    reference_kernel<<<reference_blocks(shape.batch * shape.channels * shape.length), kReferenceThreads, 0,
                       stream>>>(a, groups, shape, t);
    if (const cudaError_t error = cudaGetLastError(); error != cudaSuccess) return error;
  }
  return launch_state(a, shape, t, stream);
}

}  // namespace QG_MATH_NS
}  // namespace qg
