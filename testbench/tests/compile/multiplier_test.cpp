// The multiplier search against brute force on layers small enough for it.
#include "compile/multiplier.hpp"

#include <gtest/gtest.h>

#include <iostream>
#include <optional>

#include "exact/oracle.hpp"
#include "tests/exact/layers.hpp"

namespace quasim {
namespace {

using compile::Datapath;
using compile::SliceBounds;
using exact::Domain;
using exact::StepFunction;

constexpr int kReach = 12;     // accumulators within +-kReach
constexpr int kTinyShift = 7;  // M/2^S is at least 1/4, so wider shifts need M >= 64
constexpr int kTinyBiasBits = 12;

int program_q(std::int64_t multiplier, std::int64_t word, int shift_bits, std::int32_t acc,
              const Datapath& datapath) {
  return static_cast<int>(spec::clamp_bits(
      spec::round_shift(multiplier * acc + word, shift_bits, datapath.rounding), datapath.conv_bits));
}

/// Fewest differing points of one slice over all bias words.
std::int64_t fewest(const exact::Slice& slice, const exact::SliceSteps& steps, std::int64_t multiplier,
                    int shift_bits, const Datapath& datapath) {
  std::int64_t best = INT64_MAX;
  const std::int64_t reach = std::int64_t{1} << (datapath.bias_bits - 1);
  for (std::int64_t word = -reach; word < reach; ++word) {
    std::int64_t differing = 0;
    for (std::int32_t acc = slice.acc_min; acc <= slice.acc_max && differing < best; ++acc)
      differing += program_q(multiplier, word, shift_bits, acc, datapath) != value_at(steps, acc);
    best = std::min(best, differing);
    if (best == 0) break;
  }
  return best;
}

struct TinyProblem {
  Domain domain;
  StepFunction q;
  std::vector<SliceBounds> bounds;
  Datapath datapath;
};

/// Accumulators within +-kReach, two bias values, three or four bits of q. `break_one` moves one step so that
/// no line may fit.
TinyProblem tiny_problem(std::mt19937_64& random, bool break_one) {
  LayerParams layer = test::random_layer(random);
  layer.conv_bits = 3 + static_cast<int>(random() % 2);
  layer.conv_scale =
      layer.input_scale * layer.weight_scale * (2.0F + static_cast<float>(random() % 50) / 25.0F);
  layer.bias_scale = *layer.conv_scale / 40.0F;
  TinyProblem problem;
  for (const int bias : {-60, 35}) problem.domain.slices.push_back({bias, -kReach, kReach, -1});
  problem.q = *exact::Oracle(layer).steps(problem.domain).q;
  if (break_one && problem.q[0].size() > 3) problem.q[0][2].acc += 1;
  problem.datapath = {layer.conv_bits, layer.effective_rounding(), 6, kTinyBiasBits};
  problem.bounds = bounds_of(problem.q, problem.domain, layer.conv_bits, compile::LevelRuns(layer.conv_bits));
  return problem;
}

std::int64_t total_fewest(const TinyProblem& problem, std::int64_t multiplier, int shift_bits) {
  std::int64_t total = 0;
  for (std::size_t s = 0; s < problem.q.size(); ++s)
    total += fewest(problem.domain.slices[s], problem.q[s], multiplier, shift_bits, problem.datapath);
  return total;
}

TEST(multiplier, the_multiplier_found_is_exact_and_the_smallest) {
  std::mt19937_64 random(7);
  std::cout << "seed 7\n";
  int found_count = 0, none_count = 0;
  for (int trial = 0; trial < 40; ++trial) {
    const TinyProblem problem = tiny_problem(random, trial % 4 == 3);
    const auto found = find_exact(problem.bounds, problem.datapath);
    std::optional<std::int64_t> smallest;
    for (std::int64_t multiplier = 0; multiplier < 64 && !smallest; ++multiplier)
      for (int shift_bits = 0; shift_bits <= kTinyShift && !smallest; ++shift_bits)
        if (total_fewest(problem, multiplier, shift_bits) == 0) smallest = multiplier;
    ASSERT_EQ(found.has_value(), smallest.has_value()) << "trial " << trial;
    (found ? found_count : none_count) += 1;
    if (!found) continue;
    EXPECT_EQ(std::int64_t{found->multiplier}, *smallest) << "trial " << trial;
    for (std::size_t s = 0; s < problem.q.size(); ++s)
      for (std::int32_t acc = -kReach; acc <= kReach; ++acc)
        EXPECT_EQ(
            program_q(found->multiplier, found->bias_words[s], found->shift_bits, acc, problem.datapath),
            value_at(problem.q[s], acc));
  }
  std::cout << found_count << " exact and " << none_count
            << " impossible problems compared with brute force\n";
  EXPECT_GT(found_count, 0);
  EXPECT_GT(none_count, 0);
}

/// At narrow widths the best M lies beyond them.
TEST(multiplier, the_closest_multiplier_fits_into_its_width) {
  std::mt19937_64 random(12);
  int compared = 0, largest = 0;
  for (int trial = 0; trial < 60; ++trial) {
    TinyProblem problem = tiny_problem(random, true);
    for (int mult_bits = 1; mult_bits <= 5; ++mult_bits, ++compared) {
      problem.datapath.mult_bits = mult_bits;
      const auto found = find_closest(problem.bounds, problem.datapath).multiplier.multiplier;
      EXPECT_LT(found, 1U << mult_bits) << "trial " << trial;
      largest += found == (1U << mult_bits) - 1;
    }
  }
  std::cout << compared << " searches, " << largest << " took the largest multiplier\n";
  EXPECT_GT(largest, 5);
}

TEST(multiplier, the_closest_multiplier_respects_its_bound_and_meets_brute_force) {
  std::mt19937_64 random(11);
  std::cout << "seed 11\n";
  int compared = 0, best = 0;
  for (int trial = 0; trial < 60; ++trial) {
    TinyProblem problem = tiny_problem(random, true);
    problem.datapath.mult_bits = 4;
    if (find_exact(problem.bounds, problem.datapath)) continue;
    const compile::ClosestMultiplier closest = find_closest(problem.bounds, problem.datapath);
    std::int64_t brute = INT64_MAX;
    for (std::int64_t multiplier = 0; multiplier < 16; ++multiplier)
      for (int shift_bits = 0; shift_bits <= kTinyShift && brute > 1; ++shift_bits)
        brute = std::min(brute, total_fewest(problem, multiplier, shift_bits));
    std::int64_t differing = 0;
    for (std::size_t s = 0; s < problem.q.size(); ++s)
      for (std::int32_t acc = -kReach; acc <= kReach; ++acc)
        differing +=
            program_q(closest.multiplier.multiplier, closest.multiplier.bias_words[s],
                      closest.multiplier.shift_bits, acc, problem.datapath) != value_at(problem.q[s], acc);
    EXPECT_LE(differing, closest.displaced_points) << "trial " << trial;
    EXPECT_GE(differing, brute) << "trial " << trial;
    EXPECT_LE(closest.at_least, brute) << "trial " << trial;
    ++compared;
    best += differing == brute;
  }
  std::cout << best << " of " << compared << " searches reached the optimum of brute force\n";
  EXPECT_GT(compared, 10);
  EXPECT_GE(best * 10, compared * 8);
}

TEST(multiplier, a_target_that_falls_is_reported) {
  EXPECT_TRUE(compile::falls_somewhere({{{0, 1}, {5, 2}, {9, 1}}}));
  EXPECT_FALSE(compile::falls_somewhere({{{0, 1}, {5, 2}, {9, 7}}}));
}

TEST(multiplier, level_thresholds_are_the_least_products_that_round_there) {
  std::int64_t compared = 0;
  for (const Rounding rounding : {Rounding::kHalfEven, Rounding::kHalfAway})
    for (int shift_bits = 0; shift_bits <= 12; ++shift_bits)
      for (std::int64_t level = -40; level <= 40; ++level) {
        const std::int64_t p = compile::level_threshold(level, shift_bits, rounding);
        EXPECT_GE(spec::round_shift(p, shift_bits, rounding), level);
        EXPECT_LT(spec::round_shift(p - 1, shift_bits, rounding), level);
        compared += 2;
      }
  std::cout << compared << " comparisons\n";
  EXPECT_GT(compared, 0);
}

}  // namespace
}  // namespace quasim
