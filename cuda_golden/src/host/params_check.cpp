#include "host/params_check.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <limits>
#include <type_traits>

namespace qg {
namespace {

// Without streams: they take their locale from the process, and one that has loaded a second C++ library, as
// Python's packages bring them, may not have the one that this library was compiled for.
template <typename Part>
std::string text_of(const Part& part) {
  if constexpr (std::is_floating_point_v<Part>) {
    char text[32] = "";
    std::snprintf(text, sizeof text, "%g", static_cast<double>(part));
    std::replace(text, text + sizeof text, ',', '.');  // the process may have a language that writes it so
    return text;
  } else if constexpr (std::is_arithmetic_v<Part>) {
    return std::to_string(part);
  } else {
    return part;
  }
}

template <typename... Parts>
Problem bad(const Parts&... parts) {
  return {QG_INVALID_ARGUMENT, (std::string() + ... + text_of(parts))};
}

template <typename... Parts>
Problem unsupported(const Parts&... parts) {
  Problem p = bad(parts...);
  p.status = QG_UNSUPPORTED;
  return p;
}

Problem check_choice(const char* name, int32_t value, int32_t last) {
  if (value < 0 || value > last) return bad(name, " is ", value, "; expected 0 to ", last);
  return {};
}

Problem check_scale(const char* name, float value) {
  if (!std::isnormal(value) || value < 0)
    return bad(name, " is ", value, "; expected a finite, normal fp32 above 0");
  return {};
}

}  // namespace

Problem check_arithmetic(const qg_params& p) {
  const struct {
    const char* name;
    int32_t value, last;
  } choices[] = {{"dataflow", p.dataflow, QG_FUSED},
                 {"order", p.order, QG_UPDATE},
                 {"math", p.math, QG_FAST},
                 {"rounding", p.rounding, QG_HALF_AWAY},
                 {"layout", p.layout, QG_BLC},
                 {"output_mode", p.output_mode, QG_FP32},
                 {"activation", p.activation, QG_IDENTITY}};
  for (const auto& choice : choices) {
    if (Problem problem = check_choice(choice.name, choice.value, choice.last); problem.status)
      return problem;
  }
  if (p.taps < 2 || p.taps > 4) return bad("taps is ", p.taps, "; expected 2 to 4");
  if (p.dataflow == QG_TWO_STEP && (p.conv_bits < 2 || p.conv_bits > 12)) {
    return bad("conv_bits is ", p.conv_bits, "; expected 2 to 12");
  }
  const struct {
    const char* name;
    float value;
  } scales[] = {{"input_scale", p.input_scale},
                {"weight_scale", p.weight_scale},
                {"bias_scale", p.bias_scale},
                {"output_scale", p.output_scale},
                {"conv_scale", resolved_conv_scale(p)}};
  for (const auto& scale : scales) {
    if (Problem problem = check_scale(scale.name, scale.value); problem.status) return problem;
  }
  if (!std::isnormal(p.input_scale * p.weight_scale)) {
    return bad("input_scale * weight_scale is not a normal fp32 number");
  }
  // y, u and their quotients stay finite in fp32
  const double largest_y =
      static_cast<double>(p.input_scale) * p.weight_scale * 16384.0 * p.taps + p.bias_scale * 128.0;
  const double largest_u = static_cast<double>(resolved_conv_scale(p)) * 2048.0;
  const double limit = std::numeric_limits<float>::max() / 4;
  if (largest_y > limit || largest_u > limit || static_cast<double>(p.output_scale) * 128.0 > limit) {
    return bad("the scales let a stage leave the range of fp32: |y| reaches ", largest_y, ", |u| ",
               largest_u);
  }
  return {};
}

Problem check_groups(const qg_params* groups, std::int32_t count, const std::uint16_t* channel_group) {
  if (groups == nullptr) return bad("groups is NULL");
  if (channel_group == nullptr) return bad("channel_group is NULL");
  if (count < 1 || count > kGroupsMax) return bad("group_count is ", count, "; expected 1 to ", kGroupsMax);
  for (std::int32_t g = 0; g < count; ++g) {
    Problem problem = check_arithmetic(groups[g]);
    if (problem.status) {
      problem.sentence = "groups[" + std::to_string(g) + "]: " + problem.sentence;
      return problem;
    }
    const qg_params &a = groups[0], &b = groups[g];
    const struct {
      const char* name;
      std::int32_t first, here;
    } shared[] = {{"taps", a.taps, b.taps},
                  {"conv_bits", a.conv_bits, b.conv_bits},
                  {"dataflow", a.dataflow, b.dataflow},
                  {"order", a.order, b.order},
                  {"math", a.math, b.math},
                  {"rounding", a.rounding, b.rounding},
                  {"layout", a.layout, b.layout},
                  {"output_mode", a.output_mode, b.output_mode},
                  {"activation", a.activation, b.activation}};
    for (const auto& value : shared)
      if (value.first != value.here)
        return bad("groups[", g, "]: ", value.name, " is ", value.here, "; expected ", value.first,
                   " as in groups[0]");
  }
  return {};
}

Problem check_channel_group(const std::uint16_t* channel_group, std::int64_t channels, std::int32_t count) {
  for (std::int64_t c = 0; c < channels; ++c)
    if (channel_group[c] >= count)
      return bad("channel_group[", c, "] is ", channel_group[c], "; expected 0 to ", count - 1);
  return {};
}

Problem check_shape(const qg_params& p) {
  const struct {
    const char* name;
    int64_t value;
  } axes[] = {{"batch", p.batch}, {"channels", p.channels}, {"length", p.length}};
  int64_t elements = 8;  // the widest element's bytes, and state's K, fit as well
  for (const auto& axis : axes) {
    if (axis.value < 1) return bad(axis.name, " is ", axis.value, "; expected at least 1");
    if (axis.value > std::numeric_limits<int64_t>::max() / elements) {
      return bad("batch * channels * length does not fit in 63 bits of bytes");
    }
    elements *= axis.value;
  }
  return {};
}

Problem check_tensors(const qg_params& p, const qg_tensors& t) {
  if (t.input == nullptr) return bad("input is NULL");
  if (t.weight == nullptr) return bad("weight is NULL");
  if (!(t.conv1d_output_int8 || t.ssm_input || t.conv1d_raw || t.conv1d_q || t.conv1d_q16 ||
        t.conv1d_int8simulated || t.silu_raw || t.state_out)) {
    return bad("every output is NULL");
  }
  if (p.dataflow == QG_FUSED && (t.conv1d_q || t.conv1d_q16 || t.conv1d_int8simulated)) {
    return unsupported(
        "conv1d_q and conv1d_int8simulated do not exist in dataflow fused, which rounds once, after SiLU");
  }
  if (t.conv1d_q && p.conv_bits > 8) {
    return unsupported("conv1d_q as int8 cannot hold conv_bits ", p.conv_bits, "; ask for conv1d_q16");
  }
  if (t.ssm_input && p.output_mode == QG_BASELINE) {
    return unsupported("ssm_input is int8 out itself in output mode baseline; ask for conv1d_output_int8");
  }
  const struct {
    const char* name;
    const void* pointer;
    uintptr_t align;
  } wide[] = {{"ssm_input", t.ssm_input, 4},
              {"conv1d_raw", t.conv1d_raw, 4},
              {"conv1d_q16", t.conv1d_q16, 2},
              {"conv1d_int8simulated", t.conv1d_int8simulated, 4},
              {"silu_raw", t.silu_raw, 4}};
  for (const auto& w : wide) {
    if (reinterpret_cast<uintptr_t>(w.pointer) % w.align != 0) {
      return bad(w.name, " is not aligned to its element's ", w.align, " bytes");
    }
  }
  return {};
}

Problem check_float_tensors(const qg_params& p, qg_float_tensors& t) {
  if (t.input == nullptr) return bad("input is NULL");
  if (t.output == nullptr) return bad("output is NULL");
  if (Problem problem = check_choice("type", t.type, QG_BFLOAT16); problem.status) return problem;
  const std::int64_t bytes = t.type == QG_FLOAT32 ? 4 : 2;
  const auto check_stride = [](const char* name, int64_t& stride, int64_t dense, int64_t times) -> Problem {
    if (stride == 0) stride = dense;
    if (stride < 0) return bad(name, " is ", stride, "; expected at least 0");
    if (stride > std::numeric_limits<int64_t>::max() / 8 / times)
      return bad(name, " is ", stride, "; the input does not fit in 63 bits of bytes");
    if (stride % 4 != 0) return unsupported(name, " is ", stride, "; floats take a multiple of 4");
    return {};
  };
  if (Problem problem = check_stride("token_stride", t.token_stride, p.channels, p.length); problem.status)
    return problem;
  if (Problem problem = check_stride("batch_stride", t.batch_stride, p.length * t.token_stride, p.batch);
      problem.status)
    return problem;
  if (std::max(t.token_stride, p.channels) * bytes > std::numeric_limits<std::int32_t>::max())
    return unsupported("a token is 2^31 bytes or more from the next");
  const struct {
    const char* name;
    const void* pointer;
  } ends[] = {{"input", t.input}, {"output", t.output}};
  for (const auto& end : ends) {
    if (reinterpret_cast<uintptr_t>(end.pointer) % static_cast<uintptr_t>(4 * bytes) != 0)
      return unsupported(end.name, " is not aligned to four elements, ", 4 * bytes, " bytes");
  }
  return {};
}

}  // namespace qg
