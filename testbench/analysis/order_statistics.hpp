// Exact order statistics of a streamed tensor without sorting it: two histogram passes over order-preserving
// 32-bit keys.
#pragma once

#include <cstdint>
#include <vector>

#include "analysis/tensor_source.hpp"

namespace quasim::analysis {

enum class OrderBy { kValue, kMagnitude };

/// The values (or magnitudes) that stand at the given ranks (0 is the smallest) among the finite elements of
/// `view`. bool, int8, uint8, int16, uint16, int32, float16 and float32; throws InputError for other dtypes.
/// Every rank must be below the number of finite elements.
std::vector<double> values_at_ranks(const TensorView& view, OrderBy order,
                                    const std::vector<std::uint64_t>& ranks);

/// Percentiles (0 ... 100) of `elements` finite elements, interpolated linearly between ranks as numpy does
/// by default.
std::vector<double> percentiles(const TensorView& view, OrderBy order, std::uint64_t elements,
                                const std::vector<double>& percents);

}  // namespace quasim::analysis
