// Checks that the CUDA host API makes before anything is launched. The CPU twin has its own (it shares no
// code).
#ifndef QUASIM_CUDA_GOLDEN_PARAMS_CHECK_HPP_
#define QUASIM_CUDA_GOLDEN_PARAMS_CHECK_HPP_

#include <cstdint>
#include <string>

#include "quasim_golden.h"

namespace qg {

struct Problem {
  qg_status status = QG_OK;
  std::string sentence;
};

// The scales and the variant.
Problem check_arithmetic(const qg_params& p);
constexpr std::int32_t kGroupsMax = 1 << 16;
// Of every group, and that nothing but scales differs.
Problem check_groups(const qg_params* groups, std::int32_t count, const std::uint16_t* channel_group);
// Which group each channel is of; valid after check_shape.
Problem check_channel_group(const std::uint16_t* channel_group, std::int64_t channels, std::int32_t count);
// B, C, L, and the product's size.
Problem check_shape(const qg_params& p);
// Which pointers are needed and allowed.
Problem check_tensors(const qg_params& p, const qg_tensors& t);
// The same of floats around a plan; their strides, 0 for dense ones, are filled in. Valid after check_shape.
Problem check_float_tensors(const qg_params& p, qg_float_tensors& t);

// B * C * L; valid after check_shape.
inline int64_t element_count(const qg_params& p) {
  return p.batch * p.channels * p.length;
}
inline float resolved_conv_scale(const qg_params& p) {
  return p.conv_scale == 0.0f ? p.output_scale : p.conv_scale;
}

}  // namespace qg

#endif  // QUASIM_CUDA_GOLDEN_PARAMS_CHECK_HPP_
