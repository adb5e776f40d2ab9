#include "fast/float_grid.hpp"

#include <cmath>
#include <cstdint>

#include "fast/lattice_fit.hpp"

namespace qg {
namespace {

constexpr std::int64_t kInfinity = 0x7F800000;  // its key

// Half to even, without the rounding mode.
float rounded(float v) {
  const float whole = std::floor(v);
  const float part = v - whole;
  if (part != 0.5f) return part < 0.5f ? whole : whole + 1.0f;
  return std::fmod(whole, 2.0f) == 0.0f ? whole : whole + 1.0f;
}

// Key of the least x with round_half_even(fl(x / scale)) >= value.
std::int64_t step_to(float value, float scale) {
  std::int64_t below = -1 - kInfinity;
  std::int64_t reached = kInfinity;
  while (reached - below > 1) {
    const std::int64_t middle = (below + reached) / 2;
    (rounded(float_of_key(middle) / scale) >= value ? reached : below) = middle;
  }
  return reached;
}

float product(const FloatGrid& grid, float x) {
  return rounded(std::fma(x, grid.inverse, x * grid.rest));
}

}  // namespace

bool make_float_grid(float scale, FloatGrid& grid) {
  if (!(scale >= kFloatScaleMin && scale <= kFloatScaleMax)) return false;
  grid.inverse = 1.0f / scale;
  grid.rest = std::fma(-grid.inverse, scale, 1.0f) / scale;
  grid.low = float_of_key(step_to(-128.0f, scale));
  grid.high = float_of_key(step_to(128.0f, scale) - 1);
  if (product(grid, grid.low) != -128.0f || product(grid, grid.high) != 127.0f) return false;
  for (int value = -127; value <= 127; ++value) {
    const std::int64_t step = step_to(static_cast<float>(value), scale);
    if (product(grid, float_of_key(step)) < static_cast<float>(value) ||
        product(grid, float_of_key(step - 1)) >= static_cast<float>(value))
      return false;
  }
  return true;
}

}  // namespace qg
