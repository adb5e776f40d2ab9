#include "stages/fp32_form.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "stages/requant.hpp"

namespace quasim::stages {
namespace {

/// q reaches `level` at `acc`, not before.
struct LevelStep {
  std::int32_t acc;
  int level;
};

class Channel {
 public:
  Channel(const StageProgram& stage, std::int64_t bias_word, std::int32_t acc_min, std::int32_t acc_max)
      : stage_(stage), bias_word_(bias_word), acc_min_(acc_min), acc_max_(acc_max) {
    std::int32_t from = acc_min;
    const int last = q(acc_max);
    for (int level = q(acc_min) + 1; level <= last; ++level) {
      from = first_reaching(level, from);
      steps_.push_back({from, level});
    }
  }

  int q(std::int32_t acc) const {
    return requant_round(requant_product(stage_.multiplier, acc), bias_word_, stage_.shift_bits,
                         stage_.rounding, stage_.conv_bits)
        .q;
  }

  /// Offset that splits the room between all steps evenly at slope a, and that room.
  struct Margin {
    double offset, room;
  };
  Margin margin(double a) const {
    double low = -std::numeric_limits<double>::infinity(), high = -low;
    for (const LevelStep& step : steps_) {
      const double boundary = step.level - 0.5;
      low = std::max(low, boundary - a * step.acc);
      high = std::min(high, boundary - a * (step.acc - 1));
    }
    return {(low + high) / 2, high - low};
  }

  bool proven(Fp32Form form) const {
    const auto value = [&](std::int32_t acc) { return std::fma(static_cast<float>(acc), form.a, form.b); };
    const auto at = [&](std::int32_t acc) {
      const double rounded = std::nearbyint(static_cast<double>(value(acc)));
      return static_cast<int>(std::clamp(rounded, static_cast<double>(spec::min_of_bits(stage_.conv_bits)),
                                         static_cast<double>(spec::max_of_bits(stage_.conv_bits))));
    };
    constexpr float kIntegerLimit = 0x1p30F;  // the kernels convert to int32
    if (!(form.a >= 0) || std::fabs(value(acc_min_)) > kIntegerLimit ||
        std::fabs(value(acc_max_)) > kIntegerLimit)
      return false;
    if (at(acc_min_) != q(acc_min_) || at(acc_max_) != q(acc_max_)) return false;
    return std::all_of(steps_.begin(), steps_.end(), [&](const LevelStep& step) {
      return at(step.acc) == q(step.acc) && at(step.acc - 1) == q(step.acc - 1);
    });
  }

  const std::vector<LevelStep>& steps() const { return steps_; }

 private:
  std::int32_t first_reaching(int level, std::int32_t low) const {
    std::int32_t high = acc_max_;
    while (low < high) {
      const std::int32_t middle = low + (high - low) / 2;
      if (q(middle) >= level)
        high = middle;
      else
        low = middle + 1;
    }
    return low;
  }

  const StageProgram& stage_;
  std::int64_t bias_word_;
  std::int32_t acc_min_, acc_max_;
  std::vector<LevelStep> steps_;
};

/// Slope near `start` with the most room; the room is concave in the slope.
double widest_slope(const Channel& channel, double start) {
  double low = start * (1 - 0x1p-8), high = start * (1 + 0x1p-8);
  for (int i = 0; i < 60; ++i) {
    const double left = low + (high - low) / 3, right = high - (high - low) / 3;
    if (channel.margin(left).room < channel.margin(right).room)
      low = left;
    else
      high = right;
  }
  return low + (high - low) / 2;
}

}  // namespace

std::optional<Fp32Form> find_fp32_form(const StageProgram& stage, std::int64_t bias_word,
                                       std::int32_t acc_min, std::int32_t acc_max) {
  const Channel channel(stage, bias_word, acc_min, acc_max);
  const double slope = std::ldexp(static_cast<double>(stage.multiplier), -stage.shift_bits);
  const double offset = std::ldexp(static_cast<double>(bias_word), -stage.shift_bits);
  const Fp32Form plain{static_cast<float>(slope), static_cast<float>(offset)};
  if (channel.proven(plain)) return plain;
  if (channel.steps().empty()) return std::nullopt;
  const auto widest = static_cast<float>(widest_slope(channel, slope));
  for (const float a : {widest, std::nextafter(widest, 0.0F), std::nextafter(widest, HUGE_VALF)}) {
    const Fp32Form form{a, static_cast<float>(channel.margin(a).offset)};
    if (channel.proven(form)) return form;
  }
  return std::nullopt;
}

}  // namespace quasim::stages
