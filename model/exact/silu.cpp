#include "exact/silu.hpp"

#include <algorithm>
#include <boost/multiprecision/mpfi.hpp>
#include <optional>
#include <stdexcept>

namespace quasim::exact {
namespace {

namespace mp = boost::multiprecision;

/// The integers that the answer is still known to lie between.
struct Levels {
  int low = -kSiluLevelLimit;
  int high = kSiluLevelLimit;

  bool decided() const { return low == high; }
  void intersect(const Levels& other) {
    low = std::max(low, other.low);
    high = std::min(high, other.high);
  }
};

template <unsigned Digits>
using Interval = mp::number<mp::mpfi_float_backend<Digits>, mp::et_off>;

template <unsigned Digits>
Interval<Digits> interval_of(const Dyadic& value) {
  Interval<Digits> interval;
  mpfi_set_z(interval.backend().data(), value.mantissa.backend().data());
  mpfi_mul_2si(interval.backend().data(), interval.backend().data(), value.exponent);
  return interval;
}

template <class Float>
int floor_limited(const Float& value) {
  if (value <= -kSiluLevelLimit) return -kSiluLevelLimit;
  if (value >= kSiluLevelLimit) return kSiluLevelLimit;
  return static_cast<int>(mpfr_get_si(value.backend().data(), MPFR_RNDD));
}

/// The largest integer strictly below `value`.
template <class Float>
int below_limited(const Float& value) {
  if (value <= -kSiluLevelLimit) return -kSiluLevelLimit;
  if (value > kSiluLevelLimit) return kSiluLevelLimit;
  return static_cast<int>(mpfr_get_si(value.backend().data(), MPFR_RNDU)) - 1;
}

/// Levels of silu(v)/scale by interval arithmetic. The ends of the enclosure are rational and silu(v) is not,
/// so it lies strictly between them: an end that is itself an integer (after adding 1/2) does not count as
/// reached.
template <unsigned Digits>
Levels levels_by_interval(const Dyadic& v, const Dyadic& scale) {
  const auto x = interval_of<Digits>(v);
  const Interval<Digits> one(1), two(2);
  const Interval<Digits> shifted =
      x / (one + exp(Interval<Digits>(-x))) / interval_of<Digits>(scale) + one / two;
  return {floor_limited(lower(shifted)), below_limited(upper(shifted))};
}

template <unsigned Digits>
std::optional<int> slope_sign(const Dyadic& v) {
  const auto x = interval_of<Digits>(v);
  const Interval<Digits> slope = Interval<Digits>(1) + x + exp(x);
  if (lower(slope) > 0) return 1;
  if (upper(slope) < 0) return -1;
  return std::nullopt;
}

}  // namespace

int silu_level(const Dyadic& v, const Dyadic& scale) {
  if (v.mantissa == 0) return 0;
  Levels levels = levels_by_interval<30>(v, scale);
  if (levels.decided()) return levels.low;
  using Refinement = Levels (*)(const Dyadic&, const Dyadic&);
  for (Refinement refine : {Refinement{levels_by_interval<80>}, Refinement{levels_by_interval<250>},
                            Refinement{levels_by_interval<1000>}, Refinement{levels_by_interval<5000>}}) {
    if (levels.decided()) return levels.low;
    levels.intersect(refine(v, scale));
  }
  if (!levels.decided()) throw std::runtime_error("silu: 5000 decimal digits do not decide the rounding");
  return levels.low;
}

int silu_slope_sign(const Dyadic& v) {
  if (const auto sign = slope_sign<30>(v)) return *sign;
  if (const auto sign = slope_sign<250>(v)) return *sign;
  throw std::runtime_error("silu: 250 decimal digits do not decide the sign of the slope");
}

}  // namespace quasim::exact
