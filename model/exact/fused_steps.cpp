#include "exact/fused_steps.hpp"

#include <algorithm>
#include <cmath>
#include <map>

#include "exact/oracle.hpp"
#include "exact/silu.hpp"

namespace quasim::exact {
namespace {

enum class Branch { kFalling, kRising };

// Where silu is least; only a starting point, nothing is concluded from it.
constexpr double kLowest = -1.278464542761074;
constexpr double kFarLeft = -800.0;

double silu_estimate(double v) {
  return v / (1.0 + std::exp(-v));
}

/// A double near the v on `branch` with silu(v) = target, by bisection down to neighbouring doubles.
double crossing_estimate(double target, Branch branch) {
  const bool falling = branch == Branch::kFalling;
  double low = falling ? kFarLeft : kLowest;
  double high = falling ? kLowest : (target > 0 ? 2 * target + 2 : 0.0);
  for (;;) {
    const double middle = low + (high - low) / 2;
    if (middle <= low || middle >= high) return middle;
    const bool right_of_middle = (silu_estimate(middle) < target) != falling;
    (right_of_middle ? low : high) = middle;
  }
}

Dyadic dyadic_of_double(double value) {
  int exponent = 0;
  const double fraction = std::frexp(value, &exponent);
  constexpr int kMantissaBits = 53;
  return {Integer(static_cast<long>(std::ldexp(fraction, kMantissaBits))), exponent - kMantissaBits};
}

/// Proven: on the branch, the level is on one side of `level` for all v <= low and on the other for all v >=
/// high.
struct Enclosure {
  bool proven = false;
  Dyadic low, high;
};

Enclosure enclose(int level, const Dyadic& scale, double scale_estimate, Branch branch) {
  const double centre = crossing_estimate((level - 0.5) * scale_estimate, branch);
  const bool rising = branch == Branch::kRising;
  constexpr double kFirstWidth = 0x1p-46, kLastWidth = 0x1p-20;
  for (double width = kFirstWidth; width <= kLastWidth; width *= 8) {
    const double reach = std::fabs(centre) * width;
    Enclosure tried{true, dyadic_of_double(centre - reach), dyadic_of_double(centre + reach)};
    const Dyadic& must_be_on_branch = rising ? tried.high : tried.low;
    if (silu_slope_sign(must_be_on_branch) == (rising ? 1 : -1) &&
        (silu_level(tried.low, scale) >= level) != rising &&
        (silu_level(tried.high, scale) >= level) == rising)
      return tried;
  }
  return {};
}

class FusedSteps {
 public:
  explicit FusedSteps(const Oracle& oracle)
      : oracle_(oracle), scale_(dyadic_of(oracle.layer().output_scale)) {}

  SliceSteps slice_steps(const Slice& slice) {
    slice_ = slice;
    const std::int32_t turn = first_rising();
    SliceSteps steps;
    if (turn > slice.acc_min) monotone_part(steps, slice.acc_min, turn - 1, Branch::kFalling);
    if (turn <= slice.acc_max) monotone_part(steps, turn, slice.acc_max, Branch::kRising);
    return steps;
  }

 private:
  int out(std::int32_t acc) const { return oracle_.fused_out(slice_.bias, acc); }

  /// First acc of the slice from which silu rises; acc_max + 1 where it falls throughout.
  std::int32_t first_rising() const {
    std::int64_t low = slice_.acc_min, high = std::int64_t{slice_.acc_max} + 1;
    while (low < high) {
      const std::int64_t middle = low + (high - low) / 2;
      if (silu_slope_sign(oracle_.y(slice_.bias, static_cast<std::int32_t>(middle))) > 0)
        high = middle;
      else
        low = middle + 1;
    }
    return static_cast<std::int32_t>(low);
  }

  void monotone_part(SliceSteps& steps, std::int32_t first, std::int32_t last, Branch branch) {
    const bool rising = branch == Branch::kRising;
    const int end_level = out(last);
    int level = out(first);
    append_step(steps, first, level);
    std::int32_t at = first;
    while (level != end_level) {
      // Rising: the first acc with out >= level + 1. Falling: the first one with out <= level - 1, that is
      // not >= level.
      at = first_across(rising ? level + 1 : level, branch, at, last);
      level += rising ? 1 : -1;
      if (steps.back().acc == at)
        steps.back().value = static_cast<std::int16_t>(level);
      else
        append_step(steps, at, level);
    }
  }

  /// First acc in [low, high] for which (out >= level) == rising; it exists.
  std::int32_t first_across(int level, Branch branch, std::int32_t low, std::int32_t high) {
    const bool rising = branch == Branch::kRising;
    const Enclosure& enclosure = enclosure_of(level, branch);
    if (enclosure.proven) {
      const Integer after = accumulator_at(enclosure.low, floor_quotient) + 1;
      const Integer until = accumulator_at(enclosure.high, ceil_quotient);
      low = clamp_integer(after, low, high);
      high = clamp_integer(until, low, high);
    }
    while (low < high) {
      const std::int32_t middle = low + (high - low) / 2;
      if ((out(middle) >= level) == rising)
        high = middle;
      else
        low = middle + 1;
    }
    return low;
  }

  /// Quotient (v - y at acc 0) / (y per acc), rounded as `divide` does.
  Integer accumulator_at(const Dyadic& v, Integer (*divide)(const Integer&, const Integer&)) const {
    const Dyadic origin = oracle_.y(slice_.bias, 0);
    const Integer per_acc = oracle_.y(0, 1).mantissa;
    if (v.exponent >= origin.exponent)
      return divide((v.mantissa << static_cast<unsigned>(v.exponent - origin.exponent)) - origin.mantissa,
                    per_acc);
    const auto shift = static_cast<unsigned>(origin.exponent - v.exponent);
    return divide(v.mantissa - (origin.mantissa << shift), per_acc << shift);
  }

  const Enclosure& enclosure_of(int level, Branch branch) {
    const auto [found, is_new] = enclosures_.try_emplace({level, branch});
    if (is_new) found->second = enclose(level, scale_, oracle_.layer().output_scale, branch);
    return found->second;
  }

  const Oracle& oracle_;
  Dyadic scale_;
  Slice slice_;
  std::map<std::pair<int, Branch>, Enclosure> enclosures_;
};

}  // namespace

StepFunction fused_steps(const Oracle& oracle, const Domain& domain) {
  FusedSteps steps(oracle);
  StepFunction function;
  for (const Slice& slice : domain.slices) function.push_back(steps.slice_steps(slice));
  return function;
}

}  // namespace quasim::exact
