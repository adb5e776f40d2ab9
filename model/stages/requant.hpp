// Stage requant: accumulator to the conv_bits grid, p = M*acc + B, q = clamp_N(round_shift(p, S)).
#pragma once

#include <cstdint>

#include "spec/contract.hpp"

namespace quasim::stages {

/// M*acc. |acc| <= 2^16 and M < 2^31, so the product has at most 48 bits.
inline std::int64_t requant_product(std::uint32_t multiplier, std::int32_t acc) {
  return static_cast<std::int64_t>(multiplier) * acc;
}

struct Requantised {
  std::int32_t q;
  bool saturated;  ///< the clamp changed the value
};

/// clamp_N(round_shift(product + bias_word, S)).
inline Requantised requant_round(std::int64_t product, std::int64_t bias_word, int shift_bits,
                                 Rounding rounding, int conv_bits) {
  const std::int64_t rounded = spec::round_shift(product + bias_word, shift_bits, rounding);
  const std::int64_t clamped = spec::clamp_bits(rounded, conv_bits);
  return {static_cast<std::int32_t>(clamped), rounded != clamped};
}

}  // namespace quasim::stages
