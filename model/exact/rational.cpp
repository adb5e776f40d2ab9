#include "exact/rational.hpp"

#include <cmath>

namespace quasim::exact {

Rational Dyadic::rational() const {
  const Integer power = Integer(1) << static_cast<unsigned>(std::abs(exponent));
  return exponent >= 0 ? Rational(mantissa * power) : Rational(mantissa, power);
}

Dyadic dyadic_of(float value) {
  int exponent = 0;
  const float fraction = std::frexp(value, &exponent);
  constexpr int kMantissaBits = 24;
  return {Integer(static_cast<long>(std::ldexp(fraction, kMantissaBits))), exponent - kMantissaBits};
}

Dyadic operator*(const Dyadic& a, const Dyadic& b) {
  return {a.mantissa * b.mantissa, a.exponent + b.exponent};
}

Integer floor_quotient(const Integer& numerator, const Integer& denominator) {
  Integer quotient;
  mpz_fdiv_q(quotient.backend().data(), numerator.backend().data(), denominator.backend().data());
  return quotient;
}

Integer ceil_quotient(const Integer& numerator, const Integer& denominator) {
  Integer quotient;
  mpz_cdiv_q(quotient.backend().data(), numerator.backend().data(), denominator.backend().data());
  return quotient;
}

bool tie_rounds_up(const Integer& upper, Rounding rounding) {
  return rounding == Rounding::kHalfEven ? upper % 2 == 0 : upper > 0;
}

Integer round_rational(const Rational& value, Rounding rounding) {
  const Integer doubled = 2 * numerator(value), denominator_of = denominator(value);
  const Integer upper = floor_quotient(doubled + denominator_of, 2 * denominator_of);
  const bool tie = doubled + denominator_of == 2 * denominator_of * upper;
  return tie && !tie_rounds_up(upper, rounding) ? Integer(upper - 1) : upper;
}

int clamp_integer(const Integer& value, int low, int high) {
  if (value < low) return low;
  return value > high ? high : static_cast<int>(value);
}

}  // namespace quasim::exact
