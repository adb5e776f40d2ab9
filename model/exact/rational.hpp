// Exact numbers: integers and rationals without limits, fp32 values as the dyadic rationals they are.
#pragma once

#include <boost/multiprecision/gmp.hpp>

#include "spec/contract.hpp"

namespace quasim::exact {

using Integer = boost::multiprecision::mpz_int;
using Rational = boost::multiprecision::mpq_rational;

/// mantissa * 2^exponent.
struct Dyadic {
  Integer mantissa;
  int exponent = 0;

  Rational rational() const;
};

/// The value of a finite fp32 number, exactly.
Dyadic dyadic_of(float value);
Dyadic operator*(const Dyadic& a, const Dyadic& b);

/// Largest integer <= numerator / denominator, and smallest one >= it; denominator > 0.
Integer floor_quotient(const Integer& numerator, const Integer& denominator);
Integer ceil_quotient(const Integer& numerator, const Integer& denominator);

/// The nearest integer; a value exactly between two goes where `rounding` says.
Integer round_rational(const Rational& value, Rounding rounding);

/// True where a value exactly between upper-1 and upper becomes `upper`.
bool tie_rounds_up(const Integer& upper, Rounding rounding);

/// `value` limited to [low, high], as an int.
int clamp_integer(const Integer& value, int low, int high);

}  // namespace quasim::exact
