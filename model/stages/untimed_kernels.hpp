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
/// A fused row whose buckets fit: few of them for AVX2, many for AVX-512.
void fused_row_avx2(const ChannelPlan& channel, const FusedRow& row, const std::int8_t* x, std::int8_t* out,
                    std::size_t length_elems);
void fused_row_avx512(const ChannelPlan& channel, const FusedRow& row, const std::int8_t* x, std::int8_t* out,
                      std::size_t length_elems);

/// Rows with a proven fp32 form; `table8` is indexed by q as a byte. Without `wide`, q must not change beyond
/// 16-bit accumulators.
void fp32_row_avx2(const ChannelPlan& channel, const Table8& table, const std::int8_t* x, std::int8_t* out,
                   std::size_t length_elems);
void fp32_row_wide_avx2(const ChannelPlan& channel, const std::int8_t* table8, const std::int8_t* x,
                        std::int8_t* out, std::size_t length_elems);
void fp32_row_avx512(const ChannelPlan& channel, const std::int8_t* table8, const std::int8_t* x,
                     std::int8_t* out, std::size_t length_elems);

/// x[t - 3 ... t + count - 1], zeros before the row begins.
void load_window(const std::int8_t* x, std::size_t t, std::size_t count, std::int8_t* window);

/// What the processor offers.
bool has_avx2();
bool has_avx512();

}  // namespace quasim::stages
