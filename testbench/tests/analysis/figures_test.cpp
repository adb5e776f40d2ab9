// Statistics against independent, simple computations.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <random>
#include <vector>

#include "analysis/decode.hpp"
#include "analysis/distribution.hpp"
#include "analysis/histogram.hpp"
#include "analysis/order_statistics.hpp"
#include "analysis/summary.hpp"
#include "spec/error.hpp"

namespace quasim::analysis {
namespace {

constexpr unsigned kSeed = 20250101;

TensorView halves_view(const std::vector<std::uint16_t>& bits) {
  return {
      "halves", DType::kFloat16, {bits.size()}, bits.size(), reinterpret_cast<const std::byte*>(bits.data()),
      false};
}

TEST(decode, every_float16_has_its_value) {
  std::size_t compared = 0;
  for (unsigned bits = 0; bits < 65536; ++bits) {
    const int exponent = static_cast<int>(bits >> 10 & 31), fraction = static_cast<int>(bits & 1023);
    const float value = half_to_float(static_cast<std::uint16_t>(bits));
    const double sign = (bits & 0x8000) != 0 ? -1.0 : 1.0;
    ++compared;
    if (exponent == 31 && fraction != 0) {
      ASSERT_TRUE(std::isnan(value)) << bits;
      continue;
    }
    const double expected = exponent == 31  ? sign * HUGE_VAL
                            : exponent == 0 ? sign * std::ldexp(fraction, -24)
                                            : sign * std::ldexp(1024 + fraction, exponent - 25);
    ASSERT_EQ(value, expected) << bits;
    ASSERT_EQ(std::signbit(value), sign < 0) << bits;
  }
  EXPECT_EQ(compared, 65536U);
}

TEST(decode, int64_beyond_double_is_refused) {
  const std::vector<std::int64_t> fits{std::int64_t{1} << 53}, too_large{(std::int64_t{1} << 53) + 1};
  double value = 0;
  decode(view_of("x", {1}, fits.data()), 0, 1, &value);
  EXPECT_EQ(value, 0x1p53);
  EXPECT_THROW(decode(view_of("x", {1}, too_large.data()), 0, 1, &value), InputError);
}

TEST(summary, equals_a_two_pass_computation) {
  std::mt19937 random(kSeed);
  std::normal_distribution<float> normal(1e6F,
                                         0.5F);  // a large mean: naive sums of squares lose every digit here
  std::vector<float> values(100'003);
  for (float& value : values) value = normal(random);
  const Summary summary = summarise(view_of("x", {values.size()}, values.data()));
  long double mean = 0, squares = 0;
  for (float value : values) mean += value;
  mean /= static_cast<long double>(values.size());
  for (float value : values) squares += (value - mean) * (value - mean);
  EXPECT_NEAR(summary.mean, static_cast<double>(mean), 1e-6);
  EXPECT_NEAR(summary.std(),
              static_cast<double>(std::sqrt(squares / static_cast<long double>(values.size()))), 1e-9);
  EXPECT_EQ(summary.min, *std::min_element(values.begin(), values.end()));
  EXPECT_EQ(summary.max, *std::max_element(values.begin(), values.end()));
}

TEST(summary, nan_and_infinity_are_counted_apart) {
  std::vector<float> values(5000, 2.0F);
  values[7] = std::numeric_limits<float>::quiet_NaN();
  values[4999] = std::numeric_limits<float>::infinity();
  values[11] = -std::numeric_limits<float>::infinity();
  values[12] = 4.0F;
  const Summary summary = summarise(view_of("x", {values.size()}, values.data()));
  EXPECT_EQ(summary.nan, 1U);
  EXPECT_EQ(summary.infinite, 2U);
  EXPECT_EQ(summary.finite, 4997U);
  EXPECT_EQ(summary.max, 4.0);
  EXPECT_NEAR(summary.mean, 2.0 + 2.0 / 4997, 1e-12);
}

TEST(histogram, rows_cover_what_was_added) {
  TickHistogram histogram;
  const std::vector<std::int64_t> steps{0, 1, -1, 255, -255, 256, -256, 511, 512, INT64_MAX, INT64_MIN};
  for (std::int64_t step : steps) histogram.add(step);
  std::uint64_t total = 0;
  std::int64_t last = INT64_MIN;
  for (const TickHistogram::Row& row : histogram.rows()) {
    EXPECT_LE(row.from, row.to);
    EXPECT_TRUE(total == 0 || row.from > last);
    last = row.to;
    total += row.count;
    const auto inside = std::count_if(steps.begin(), steps.end(), [&](std::int64_t step) {
      return std::max(step, -INT64_MAX) >= row.from && std::max(step, -INT64_MAX) <= row.to;
    });
    EXPECT_EQ(row.count, static_cast<std::uint64_t>(inside)) << row.from << " ... " << row.to;
  }
  EXPECT_EQ(total, steps.size());
}

/// Stratified over bit patterns: every exponent, both signs, zeros and subnormals, NaN and infinities.
std::vector<float> float_patterns(std::size_t count, bool with_nonfinite) {
  std::mt19937 random(kSeed);
  std::vector<float> values;
  while (values.size() < count) {
    std::uint32_t bits = static_cast<std::uint32_t>(random());
    float value = 0;
    std::memcpy(&value, &bits, sizeof value);
    if (with_nonfinite || std::isfinite(value)) values.push_back(value);
  }
  values.insert(values.end(), {0.0F, -0.0F, 1.0F, 1.0F, -1.0F});
  return values;
}

TEST(order_statistics, every_rank_equals_the_sorted_value) {
  const std::vector<float> values = float_patterns(20'000, true);
  std::vector<float> by_value, by_magnitude;
  for (float value : values)
    if (std::isfinite(value)) {
      by_value.push_back(value);
      by_magnitude.push_back(std::fabs(value));
    }
  std::sort(by_value.begin(), by_value.end());
  std::sort(by_magnitude.begin(), by_magnitude.end());
  std::vector<std::uint64_t> ranks;
  for (std::uint64_t rank = 0; rank < by_value.size(); rank += 97) ranks.push_back(rank);
  ranks.push_back(by_value.size() - 1);
  const TensorView view = view_of("x", {values.size()}, values.data());
  const std::vector<double> got = values_at_ranks(view, OrderBy::kValue, ranks);
  const std::vector<double> magnitudes = values_at_ranks(view, OrderBy::kMagnitude, ranks);
  ASSERT_GT(ranks.size(), 200U);
  for (std::size_t i = 0; i < ranks.size(); ++i) {
    EXPECT_EQ(got[i], by_value[ranks[i]]) << ranks[i];
    EXPECT_EQ(magnitudes[i], by_magnitude[ranks[i]]) << ranks[i];
  }
}

template <class T>
void expect_integer_ranks(const std::vector<T>& values) {
  std::vector<double> by_value, by_magnitude;
  for (T value : values) {
    by_value.push_back(value);
    by_magnitude.push_back(std::fabs(static_cast<double>(value)));
  }
  std::sort(by_value.begin(), by_value.end());
  std::sort(by_magnitude.begin(), by_magnitude.end());
  std::vector<std::uint64_t> ranks;
  for (std::uint64_t rank = 0; rank < values.size(); rank += 101) ranks.push_back(rank);
  const TensorView view = view_of("x", {values.size()}, values.data());
  const std::vector<double> got = values_at_ranks(view, OrderBy::kValue, ranks);
  const std::vector<double> magnitudes = values_at_ranks(view, OrderBy::kMagnitude, ranks);
  for (std::size_t i = 0; i < ranks.size(); ++i) {
    EXPECT_EQ(got[i], by_value[ranks[i]]);
    EXPECT_EQ(magnitudes[i], by_magnitude[ranks[i]]);
  }
}

TEST(order_statistics, integers_of_every_width) {
  std::mt19937 random(kSeed);
  std::vector<std::int8_t> bytes(9000);
  std::vector<std::int16_t> words(9000);
  std::vector<std::int32_t> longs(9000);
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    bytes[i] = static_cast<std::int8_t>(random());
    words[i] = static_cast<std::int16_t>(random());
    longs[i] = static_cast<std::int32_t>(random());
  }
  longs[0] = INT32_MIN;
  longs[1] = INT32_MAX;
  expect_integer_ranks(bytes);
  expect_integer_ranks(words);
  expect_integer_ranks(longs);
}

TEST(order_statistics, float16_orders_by_value) {
  std::vector<std::uint16_t> bits;
  std::vector<float> finite;
  for (unsigned i = 0; i < 65536; i += 3) {
    bits.push_back(static_cast<std::uint16_t>(i));
    const float value = half_to_float(bits.back());
    if (std::isfinite(value)) finite.push_back(value);
  }
  std::sort(finite.begin(), finite.end());
  std::vector<std::uint64_t> ranks;
  for (std::uint64_t rank = 0; rank < finite.size(); rank += 13) ranks.push_back(rank);
  const std::vector<double> got = values_at_ranks(halves_view(bits), OrderBy::kValue, ranks);
  ASSERT_GT(ranks.size(), 1000U);
  for (std::size_t i = 0; i < ranks.size(); ++i) EXPECT_EQ(got[i], finite[ranks[i]]);
}

TEST(distribution, counts_shares_and_places) {
  // 0, 1, ..., 9999 with one planted outlier.
  std::vector<std::int32_t> values(10'000);
  for (std::size_t i = 0; i < values.size(); ++i) values[i] = static_cast<std::int32_t>(i);
  values[5000] = -100'000;
  const Distribution d = analyse(view_of("x", {10, 20, 50}, values.data()));
  EXPECT_EQ(d.largest.front().index, 5000U);
  EXPECT_EQ(d.largest.front().value, -100'000);
  EXPECT_EQ(d.largest.size(), kExtremesListed);
  EXPECT_EQ(d.extreme, 1U);
  EXPECT_EQ(d.mild, 0U);
  EXPECT_EQ(d.zero, 1U);
  EXPECT_EQ(d.negative, 1U);
  EXPECT_EQ(d.positive, 9998U);
  EXPECT_EQ(d.channel_maxima.size(), 20U);
  EXPECT_EQ(d.channel_maxima[0], 100'000);  // element 5000 is [5, 0, 0]
  EXPECT_EQ(d.channel_maxima[19], 9999);
  std::uint64_t in_ranges = 0;
  for (const RangeShare& range : d.ranges) in_ranges += range.count;
  EXPECT_EQ(in_ranges, 10'000U);
  ASSERT_TRUE(d.clip.has_value());
  EXPECT_GT(d.clip->ratio, kClipRatio);
}

TEST(distribution, no_clipping_without_a_tail) {
  std::vector<float> values(4000);
  for (std::size_t i = 0; i < values.size(); ++i) values[i] = static_cast<float>(i) - 2000.0F;
  EXPECT_FALSE(analyse(view_of("x", {values.size()}, values.data())).clip.has_value());
}

TEST(distribution, nothing_to_analyse_is_refused) {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  EXPECT_THROW(analyse(view_of("x", {0}, &nan)), InputError);
  EXPECT_THROW(analyse(view_of("x", {1}, &nan)), InputError);
}

}  // namespace
}  // namespace quasim::analysis
