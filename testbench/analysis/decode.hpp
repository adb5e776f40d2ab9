// Elements of any dtype as doubles, block by block. Every supported value is exact in double.
#pragma once

#include <cstddef>

#include "analysis/tensor_source.hpp"

namespace quasim::analysis {

/// Elements a block; two decoded blocks stay in the first-level cache.
inline constexpr std::size_t kBlockElems = 2048;

/// Writes elements [begin, begin + count) of `view` to `out`. Throws InputError for an int64 beyond +-2^53.
void decode(const TensorView& view, std::size_t begin, std::size_t count, double* out);

/// The value of a float16 bit pattern.
float half_to_float(std::uint16_t bits);

}  // namespace quasim::analysis
