// From a target's steps to intervals of bias words: every bound, its ends, and the searches on top of them,
// against enumeration.
#include <gtest/gtest.h>

#include <iostream>
#include <random>

#include "compile/multiplier.hpp"
#include "compile/nearest.hpp"
#include "exact/oracle.hpp"
#include "spec/error.hpp"
#include "tests/exact/layers.hpp"

namespace quasim {
namespace {

using compile::BiasInterval;
using compile::Bound;
using compile::Datapath;
using compile::LevelRuns;
using compile::SliceBounds;

/// All non-decreasing functions on `points` places with values from -2 to 1.
std::vector<std::vector<int>> rising_functions(int points) {
  std::vector<std::vector<int>> all{{}};
  for (int i = 0; i < points; ++i) {
    std::vector<std::vector<int>> longer;
    for (const std::vector<int>& start : all)
      for (int value = start.empty() ? -2 : start.back(); value <= 1; ++value) {
        longer.push_back(start);
        longer.back().push_back(value);
      }
    all = longer;
  }
  return all;
}

bool meets(const std::vector<int>& q, std::int32_t acc_min, const SliceBounds& bounds) {
  const auto at = [&](const Bound& bound) { return q[static_cast<std::size_t>(bound.acc - acc_min)]; };
  for (const Bound& bound : bounds.at_least)
    if (at(bound) < bound.level) return false;
  for (const Bound& bound : bounds.at_most)
    if (at(bound) > bound.level) return false;
  return true;
}

/// Every rising target of two bits, every table of four entries from {0, 1}: the bounds admit exactly the
/// functions that look equal.
TEST(bounds, admit_exactly_the_functions_that_give_the_same_values) {
  constexpr int kPoints = 5;
  constexpr std::int32_t kFirst = -2;
  const std::vector<std::vector<int>> functions = rising_functions(kPoints);
  std::int64_t compared = 0, admitted = 0;
  for (const std::vector<int>& target : functions) {
    exact::SliceSteps steps;
    for (int i = 0; i < kPoints; ++i)
      exact::append_step(steps, kFirst + i, target[static_cast<std::size_t>(i)]);
    const exact::Domain domain{exact::DomainKind::kReachable, {{0, kFirst, kFirst + kPoints - 1, 0}}};
    for (int choice = -1; choice < 16; ++choice) {  // -1: every q counts by itself
      std::vector<std::int8_t> table;
      for (int i = 0; i < 4; ++i) table.push_back(static_cast<std::int8_t>(choice < 0 ? i : choice >> i & 1));
      const LevelRuns runs = choice < 0 ? LevelRuns(2) : LevelRuns(2, table);
      const SliceBounds bounds = bounds_of({steps}, domain, 2, runs).front();
      for (const std::vector<int>& q : functions) {
        // Neighbouring equal entries may be exchanged; equal ones with another between them may not.
        bool same = true;
        for (std::size_t i = 0; i < q.size(); ++i)
          for (int level = std::min(q[i], target[i]); level < std::max(q[i], target[i]); ++level)
            same = same &&
                   table[static_cast<std::size_t>(level + 2)] == table[static_cast<std::size_t>(level + 3)];
        EXPECT_EQ(meets(q, kFirst, bounds), same) << "table " << choice;
        admitted += same;
        ++compared;
      }
    }
  }
  std::cout << compared << " functions compared, " << admitted << " admitted\n";
  EXPECT_EQ(compared, 56 * 56 * 17);
  EXPECT_GT(admitted, 56 * 17);
}

std::int64_t rounded(std::int64_t multiplier, std::int64_t word, int shift_bits, const Bound& bound,
                     Rounding rounding) {
  return spec::round_shift(multiplier * bound.acc + word, shift_bits, rounding);
}

/// The interval's ends meet every bound; one word beyond either end misses one, or the bias memory.
TEST(bounds, intervals_end_where_the_first_bound_is_missed) {
  std::mt19937_64 random(71);
  std::int64_t intervals = 0, empty = 0, at_limit = 0;
  for (int trial = 0; trial < 3000; ++trial) {
    Datapath datapath;
    datapath.rounding = trial % 2 == 0 ? Rounding::kHalfEven : Rounding::kHalfAway;
    datapath.bias_bits = 8 + static_cast<int>(random() % 12);
    const int shift_bits = static_cast<int>(random() % 8);
    SliceBounds bounds;
    std::int32_t acc = -20 + static_cast<std::int32_t>(random() % 10);
    int level = -8 + static_cast<int>(random() % 8);
    for (int i = static_cast<int>(random() % 5); i >= 0; --i) {
      bounds.at_most.push_back({acc, level});
      acc += 1;
      level += 1 + static_cast<int>(random() % 2);
      bounds.at_least.push_back({acc, level});
      acc += static_cast<std::int32_t>(random() % 6);
    }
    if (trial % 5 == 0) bounds.at_most.clear();
    if (trial % 7 == 0) bounds.at_least.clear();
    const BiasInterval interval(bounds, shift_bits, datapath);
    const auto serves = [&](std::int64_t multiplier, std::int64_t word) {
      if (spec::clamp_bits(word, datapath.bias_bits) != word) return false;
      for (const Bound& bound : bounds.at_least)
        if (rounded(multiplier, word, shift_bits, bound, datapath.rounding) < bound.level) return false;
      for (const Bound& bound : bounds.at_most)
        if (rounded(multiplier, word, shift_bits, bound, datapath.rounding) > bound.level) return false;
      return true;
    };
    for (const std::int64_t multiplier : {std::int64_t{0}, std::int64_t{1}, std::int64_t{1} << shift_bits,
                                          static_cast<std::int64_t>(random() % 200)}) {
      const std::int64_t low = interval.low(multiplier), high = interval.high(multiplier);
      EXPECT_EQ(interval.gap(multiplier), low - high);
      ++intervals;
      const std::int64_t least = spec::min_of_bits(datapath.bias_bits),
                         greatest = spec::max_of_bits(datapath.bias_bits);
      if (low <= high) {
        EXPECT_TRUE(serves(multiplier, low) && serves(multiplier, high));
        EXPECT_FALSE(serves(multiplier, low - 1) || serves(multiplier, high + 1));
        at_limit += low == least || high == greatest;
        continue;
      }
      ++empty;
      for (std::int64_t word = least; word <= greatest && datapath.bias_bits <= 10; ++word)
        EXPECT_FALSE(serves(multiplier, word)) << word << " serves, but the interval is empty";
    }
    // Several slices: the widest conflict counts.
    SliceBounds other{{{3, 2}}, {{2, 1}}};
    const std::vector<BiasInterval> both{interval, BiasInterval(other, shift_bits, datapath)};
    for (const std::int64_t multiplier : {0, 3, 90})
      EXPECT_EQ(worst_gap(both, multiplier), std::max(both[0].gap(multiplier), both[1].gap(multiplier)));
  }
  std::cout << intervals << " intervals, " << empty << " empty, " << at_limit << " up to the width of B\n";
  EXPECT_GT(empty, 100);
  EXPECT_GT(at_limit, 100);
  EXPECT_GT(intervals - empty, 1000);
}

TEST(bounds, searches_over_integers_find_the_first) {
  std::int64_t compared = 0;
  for (int low = -3; low <= 3; ++low)
    for (int high = low; high <= 9; ++high)
      for (int place = -4; place <= 10; ++place) {
        EXPECT_EQ(compile::first_true(low, high, [&](std::int64_t x) { return x >= place; }),
                  std::clamp(place, low, high));
        const int width = 1 + (place + 6) % 3;  // a floor of several equal least values
        const auto valley = [&](std::int64_t x) {
          return x < place ? place - x : x > place + width ? x - place - width : 0;
        };
        EXPECT_EQ(compile::convex_minimum(low, high, valley), std::clamp(place, low, high));
        compared += 2;
      }
  EXPECT_GT(compared, 500);
}

/// The least M of all, and words in the middle of what it leaves; brute force over M, S and both words.
TEST(bounds, the_smallest_multiplier_over_every_shift_is_found) {
  std::mt19937_64 random(72);
  std::int64_t tried = 0, found_count = 0;
  constexpr int kMultBits = 5, kBiasBits = 10;
  for (int trial = 0; trial < 200; ++trial) {
    Datapath datapath;
    datapath.rounding = trial % 2 == 0 ? Rounding::kHalfEven : Rounding::kHalfAway;
    datapath.mult_bits = kMultBits;
    datapath.bias_bits = kBiasBits;
    datapath.conv_bits = 4;
    std::vector<SliceBounds> slices;
    const int slope = 2 + static_cast<int>(random() % 5);
    for (int s = 0; s < 2; ++s) {
      SliceBounds bounds;
      std::int32_t acc = -8 + static_cast<std::int32_t>(random() % 4);
      for (int level = -3; level < 3; ++level) {
        bounds.at_most.push_back({acc - 1, level - 1});
        bounds.at_least.push_back({acc, level});
        acc += slope + (random() % 6 == 0 ? 1 : 0);
      }
      slices.push_back(bounds);
    }
    std::optional<std::int64_t> least;
    for (std::int64_t multiplier = 0; multiplier < 1 << kMultBits && !least; ++multiplier)
      for (int shift_bits = 0; shift_bits <= spec::kShiftMax && !least; ++shift_bits) {
        bool all = true;
        for (const SliceBounds& slice : slices) {
          const BiasInterval interval(slice, shift_bits, datapath);
          all = all && interval.low(multiplier) <= interval.high(multiplier);
        }
        if (all) least = multiplier;
      }
    const auto found = find_exact(slices, datapath);
    ASSERT_EQ(found.has_value(), least.has_value());
    ++tried;
    if (!found) continue;
    ++found_count;
    EXPECT_EQ(std::int64_t{found->multiplier}, *least);
    for (std::size_t s = 0; s < slices.size(); ++s) {
      const BiasInterval interval(slices[s], found->shift_bits, datapath);
      const std::int64_t low = interval.low(*least), high = interval.high(*least),
                         word = found->bias_words[s];
      EXPECT_TRUE(word == (low + high) / 2 || word == low + (high - low) / 2)
          << low << " " << word << " " << high;
    }
  }
  std::cout << tried << " problems, " << found_count << " with a multiplier\n";
  EXPECT_GT(found_count, 50);
  EXPECT_GT(tried - found_count, 20);
}

/// The nearest program is the one that its scales say, in rational numbers: M and B rounded to the nearest, M
/// as wide as it may be.
TEST(nearest, multiplier_and_words_are_the_nearest_to_the_scales) {
  std::mt19937_64 random(73);
  std::int64_t words = 0, entries = 0;
  for (int trial = 0; trial < 120; ++trial) {
    LayerParams layer = test::random_layer(random);
    if (trial < 20) {  // just below and at powers of two: rounding carries out of the top bit
      layer.input_scale = std::nextafter(0.5F, trial % 2 == 0 ? 0.0F : 1.0F);
      layer.weight_scale = std::ldexp(1.0F, -(trial % 7));
      layer.conv_scale = 1.0F;
    }
    const Bundle bundle = test::random_bundle(random, layer, 4, 127);
    compile::Widths widths;
    widths.mult_bits = trial % 3 == 0 ? 8 : trial % 3 == 1 ? 16 : 24;
    widths.bias_bits = trial % 4 == 0 ? 26 : spec::kBiasBitsMax;
    const LayerProgram program = compile::nearest_program(bundle, widths);
    const StageProgram& stage = program.stage();
    const exact::Oracle oracle(bundle.layer);
    const exact::Rational scale = exact::dyadic_of(layer.effective_conv_scale()).rational();
    const exact::Rational power = exact::Integer(1) << static_cast<unsigned>(stage.shift_bits);
    const exact::Rational ideal = oracle.y(0, 1).rational() / scale * power;
    EXPECT_LE(abs(exact::Rational(ideal - stage.multiplier)),
              exact::Rational(1, 2) + exact::Rational(1, 1000000));
    EXPECT_LT(stage.multiplier >> widths.mult_bits, 1U);
    // As wide as it may be: another shift would not fit the multiplier, or q not the bias word.
    const bool widest =
        2 * ideal >= exact::Rational((exact::Integer(1) << static_cast<unsigned>(widths.mult_bits)) - 1);
    EXPECT_TRUE(widest || stage.shift_bits == spec::kShiftMax ||
                stage.shift_bits == widths.bias_bits - layer.conv_bits - 1)
        << stage.shift_bits << " " << stage.multiplier;
    EXPECT_EQ(program.mult_bits, widths.mult_bits);
    EXPECT_EQ(program.bias_bits, widths.bias_bits);
    EXPECT_EQ(stage.rounding, layer.effective_rounding());
    for (std::size_t c = 0; c < 4; ++c) {
      const exact::Rational ideal_word = oracle.y(bundle.bias[c], 0).rational() / scale * power;
      const exact::Integer nearest = exact::round_rational(ideal_word, Rounding::kHalfEven);
      const exact::Integer low = spec::min_of_bits(widths.bias_bits),
                           high = spec::max_of_bits(widths.bias_bits);
      const exact::Integer kept = nearest < low ? low : nearest > high ? high : nearest;
      EXPECT_LE(abs(exact::Integer(kept - program.bias_words[c])),
                1 + abs(kept) / (exact::Integer(1) << 50U));
      ++words;
    }
    const std::vector<std::int8_t> table = oracle.table();
    ASSERT_EQ(stage.silu_table.size(), table.size());
    for (std::size_t i = 0; i < table.size(); ++i, ++entries) EXPECT_EQ(stage.silu_table[i], table[i]) << i;
  }
  std::cout << words << " words and " << entries << " entries compared\n";
  EXPECT_EQ(words, 480);
  LayerParams fused = test::random_fused_layer(random);
  EXPECT_THROW(compile::nearest_program(test::random_bundle(random, fused, 1, 5), {}), InputError);
}

}  // namespace
}  // namespace quasim
