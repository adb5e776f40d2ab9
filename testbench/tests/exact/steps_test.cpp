// Step functions against lists of all values: enumeration at every place of its blocks, comparison, look-up
// and mapping.
#include "exact/steps.hpp"

#include <gtest/gtest.h>

#include <iostream>
#include <random>

namespace quasim {
namespace {

using exact::Domain;
using exact::Slice;
using exact::SliceSteps;
using exact::StageSteps;

/// A value for every accumulator of every slice; bias is the slice's number.
struct Values {
  Domain domain;
  std::vector<std::vector<int>> q, out;

  int at(const std::vector<std::vector<int>>& list, const Slice& slice, std::int32_t acc) const {
    return list[static_cast<std::size_t>(slice.bias)][static_cast<std::size_t>(acc - slice.acc_min)];
  }
};

class Source : public exact::PointSource {
 public:
  Source(const Values& values, bool has_q, int uncovered = -1)
      : values_(values), has_q_(has_q), uncovered_(uncovered) {}
  bool has_q() const override { return has_q_; }
  bool covers(const Slice& slice) const override { return slice.bias != uncovered_; }
  void evaluate(const Slice& slice, std::int32_t acc_first, std::size_t count, std::int16_t* q,
                std::int8_t* out) const override {
    for (std::size_t i = 0; i < count; ++i) {
      const std::int32_t acc = acc_first + static_cast<std::int32_t>(i);
      ASSERT_TRUE(acc >= slice.acc_min && acc <= slice.acc_max) << "asked for a point outside the slice";
      if (has_q_) q[i] = static_cast<std::int16_t>(values_.at(values_.q, slice, acc));
      out[i] = static_cast<std::int8_t>(values_.at(values_.out, slice, acc));
    }
  }

 private:
  const Values& values_;
  bool has_q_;
  int uncovered_;
};

/// Slices around the sizes of a chunk (64) and of a block (4096), that change often or seldom.
Values random_values(std::mt19937_64& random) {
  Values values;
  constexpr std::int64_t kSizes[] = {1, 2, 63, 64, 65, 127, 128, 129, 4095, 4096, 4097, 8192, 8200};
  int bias = 0;
  for (const std::int64_t size : kSizes) {
    const auto first = static_cast<std::int32_t>(random() % 20000) - 10000;
    values.domain.slices.push_back({bias++, first, static_cast<std::int32_t>(first + size - 1), 0});
    const std::uint64_t seldom = 1 + random() % 3 * 200;
    for (auto* list : {&values.q, &values.out}) {
      std::vector<int> row;
      for (std::int64_t i = 0; i < size; ++i) {
        const bool edge = i % 64 == 0 || i % 64 == 63 || i + 1 == size;
        const bool change = row.empty() || random() % seldom == 0 || (edge && random() % 4 == 0);
        row.push_back(change ? static_cast<int>(random() % 7) - 3 : row.back());
      }
      list->push_back(row);
    }
  }
  return values;
}

void expect_steps(const SliceSteps& steps, const std::vector<int>& values, const Slice& slice,
                  std::int64_t& compared) {
  ASSERT_FALSE(steps.empty());
  EXPECT_EQ(steps.front().acc, slice.acc_min);
  for (std::size_t i = 1; i < steps.size(); ++i) {
    EXPECT_LT(steps[i - 1].acc, steps[i].acc);
    EXPECT_NE(steps[i - 1].value, steps[i].value);
  }
  for (std::size_t i = 0; i < values.size(); ++i, ++compared)
    ASSERT_EQ(value_at(steps, slice.acc_min + static_cast<std::int32_t>(i)), values[i])
        << "point " << i << " of " << values.size();
}

TEST(steps, enumeration_keeps_every_value) {
  std::mt19937_64 random(61);
  std::int64_t compared = 0;
  for (int trial = 0; trial < 12; ++trial) {
    const Values values = random_values(random);
    const StageSteps steps = enumerate(Source(values, true), values.domain);
    for (std::size_t s = 0; s < values.domain.slices.size(); ++s) {
      expect_steps(steps.out[s], values.out[s], values.domain.slices[s], compared);
      expect_steps((*steps.q)[s], values.q[s], values.domain.slices[s], compared);
    }
    EXPECT_FALSE(enumerate(Source(values, false), values.domain).q.has_value());
  }
  std::cout << compared << " points compared\n";
  EXPECT_GT(compared, 500000);
}

TEST(steps, comparison_counts_and_shows_every_differing_point_once) {
  std::mt19937_64 random(62);
  std::int64_t points = 0, differing = 0;
  for (int trial = 0; trial < 20; ++trial) {
    const Values a = random_values(random);
    Values b = a;
    for (auto& row : b.out)
      for (std::size_t i = 0; i < row.size(); ++i) {
        const bool edge = i == 0 || i + 1 == row.size();
        if (random() % (edge ? 3 : 500) == 0) row[i] += 1;
      }
    const int uncovered = trial % 4 == 0 ? 3 : -1;
    const StageSteps steps_a = enumerate(Source(a, false), a.domain),
                     steps_b = enumerate(Source(b, false, uncovered), a.domain);
    std::vector<std::vector<bool>> seen;
    for (const auto& row : a.out) seen.emplace_back(row.size(), false);
    std::int64_t expected_points = 0, expected = 0;
    const exact::PointCounts comparison =
        compare(steps_a.out, steps_b.out, a.domain,
                [&](const Slice& slice, std::int32_t first, std::int32_t last, int of_a, int of_b) {
                  EXPECT_LE(first, last);
                  for (std::int32_t acc = first; acc <= last; ++acc) {
                    auto place = seen[static_cast<std::size_t>(slice.bias)].begin() + (acc - slice.acc_min);
                    EXPECT_FALSE(*place) << "shown twice";
                    *place = true;
                    EXPECT_EQ(of_a, a.at(a.out, slice, acc));
                    EXPECT_EQ(of_b, b.at(b.out, slice, acc));
                  }
                });
    for (std::size_t s = 0; s < a.out.size(); ++s) {
      const bool skipped = static_cast<int>(s) == uncovered;
      if (skipped) {
        EXPECT_TRUE(steps_b.out[s].empty());
      }
      for (std::size_t i = 0; i < a.out[s].size(); ++i) {
        const bool differs = !skipped && a.out[s][i] != b.out[s][i];
        EXPECT_EQ(seen[s][i], differs);
        expected += differs;
      }
      expected_points += skipped ? 0 : static_cast<std::int64_t>(a.out[s].size());
    }
    EXPECT_EQ(comparison.points, expected_points);
    EXPECT_EQ(comparison.differing, expected);
    EXPECT_EQ(compare(steps_b.out, steps_a.out, a.domain).differing, expected);
    EXPECT_EQ(compare(steps_a.out, steps_a.out, a.domain).differing, 0);
    points += comparison.points;
    differing += comparison.differing;
  }
  std::cout << points << " points compared, " << differing << " differ\n";
  EXPECT_GT(differing, 500);
}

TEST(steps, a_table_maps_every_value_and_merges_what_becomes_equal) {
  const std::vector<std::int8_t> table{5, 5, -3, 7};  // q from -2
  const exact::StepFunction mapped =
      exact::map_values({{{10, -2}, {12, -1}, {15, 0}, {16, 1}, {20, -2}}}, table, -2);
  EXPECT_EQ(mapped[0], (SliceSteps{{10, 5}, {15, -3}, {16, 7}, {20, 5}}));
}

}  // namespace
}  // namespace quasim
