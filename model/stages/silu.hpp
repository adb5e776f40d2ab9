// Stage silu: the whole of u * sigmoid(u), round and clamp is one table of 2^N int8 entries.
#pragma once

#include <cstdint>

#include "spec/contract.hpp"

namespace quasim::stages {

/// Index of q in the table: entry 0 is the most negative q.
inline std::uint32_t silu_index(std::int32_t q, int conv_bits) {
  return static_cast<std::uint32_t>(q + (1 << (conv_bits - 1)));
}

/// True where the int8 output is at a limit of its range.
inline bool silu_saturated(std::int8_t out) {
  return out == spec::min_of_bits(8) || out == spec::max_of_bits(8);
}

}  // namespace quasim::stages
