// The row kernels behind UntimedPlan: one channel of one sequence each.
#pragma once

#include <cstddef>
#include <cstdint>

#include "stages/untimed.hpp"

namespace quasim::stages {

/// Where one channel of one sequence is read and written.
struct Row {
  const std::int8_t* x = nullptr;
  std::int8_t* out = nullptr;
  std::size_t length_elems = 0;
  Stores stores = Stores::kCached;
};

/// A two_step row without its fp32 form: the scalar stages in blocks.
void integer_row(const ChannelPlan& channel, const StageProgram& stage, const Row& row);

/// A fused row by its list of outputs, on any processor.
void fused_row_any(const ChannelPlan& channel, const FusedRow& fused, const Row& row);
/// A fused row whose buckets fit: few of them for AVX2, many or half as many for AVX-512.
void fused_row_avx2(const ChannelPlan& channel, const FusedRow& fused, const Row& row);
void fused_row_avx512(const ChannelPlan& channel, const FusedRow& fused, const Row& row);

/// Rows with a proven fp32 form; `table8` is indexed by q as a byte. Without `wide`, q must not change beyond
/// 16-bit accumulators.
void fp32_row_avx2(const ChannelPlan& channel, const Table8& table, const Row& row);
void fp32_row_wide_avx2(const ChannelPlan& channel, const std::int8_t* table8, const Row& row);
void fp32_row_avx512(const ChannelPlan& channel, const std::int8_t* table8, const Row& row);

/// After the last row of Stores::kStreamed: what was written is seen before anything that is written later.
void end_of_stream();

/// x[t - 3 ... t + count - 1], zeros before the row begins.
void load_window(const std::int8_t* x, std::size_t t, std::size_t count, std::int8_t* window);

/// What the processor offers.
bool has_avx2();
bool has_avx512();

}  // namespace quasim::stages
