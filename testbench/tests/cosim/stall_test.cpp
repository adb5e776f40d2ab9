// Stall patterns: every seed gives one, and it has the probability that was asked for.
#include <gtest/gtest.h>

#include <cmath>
#include <iostream>
#include <random>

#include "cosim/job.hpp"

namespace quasim::cosim {
namespace {

double share_of_stalls(std::uint64_t seed, double probability, int cycles) {
  StallPattern pattern(probability, seed);
  int stalls = 0;
  for (int i = 0; i < cycles; ++i) stalls += pattern.stalls() ? 1 : 0;
  return static_cast<double>(stalls) / cycles;
}

TEST(stalls, every_seed_stalls) {
  constexpr int kCycles = 20000;
  // The seed of the command is doubled for the driver, and one more for the receiver; the last two lead the
  // multiplication to -1, from which the generator would start at 0.
  constexpr std::uint64_t kCommand = 509115730388862561ULL;
  std::uint64_t inverse = 0x9E3779B97F4A7C15ULL;  // of the odd multiplier, by Newton's iteration
  for (int i = 0; i < 6; ++i) inverse *= 2 - 0x9E3779B97F4A7C15ULL * inverse;
  ASSERT_EQ(inverse * 0x9E3779B97F4A7C15ULL, 1U);
  std::vector<std::uint64_t> seeds{0,           1, 2, UINT64_MAX, kCommand, kCommand * 2, kCommand * 2 + 1,
                                   ~inverse + 1};
  std::mt19937_64 random(7);
  for (int i = 0; i < 100; ++i) seeds.push_back(random());
  int compared = 0;
  for (const std::uint64_t seed : seeds)
    for (const double probability : {0.1, 0.5, 0.9}) {
      // Six standard deviations.
      const double tolerance = 6 * std::sqrt(probability * (1 - probability) / kCycles);
      EXPECT_NEAR(share_of_stalls(seed, probability, kCycles), probability, tolerance) << seed;
      ++compared;
    }
  std::cout << compared << " patterns of " << kCycles << " cycles\n";
}

TEST(stalls, the_same_seed_stalls_in_the_same_cycles) {
  StallPattern a(0.3, 11), b(0.3, 11), c(0.3, 12);
  int differing = 0;
  for (int i = 0; i < 1000; ++i) {
    const bool stalls = a.stalls();
    EXPECT_EQ(stalls, b.stalls());
    differing += stalls != c.stalls();
  }
  EXPECT_GT(differing, 100);
}

}  // namespace
}  // namespace quasim::cosim
