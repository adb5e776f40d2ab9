// Signed integers of a stated width. A value is made by from_checked, saturate or round_clamp and by nothing
// else, so holding one is proof that it fits. Widening is implicit; narrowing does not compile.
#pragma once

#include <cstdint>
#include <string>

#include "spec/contract.hpp"
#include "spec/error.hpp"

namespace quasim {

template <int Bits>
class Int {
  static_assert(Bits >= 2 && Bits <= 62, "Int holds 2 to 62 bits");

 public:
  static constexpr int kBits = Bits;
  static constexpr std::int64_t kMin = spec::min_of_bits(Bits);
  static constexpr std::int64_t kMax = spec::max_of_bits(Bits);

  constexpr Int() = default;
  template <int Narrower, class = std::enable_if_t<(Narrower < Bits)>>
  constexpr Int(Int<Narrower> other) : value_(other.value()) {}  // NOLINT: widening is meant to be implicit

  /// Throws InputError when `value` does not fit.
  static constexpr Int from_checked(std::int64_t value) {
    if (value < kMin || value > kMax)
      throw InputError("value " + std::to_string(value) + " does not fit in " + std::to_string(Bits) +
                       " signed bits");
    return Int(value);
  }
  static constexpr Int saturate(std::int64_t value) { return Int(spec::clamp_bits(value, Bits)); }
  /// clamp(round(p / 2^shift_bits)); |p| < 2^62.
  static constexpr Int round_clamp(std::int64_t p, int shift_bits, Rounding rounding) {
    return saturate(spec::round_shift(p, shift_bits, rounding));
  }

  constexpr std::int64_t value() const { return value_; }
  friend constexpr bool operator==(Int a, Int b) { return a.value_ == b.value_; }
  friend constexpr bool operator!=(Int a, Int b) { return a.value_ != b.value_; }

 private:
  constexpr explicit Int(std::int64_t value) : value_(value) {}
  std::int64_t value_ = 0;
};

}  // namespace quasim
