// The row kernels behind UntimedPlan: one channel of one sequence each.
#pragma once

#include <cstddef>
#include <cstdint>

#include "stages/untimed.hpp"

namespace quasim::stages {

/// A two_step row without its fp32 form: the scalar stages in blocks.
void integer_row(const ChannelPlan& channel, const StageProgram& stage, const std::int8_t* x,
                 std::int8_t* out, std::size_t length_elems);

/// A fused row by its list of outputs, on any processor.
void fused_row_any(const ChannelPlan& channel, const FusedRow& row, const std::int8_t* x, std::int8_t* out,
                   std::size_t length_elems);
/// A fused row whose buckets fit.
void fused_row_avx512(const ChannelPlan& channel, const FusedRow& row, const std::int8_t* x, std::int8_t* out,
                      std::size_t length_elems);

/// Rows with a proven fp32 form; `table8` is indexed by q as a byte.
void fp32_row_avx2(const ChannelPlan& channel, const std::int8_t* table8, const std::int8_t* x,
                   std::int8_t* out, std::size_t length_elems);
void fp32_row_avx512(const ChannelPlan& channel, const std::int8_t* table8, const std::int8_t* x,
                     std::int8_t* out, std::size_t length_elems);

/// What the processor offers.
bool has_avx2();
bool has_avx512();

}  // namespace quasim::stages
