// The row kernels behind UntimedPlan: one channel of one sequence each.
#pragma once

#include <cstddef>
#include <cstdint>

#include "stages/untimed.hpp"

namespace quasim::stages {

/// A row without its fp32 form: the scalar stages in blocks.
struct IntegerStages {
  std::uint32_t multiplier;
  int shift_bits;
  int conv_bits;
  Rounding rounding;
  const std::int8_t* table;  ///< by q - q_min
};
void integer_row(const ChannelPlan& channel, const IntegerStages& stages, const std::int8_t* x,
                 std::int8_t* out, std::size_t length_elems);

/// Rows with a proven fp32 form; `table8` is indexed by q as a byte.
void fp32_row_avx2(const ChannelPlan& channel, const std::int8_t* table8, const std::int8_t* x,
                   std::int8_t* out, std::size_t length_elems);
void fp32_row_avx512(const ChannelPlan& channel, const std::int8_t* table8, const std::int8_t* x,
                     std::int8_t* out, std::size_t length_elems);

/// What the processor offers.
bool has_avx2();
bool has_avx512();

}  // namespace quasim::stages
