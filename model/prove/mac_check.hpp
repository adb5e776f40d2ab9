// The stage conv_acc, checked completely: every product of every tap, and the range of their sum.
#pragma once

#include <cstdint>

namespace quasim::compile {

struct MacCheck {
  std::int64_t products = 0;     ///< (tap, weight, sample) triples evaluated
  std::int64_t corner_sums = 0;  ///< sums of extreme products evaluated
  std::int64_t differing = 0;
  std::int32_t largest = 0;  ///< largest |acc| seen at the corners
  bool fits = false;         ///< it fits the accumulator's width

  bool passed() const { return differing == 0 && fits; }
};

/// One tap at a time, the others zero, all 65,536 products; then every choice of the extreme products
/// {-128*127, -128*-128, 0} for the four taps together. A sum of four int8 products has magnitude at most
/// 2^16, which int32 and the accumulator hold, so no carry is lost and the sum of taps is the sum of the
/// products that were enumerated.
MacCheck check_mac();

}  // namespace quasim::compile
