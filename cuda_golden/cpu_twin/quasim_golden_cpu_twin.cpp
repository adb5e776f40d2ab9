// Compiled with -ffp-contract=off: every fused multiply-add is a std::fma that the contract names.
#include "quasim_golden_cpu_twin.hpp"

#include <cmath>
#include <limits>
#include <sstream>
#include <stdexcept>
#include <vector>

static_assert(std::numeric_limits<float>::is_iec559, "the twin needs IEEE fp32");

namespace quasim_golden {
namespace {

template <typename... Parts>
[[noreturn]] void refuse(const Parts&... parts) {
  std::ostringstream text;
  (text << ... << parts);
  throw std::invalid_argument(text.str());
}

void require_scale(const char* name, float value) {
  if (!std::isnormal(value) || value < 0)
    refuse(name, " is ", value, "; expected a finite, normal fp32 above 0");
}

void require_choice(const char* name, std::int32_t value, std::int32_t last) {
  if (value < 0 || value > last) refuse(name, " is ", value, "; expected 0 to ", last);
}

void require_range(const char* name, std::int64_t value, std::int64_t first, std::int64_t last) {
  if (value < first || value > last) refuse(name, " is ", value, "; expected ", first, " to ", last);
}

// roundf without the library's help: half away from zero; exact for every float.
float round_half_away(float value) {
  const float magnitude = std::trunc(std::fabs(value));
  const float rest = std::fabs(value) - magnitude;
  return std::copysign(rest >= 0.5f ? magnitude + 1.0f : magnitude, value);
}

// rintf independent of the rounding mode: half to even; exact for every float.
float round_half_even(float value) {
  const float magnitude = std::trunc(std::fabs(value));
  const float rest = std::fabs(value) - magnitude;
  const bool odd = std::fmod(magnitude, 2.0f) != 0.0f;
  const bool up = rest > 0.5f || (rest == 0.5f && odd);
  return std::copysign(up ? magnitude + 1.0f : magnitude, value);
}

float silu(float v) {
  return v / (1.0f + std::exp(-v));
}

}  // namespace

CpuTwin::CpuTwin(const qg_params& params) : params_(params) {
  require_choice("dataflow", params.dataflow, QG_FUSED);
  require_choice("order", params.order, QG_UPDATE);
  require_choice("math", params.math, QG_FAST);
  require_choice("rounding", params.rounding, QG_HALF_AWAY);
  require_choice("layout", params.layout, QG_BLC);
  require_choice("output_mode", params.output_mode, QG_FP32);
  require_choice("activation", params.activation, QG_IDENTITY);
  if (params.math == QG_FAST) {
    refuse(
        "math fast is what --use_fast_math makes of the kernel on a GPU; the CPU twin evaluates math precise "
        "only");
  }
  require_range("taps", params.taps, 2, 4);
  if (params.dataflow == QG_TWO_STEP) require_range("conv_bits", params.conv_bits, 2, 12);
  conv_scale_ = params.conv_scale == 0.0f ? params.output_scale : params.conv_scale;
  require_scale("input_scale", params.input_scale);
  require_scale("weight_scale", params.weight_scale);
  require_scale("bias_scale", params.bias_scale);
  require_scale("output_scale", params.output_scale);
  require_scale("conv_scale", conv_scale_);
  scale_wx_ = params.weight_scale * params.input_scale;
  if (!std::isnormal(scale_wx_)) refuse("input_scale * weight_scale is not a normal fp32 number");
  const double largest_y =
      double{params.input_scale} * params.weight_scale * acc_limit(params.taps) + params.bias_scale * 128.0;
  const double largest_u = conv_scale_ * 2048.0;
  const double limit = double{std::numeric_limits<float>::max()} / 4;
  if (largest_y > limit || largest_u > limit || params.output_scale * 128.0 > limit) {
    refuse("the scales let a stage leave the range of fp32: |y| reaches ", largest_y, ", |u| ", largest_u);
  }
  const int half = 1 << ((params.dataflow == QG_TWO_STEP ? params.conv_bits : 8) - 1);
  conv_lo_ = static_cast<float>(-half);
  conv_hi_ = static_cast<float>(half - 1);
}

float CpuTwin::round_clamp(float value, float lo, float hi) const {
  const float rounded = params_.rounding == QG_HALF_EVEN ? round_half_even(value) : round_half_away(value);
  return rounded < lo ? lo : rounded > hi ? hi : rounded;
}

float CpuTwin::conv_seqlast(std::int32_t acc, int bias) const {
  const float bias_y = params_.bias_scale * static_cast<float>(bias);
  return std::fma(scale_wx_, static_cast<float>(acc), bias_y);
}

float CpuTwin::conv_tapwise(const std::int8_t* x, const std::int8_t* w, int bias) const {
  float y = params_.bias_scale * static_cast<float>(bias);
  for (int k = 0; k < params_.taps; ++k) {
    const float scaled_weight = scale_wx_ * static_cast<float>(w[k]);
    y = std::fma(scaled_weight, static_cast<float>(x[k]), y);
  }
  return y;
}

TwinStages CpuTwin::finish(float y) const {
  TwinStages s;
  s.y = y;
  s.u = y;
  if (params_.dataflow == QG_TWO_STEP) {
    const float q = round_clamp(y / conv_scale_, conv_lo_, conv_hi_);
    s.q = static_cast<int>(q);
    s.u = q * conv_scale_;
  }
  const float v = params_.output_mode == QG_FP32 ? y : s.u;
  s.silu = params_.activation == QG_IDENTITY ? v : silu(v);
  float out = round_clamp(s.silu / params_.output_scale, -128.0f, 127.0f);
  s.ssm = params_.output_mode == QG_FP32 ? s.silu : out * params_.output_scale;
  if (params_.output_mode == QG_FLOAT_SIM_INT8)
    out = round_clamp(s.ssm / params_.output_scale, -128.0f, 127.0f);
  s.out = static_cast<int>(out);
  return s;
}

TwinStages CpuTwin::point(std::int32_t acc, int bias) const {
  if (params_.order != QG_SEQLAST)
    refuse("only order seqlast depends on the accumulator alone; ask for window()");
  return finish(conv_seqlast(acc, bias));
}

TwinStages CpuTwin::window(const std::int8_t* x, const std::int8_t* w, int bias) const {
  if (params_.order != QG_SEQLAST) return finish(conv_tapwise(x, w, bias));
  std::int32_t acc = 0;
  for (int k = 0; k < params_.taps; ++k) acc += std::int32_t{w[k]} * x[k];
  return finish(conv_seqlast(acc, bias));
}

void CpuTwin::run(const qg_tensors& t) const {
  const qg_params& p = params_;
  const struct {
    const char* name;
    std::int64_t value;
  } axes[] = {{"batch", p.batch}, {"channels", p.channels}, {"length", p.length}};
  std::int64_t elements = 8;
  for (const auto& axis : axes) {
    if (axis.value < 1) refuse(axis.name, " is ", axis.value, "; expected at least 1");
    if (axis.value > std::numeric_limits<std::int64_t>::max() / elements)
      refuse("batch * channels * length does not fit in 63 bits of bytes");
    elements *= axis.value;
  }
  if (t.input == nullptr) refuse("input is NULL");
  if (t.weight == nullptr) refuse("weight is NULL");
  const bool any_output = t.conv1d_output_int8 || t.ssm_input || t.conv1d_raw || t.conv1d_q || t.conv1d_q16 ||
                          t.conv1d_int8simulated || t.silu_raw;
  if (!any_output && t.state_out == nullptr) refuse("every output is NULL");
  if (p.dataflow == QG_FUSED && (t.conv1d_q || t.conv1d_q16 || t.conv1d_int8simulated)) {
    refuse("conv1d_q and conv1d_int8simulated do not exist in dataflow fused, which rounds once, after SiLU");
  }
  if (t.conv1d_q && p.conv_bits > 8)
    refuse("conv1d_q as int8 cannot hold conv_bits ", p.conv_bits, "; ask for conv1d_q16");
  if (t.ssm_input && p.output_mode == QG_BASELINE) {
    refuse("ssm_input is int8 out itself in output mode baseline; ask for conv1d_output_int8");
  }
  const int taps = p.taps;
  std::vector<std::int8_t> padded(static_cast<std::size_t>(taps + p.length));
  for (std::int64_t b = 0; b < p.batch; ++b) {
    for (std::int64_t c = 0; c < p.channels; ++c) {
      const std::int64_t row = b * p.channels + c;
      const std::int64_t start = p.layout == QG_BCL ? row * p.length : b * p.length * p.channels + c;
      const std::int64_t stride = p.layout == QG_BCL ? 1 : p.channels;
      for (int k = 0; k < taps; ++k)
        padded[static_cast<std::size_t>(k)] =
            t.state_in == nullptr ? std::int8_t{0} : t.state_in[row * taps + k];
      for (std::int64_t i = 0; i < p.length; ++i)
        padded[static_cast<std::size_t>(taps + i)] = t.input[start + i * stride];
      const int bias = t.bias == nullptr ? 0 : t.bias[c];
      for (std::int64_t i = 0; any_output && i < p.length; ++i) {
        const TwinStages s = window(&padded[static_cast<std::size_t>(i + 1)], t.weight + c * taps, bias);
        const std::int64_t at = start + i * stride;
        if (t.conv1d_raw) t.conv1d_raw[at] = s.y;
        if (t.conv1d_q) t.conv1d_q[at] = static_cast<std::int8_t>(s.q);
        if (t.conv1d_q16) t.conv1d_q16[at] = static_cast<std::int16_t>(s.q);
        if (t.conv1d_int8simulated) t.conv1d_int8simulated[at] = s.u;
        if (t.silu_raw) t.silu_raw[at] = s.silu;
        if (t.ssm_input) t.ssm_input[at] = s.ssm;
        if (t.conv1d_output_int8) t.conv1d_output_int8[at] = static_cast<std::int8_t>(s.out);
      }
      if (t.state_out != nullptr) {
        for (int k = 0; k < taps; ++k)
          t.state_out[row * taps + k] = padded[static_cast<std::size_t>(p.length + k)];
      }
    }
  }
}

void CpuTwin::sweep(std::int32_t acc_min, std::int32_t acc_max, int bias_first, int bias_count,
                    std::int16_t* q, std::int8_t* out) const {
  const std::int32_t limit = acc_limit(params_.taps);
  require_range("acc_min", acc_min, -limit, limit);
  require_range("acc_max", acc_max, acc_min, limit);
  require_range("bias_first", bias_first, -128, 127);
  require_range("bias_count", bias_count, 1, 128 - bias_first);
  if (q == nullptr && out == nullptr) refuse("every output is NULL");
  if (q != nullptr && params_.dataflow == QG_FUSED) refuse("q does not exist in dataflow fused");
  std::size_t i = 0;
  for (int bias = bias_first; bias < bias_first + bias_count; ++bias) {
    for (std::int32_t acc = acc_min; acc <= acc_max; ++acc, ++i) {
      const TwinStages s = point(acc, bias);
      if (q != nullptr) q[i] = static_cast<std::int16_t>(s.q);
      if (out != nullptr) out[i] = static_cast<std::int8_t>(s.out);
    }
  }
}

}  // namespace quasim_golden
