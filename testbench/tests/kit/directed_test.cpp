// Directed vectors against brute force: what is reachable, which steps are covered, and that no wrong
// threshold escapes.
#include "kit/directed.hpp"

#include <gtest/gtest.h>

#include <map>
#include <random>
#include <set>

#include "kit/reachable.hpp"
#include "stages/requant.hpp"

namespace quasim::kit {
namespace {

std::int32_t dot(const std::int8_t* w, const std::int8_t* x, std::size_t taps) {
  std::int32_t acc = 0;
  for (std::size_t k = 0; k < taps; ++k) acc += w[k] * x[k];
  return acc;
}

TEST(reachable_set, equals_all_windows_of_two_taps) {
  const std::vector<std::vector<std::int8_t>> rows{{1, 1},    {-128, 127}, {0, 0},      {0, -7},
                                                   {100, 50}, {-3, 127},   {-128, -128}};
  std::size_t compared = 0;
  for (const auto& w : rows) {
    std::set<std::int32_t> sums;
    for (int a = -128; a < 128; ++a)
      for (int b = -128; b < 128; ++b) sums.insert(w[0] * a + w[1] * b);
    const ReachableSet set(w.data(), 2);
    for (std::int32_t acc = -33000; acc <= 33000; ++acc) {
      ASSERT_EQ(set.contains(acc), sums.count(acc) != 0)
          << "w " << int{w[0]} << " " << int{w[1]} << " acc " << acc;
      const auto above = sums.lower_bound(acc);
      ASSERT_EQ(set.at_or_above(acc),
                above == sums.end() ? std::nullopt : std::optional<std::int32_t>(*above));
      const auto below = sums.upper_bound(acc);
      ASSERT_EQ(set.at_or_below(acc),
                below == sums.begin() ? std::nullopt : std::optional<std::int32_t>(*std::prev(below)));
      compared += 3;
    }
    for (const std::int32_t acc : sums) {
      std::int8_t x[2];
      set.solve(acc, static_cast<unsigned>(acc) % 256, x);
      ASSERT_EQ(dot(w.data(), x, 2), acc);
      ++compared;
    }
  }
  ASSERT_GT(compared, 1000000U);
}

/// A random program of a few channels with three or four taps.
LayerProgram random_program(std::mt19937& random, int taps, int conv_bits) {
  constexpr std::size_t kChannels = 3;
  LayerProgram program;
  program.name = "random";
  program.taps = taps;
  program.stage().conv_bits = conv_bits;
  program.stage().rounding = random() % 2 == 0 ? Rounding::kHalfEven : Rounding::kHalfAway;
  program.stage().multiplier = static_cast<std::uint32_t>(1 + random() % ((1U << 20) - 1));
  program.stage().shift_bits = 22 + static_cast<int>(random() % 6);
  program.weight = TensorCK<std::int8_t>({kChannels, static_cast<std::size_t>(taps)});
  for (std::size_t i = 0; i < program.weight.size(); ++i)
    program.weight.data()[i] = static_cast<std::int8_t>(static_cast<int>(random() % 256) - 128);
  if (random() % 2 == 0)  // a common factor leaves gaps
    for (std::size_t i = 0; i < program.weight.size(); ++i)
      program.weight.data()[i] = static_cast<std::int8_t>(program.weight.data()[i] / 16 * 16);
  for (std::size_t i = 0; i < kChannels; ++i)
    program.bias_words.push_back(static_cast<std::int64_t>(random() % (1U << 31)) - (std::int64_t{1} << 30));
  for (int i = 0; i < 1 << conv_bits; ++i)
    program.stage().silu_table.push_back(static_cast<std::int8_t>(i / 2));
  return program;
}

int q_of(const LayerProgram& program, std::int64_t bias_word, std::int32_t acc) {
  return stages::requant_round(stages::requant_product(program.stage().multiplier, acc), bias_word,
                               program.stage().shift_bits, program.stage().rounding,
                               program.stage().conv_bits)
      .q;
}

TEST(directed, windows_sit_on_both_sides_of_every_reachable_step) {
  std::mt19937 random(1);
  std::size_t covered = 0, uncovered = 0;
  for (int trial = 0; trial < 12; ++trial) {
    const LayerProgram program = random_program(random, 2 + trial % 3, 4 + trial % 6);
    const auto taps = static_cast<std::size_t>(program.taps);
    std::vector<DirectedStep> steps;
    const DirectedVectors vectors =
        solve_directed(program, [&](const DirectedStep& step) { steps.push_back(step); });
    ASSERT_EQ(steps.size(), 3U * ((1U << program.stage().conv_bits) - 1));
    for (const DirectedStep& step : steps) {
      const auto channel = static_cast<std::size_t>(step.channel);
      const std::int8_t* w = program.weight.data() + channel * taps;
      const ReachableSet set(w, taps);
      // brute force: the reachable accumulators next to the step
      std::optional<std::int32_t> below, above;
      for (std::int32_t acc = -65536; acc <= 65536; ++acc) {
        if (!set.contains(acc)) continue;
        if (q_of(program, program.bias_words[channel], acc) < step.level)
          below = acc;
        else if (!above)
          above = acc;
      }
      ASSERT_EQ(step.covered(), below && above);
      (step.covered() ? covered : uncovered) += 1;
      if (!step.covered()) continue;
      for (const auto& [side, want] : {std::pair{*step.below, *below}, std::pair{*step.above, *above}}) {
        ASSERT_EQ(side.acc, want);
        ASSERT_EQ(dot(w, &vectors.windows.at(side.window, channel, 0), taps), want);
      }
    }
  }
  EXPECT_GT(covered, 1000U);
  EXPECT_GT(uncovered, 10U);
}

/// An implementation with another bias word is seen by the windows exactly when it differs for any reachable
/// window.
TEST(directed, sees_every_wrong_bias_that_matters) {
  std::mt19937 random(2);
  std::size_t seen = 0, harmless = 0;
  for (int trial = 0; trial < 6; ++trial) {
    const LayerProgram program = random_program(random, 4 - trial % 2, 6);
    const auto taps = static_cast<std::size_t>(program.taps);
    const DirectedVectors vectors = solve_directed(program, [](const DirectedStep&) {});
    for (std::size_t channel = 0; channel < 3; ++channel) {
      const std::int8_t* w = program.weight.data() + channel * taps;
      const ReachableSet set(w, taps);
      const std::int64_t right = program.bias_words[channel];
      for (int fault = 0; fault < 24; ++fault) {
        const std::int64_t size = std::int64_t{1} << (fault / 2 * 2),
                           wrong = right + (fault % 2 == 0 ? size : -size);
        const auto differs = [&](std::int32_t acc) {
          return q_of(program, right, acc) != q_of(program, wrong, acc);
        };
        bool matters = false, caught = false;
        for (std::int32_t acc = -65536; acc <= 65536 && !matters; ++acc)
          matters = set.contains(acc) && differs(acc);
        for (std::size_t window = 0; window < vectors.windows.extent<'B'>(); ++window)
          caught = caught || differs(dot(w, &vectors.windows.at(window, channel, 0), taps));
        ASSERT_EQ(caught, matters) << "channel " << channel << " bias word " << right << " instead " << wrong;
        (matters ? seen : harmless) += 1;
      }
    }
  }
  EXPECT_GT(seen, 50U);
  EXPECT_GT(harmless, 20U);
}

}  // namespace
}  // namespace quasim::kit
