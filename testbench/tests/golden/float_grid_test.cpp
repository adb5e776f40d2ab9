// From floats to the int8 grid without a division: make_float_grid's constants against the definition, which divides.
#include "fast/float_grid.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>
#include <random>

namespace {

int by_division(float x, float scale) {
  return static_cast<int>(std::fmin(std::fmax(std::nearbyint(x / scale), -128.0f), 127.0f));
}

float flushed(float x) {
  return std::fpclassify(x) == FP_SUBNORMAL ? 0.0f : x;
}

// As the kernel does it: a sum at 1.5 * 2^23 is rounded to a whole number. `flush`: as in math fast, which
// takes subnormal numbers for 0.
int by_product(const qg::FloatGrid& grid, float x, bool flush = false) {
  const auto seen = [&](float v) { return flush ? flushed(v) : v; };
  const float c = seen(std::fmin(std::fmax(seen(x), grid.low), grid.high));
  const float sum = seen(std::fma(c, seen(grid.inverse), seen(c * seen(grid.rest)))) + 12582912.0f;
  std::uint32_t bits;
  std::memcpy(&bits, &sum, sizeof bits);
  return static_cast<std::int8_t>(bits);
}

float moved(float x, int ulps) {
  const float to = ulps > 0 ? std::numeric_limits<float>::infinity() : -std::numeric_limits<float>::infinity();
  for (int i = 0; i < std::abs(ulps); ++i) x = std::nextafter(x, to);
  return x;
}

// Beside every step, at the ends of fp32, and around zero.
void expect_equal_at_steps(const qg::FloatGrid& grid, float scale) {
  for (int value = -130; value <= 130; ++value)
    for (int ulps = -3; ulps <= 3; ++ulps) {
      const float x = moved(static_cast<float>((value + 0.5) * static_cast<double>(scale)), ulps);
      for (const bool flush : {false, true})
        ASSERT_EQ(by_product(grid, x, flush), by_division(x, scale)) << "scale " << scale << ", x " << x;
    }
  for (const float x : {0.0f, -0.0f, 1e-45f, -1e-45f, 1e-38f, -3e38f, 3e38f, std::numeric_limits<float>::infinity(),
                        -std::numeric_limits<float>::infinity()})
    for (const bool flush : {false, true})
      ASSERT_EQ(by_product(grid, x, flush), by_division(x, scale)) << "scale " << scale << ", x " << x;
}

TEST(float_grid, equals_the_division_at_every_number_between_the_clamps) {
  const float scale = 0.07180339097976685f;
  qg::FloatGrid grid{};
  ASSERT_TRUE(qg::make_float_grid(scale, grid));
  std::uint64_t differ = 0, compared = 0;
  for (const float sign : {-1.0f, 1.0f})
    for (float x = 0.4f * scale; x < 130.0f * scale; x = std::nextafter(x, std::numeric_limits<float>::infinity())) {
      differ += by_product(grid, sign * x) != by_division(sign * x, scale);
      ++compared;
    }
  EXPECT_EQ(differ, 0u);
  EXPECT_GT(compared, 130'000'000u);
}

TEST(float_grid, equals_the_division_beside_every_step_of_any_scale) {
  std::mt19937_64 random(7);
  std::uniform_real_distribution<double> exponent(-64, 64);
  for (int i = 0; i < 3000; ++i) {
    const float scale = static_cast<float>(std::exp2(exponent(random)));
    qg::FloatGrid grid{};
    ASSERT_TRUE(qg::make_float_grid(scale, grid)) << scale;
    expect_equal_at_steps(grid, scale);
    if (HasFatalFailure()) return;
  }
}

TEST(float_grid, scales_at_the_ends_of_fp32_are_refused) {
  for (int power = -126; power <= 127; ++power)
    for (const float factor : {1.0f, 1.9999999f, 1.3333334f}) {
      const float scale = std::ldexp(factor, power);
      qg::FloatGrid grid{};
      const bool taken = qg::make_float_grid(scale, grid);
      EXPECT_EQ(taken, scale >= qg::kFloatScaleMin && scale <= qg::kFloatScaleMax) << scale;
      if (taken) expect_equal_at_steps(grid, scale);
      if (HasFatalFailure()) return;
    }
  qg::FloatGrid grid{};
  for (const float scale : {0.0f, -0.1f, std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity()})
    EXPECT_FALSE(qg::make_float_grid(scale, grid));
}

// What the second product is for, and what this test would find without it.
TEST(float_grid, the_inverse_alone_is_wrong_somewhere) {
  std::mt19937_64 random(9);
  std::uniform_real_distribution<double> exponent(-10, 10);
  int wrong = 0;
  for (int i = 0; i < 100; ++i) {
    const float scale = static_cast<float>(std::exp2(exponent(random)));
    qg::FloatGrid grid{};
    ASSERT_TRUE(qg::make_float_grid(scale, grid));
    grid.rest = 0;
    for (int value = -128; value <= 127; ++value)
      for (int ulps = -3; ulps <= 3; ++ulps) {
        const float x = moved(static_cast<float>((value + 0.5) * static_cast<double>(scale)), ulps);
        wrong += by_product(grid, x) != by_division(x, scale);
      }
  }
  EXPECT_GT(wrong, 100);
}

}  // namespace
