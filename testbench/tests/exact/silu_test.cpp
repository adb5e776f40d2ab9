// The rounding of SiLU where thirty digits do not decide it: every step of the precision, and far beyond the
// ends of fp32.
//
// A scale is made such that silu(v)/scale lies a chosen distance beside a tie, by an evaluation of its own to
// 6000 digits. Dyadic scales have as many digits as it takes.
#include "exact/silu.hpp"

#include <gtest/gtest.h>

#include <boost/multiprecision/mpfr.hpp>
#include <iostream>
#include <stdexcept>

#include "exact/oracle.hpp"

namespace quasim {
namespace {

using exact::Dyadic;
using exact::Integer;

namespace mp = boost::multiprecision;
using Wide = mp::number<mp::mpfr_float_backend<6000>, mp::et_off>;

Wide wide(const Dyadic& value) {
  return ldexp(Wide(value.mantissa), value.exponent);
}

Wide silu(const Dyadic& v) {
  return wide(v) / (1 + exp(Wide(-wide(v))));
}

/// The dyadic number nearest to a positive value, to about `digits` decimal digits more than asked for.
Dyadic dyadic_of(const Wide& value, int digits) {
  const int bits = static_cast<int>(digits * 3.33) + 20;
  int exponent = 0;
  const Wide fraction = frexp(value, &exponent);
  return {Integer(ldexp(fraction, bits)), exponent - bits};
}

struct Place {
  const char* name;
  Dyadic v;
};
const Place kPlaces[] = {{"2", {2, 0}},
                         {"0.7", {0x2ccccd, -22}},
                         {"9.3", {93 * 0x19999a, -24}},
                         {"-0.4", {-0x19999a, -22}},
                         {"-1.2784", {-0x51d14e, -22}},
                         {"-5", {-5, 0}},
                         {"-30", {-30, 0}},
                         {"1/1024", {1, -10}}};

/// Just beside a tie, 10^-digits of its size away, on both sides of every level from -3 to 3 that the sign
/// allows.
std::int64_t check_distance(int digits) {
  std::int64_t compared = 0;
  for (const Place& place : kPlaces) {
    const Wide value = silu(place.v);
    for (const int level : {0, 1, 2}) {
      const Wide tie = Wide(level) + Wide(0.5);  // |silu| / scale is this at the tie
      const Wide exact_scale = abs(value) / tie, step = exact_scale * pow(Wide(10), -digits);
      const bool negative = value < 0;
      // A larger scale leaves the quotient nearer to 0 than the tie.
      const Dyadic larger = dyadic_of(exact_scale + step, digits),
                   smaller = dyadic_of(exact_scale - step, digits);
      EXPECT_EQ(exact::silu_level(place.v, larger), negative ? -level : level)
          << place.name << ", " << digits << " digits inside the tie at " << level;
      EXPECT_EQ(exact::silu_level(place.v, smaller), negative ? -level - 1 : level + 1)
          << place.name << ", " << digits << " digits outside the tie at " << level;
      compared += 2;
    }
  }
  return compared;
}

TEST(silu, every_step_of_the_precision_decides) {
  std::int64_t compared = 0;
  // The steps are 30, 80, 250, 1000 and 5000 digits; these lie within each of them.
  for (const int digits : {5, 20, 27, 33, 50, 76, 84, 160, 245, 256, 600, 990, 1010, 3000, 4900})
    compared += check_distance(digits);
  std::cout << compared << " comparisons\n";
  EXPECT_EQ(compared, 15 * 8 * 3 * 2);
}

TEST(silu, what_no_step_decides_is_said_and_not_guessed) {
  const Dyadic v{2, 0};
  const Wide scale = silu(v) / Wide(2.5);
  EXPECT_THROW(exact::silu_level(v, dyadic_of(scale, 5600)), std::runtime_error);
  const int level = exact::silu_level(v, dyadic_of(scale + scale * pow(Wide(10), -4900), 5600));
  EXPECT_EQ(level, 2);
}

/// v so small that silu(v) is v/2 to hundreds of digits, with v/(2 scale) on a tie; and so large that it is v
/// or 0.
TEST(silu, an_end_of_the_enclosure_on_a_tie_is_not_reached) {
  std::int64_t compared = 0;
  const auto expect = [&](const Dyadic& v, const Dyadic& scale, int level, const char* why) {
    EXPECT_EQ(exact::silu_level(v, scale), level)
        << why << ": v = " << v.mantissa << " * 2^" << v.exponent << ", scale = " << scale.mantissa << " * 2^"
        << scale.exponent;
    ++compared;
  };
  for (const int exponent : {-120, -200, -1000, -20000, -100000})
    for (int n = 1; n <= 9; n += 2) {
      // v = n*2^e, scale = 2^e: v/(2 scale) = n/2 is a tie, and silu lies just above v/2.
      expect({n, exponent}, {1, exponent}, (n + 1) / 2, "tiny and positive, above its tie");
      expect({-n, exponent}, {1, exponent}, -(n - 1) / 2, "tiny and negative, above its tie");
      // v/(2 scale) an integer: silu rounds to it.
      expect({2 * n, exponent}, {1, exponent}, n, "tiny and positive, on an integer");
      expect({-2 * n, exponent}, {1, exponent}, -n, "tiny and negative, on an integer");
      // A little above and below the tie.
      expect({Integer(2 * n + 1), exponent}, {2, exponent}, (2 * n + 3) / 4,
             "tiny and positive, off the tie");
      expect({Integer(-2 * n - 1), exponent}, {2, exponent},
             -((2 * n + 1) / 4 + ((2 * n + 1) % 4 == 3 ? 1 : 0)), "tiny and negative, off the tie");
    }
  for (const int exponent : {12, 30, 100, 1000, 100000})
    for (int n = 1; n <= 9; n += 2) {
      // v = n*2^e, scale = 2^(e+1): v/scale = n/2 is a tie, and silu lies just below v.
      expect({n, exponent}, {2, exponent}, (n - 1) / 2, "huge, below its tie");
      expect({n, exponent}, {1, exponent}, n, "huge, just below an integer");
      expect({-n, exponent}, {1, -300}, 0, "far left, whatever the scale");
    }
  expect({1, 400}, {1, 0}, exact::kSiluLevelLimit, "beyond the limit");
  expect({exact::kSiluLevelLimit, 20}, {1, 20}, exact::kSiluLevelLimit, "at the limit");
  expect({-1, 0}, {1, -300}, -exact::kSiluLevelLimit, "below the limit");
  expect({2 * exact::kSiluLevelLimit - 1, 20}, {2, 20}, exact::kSiluLevelLimit - 1, "half below the limit");
  std::cout << compared << " comparisons\n";
  EXPECT_EQ(compared, 5 * 5 * 6 + 5 * 5 * 3 + 4);
}

TEST(silu, levels_on_a_grid_are_those_of_a_wide_evaluation) {
  using Medium = mp::number<mp::mpfr_float_backend<60>, mp::et_off>;
  std::int64_t compared = 0;
  for (int i = -400; i <= 400; ++i)
    for (const int scale : {1, 3, 10, 37, 900}) {
      const Dyadic v{i, -4}, s{scale, -6};
      const Medium x = ldexp(Medium(i), -4);
      const Medium rounded = floor(x / (1 + exp(Medium(-x))) / ldexp(Medium(scale), -6) + Medium(0.5));
      const int expected =
          std::max(-exact::kSiluLevelLimit, std::min(exact::kSiluLevelLimit, static_cast<int>(rounded)));
      EXPECT_EQ(exact::silu_level(v, s), expected) << i << "/16 by " << scale << "/64";
      ++compared;
    }
  std::cout << compared << " comparisons\n";
  EXPECT_EQ(compared, 801 * 5);
}

/// silu falls left of -1.2784645427610738... and rises right of it; the second precision decides near it.
TEST(silu, the_slope_changes_sign_at_its_zero_to_two_hundred_digits) {
  Wide zero = -1.278464542761074;
  for (int i = 0; i < 16; ++i) zero -= (1 + zero + exp(zero)) / (1 + exp(zero));  // Newton's method
  std::int64_t compared = 0;
  for (const int digits : {3, 15, 26, 34, 60, 120, 240}) {
    const Wide step = abs(zero) * pow(Wide(10), -digits);
    const Dyadic left = dyadic_of(-(zero - step), digits), right = dyadic_of(-(zero + step), digits);
    EXPECT_EQ(exact::silu_slope_sign({-left.mantissa, left.exponent}), -1) << digits;
    EXPECT_EQ(exact::silu_slope_sign({-right.mantissa, right.exponent}), 1) << digits;
    compared += 2;
  }
  const Dyadic at = dyadic_of(-zero, 400);
  EXPECT_THROW(exact::silu_slope_sign({-at.mantissa, at.exponent}), std::runtime_error);
  std::cout << compared << " comparisons\n";
  EXPECT_EQ(compared, 14);
}

TEST(rational, quotients_and_limits_at_their_edges) {
  std::int64_t compared = 0;
  for (int n = -50; n <= 50; ++n)
    for (int d = 1; d <= 7; ++d) {
      int low = 0;  // the greatest with low * d <= n
      while (low * d > n) --low;
      while ((low + 1) * d <= n) ++low;
      EXPECT_EQ(exact::floor_quotient(n, d), low);
      EXPECT_EQ(exact::ceil_quotient(n, d), low * d == n ? low : low + 1);
      for (const Rounding rounding : {Rounding::kHalfEven, Rounding::kHalfAway}) {
        const int rest = n - low * d;
        const bool tie_up = rounding == Rounding::kHalfEven ? low % 2 != 0 : n > 0;
        const int nearest = 2 * rest > d || (2 * rest == d && tie_up) ? low + 1 : low;
        EXPECT_EQ(exact::round_rational(exact::Rational(n, d), rounding), nearest) << n << "/" << d;
      }
      compared += 4;
    }
  for (const int value : {-9, -8, -7, 6, 7, 8})
    EXPECT_EQ(exact::clamp_integer(value, -8, 7), value < -8 ? -8 : value > 7 ? 7 : value);
  const Integer huge = Integer(1) << 100U;
  EXPECT_EQ(exact::clamp_integer(huge, -8, 7), 7);
  EXPECT_EQ(exact::clamp_integer(-huge, -8, 7), -8);
  for (const float value : {1.0F, -1.5F, 0x1p-126F, 0x1.fffffep127F, 0.1F, -0x1.000002p-3F}) {
    const exact::Rational exact_value = exact::dyadic_of(value).rational();
    EXPECT_EQ(static_cast<double>(exact_value), static_cast<double>(value));
    ++compared;
  }
  std::cout << compared << " comparisons\n";
  EXPECT_GT(compared, 2000);
}

}  // namespace
}  // namespace quasim
