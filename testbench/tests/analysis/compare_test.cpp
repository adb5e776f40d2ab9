// Comparison: every figure against a plain element-by-element computation, planted differences, verdicts.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <limits>
#include <random>
#include <vector>

#include "analysis/difference_map.hpp"
#include "analysis/tensor_comparison.hpp"
#include "analysis/ticks.hpp"
#include "spec/error.hpp"

namespace quasim::analysis {
namespace {

constexpr unsigned kSeed = 7;
const std::vector<std::size_t> kShape{3, 17, 1201};  // not a multiple of any block
constexpr std::size_t kElems = std::size_t{3} * 17 * 1201;

template <class T>
std::vector<T> random_integers(unsigned seed) {
  std::mt19937 random(seed);
  std::vector<T> values(kElems);
  for (T& value : values) value = static_cast<T>(random());
  return values;
}

template <class A, class B>
void expect_figures(const std::vector<A>& a, const std::vector<B>& b, const TensorComparison& got) {
  double max_absolute = 0, sum_absolute = 0, max_relative = 0, sum_relative = 0;
  std::uint64_t matches = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    const double x = static_cast<double>(a[i]), y = static_cast<double>(b[i]), d = std::fabs(x - y);
    const double larger = std::max(std::fabs(x), std::fabs(y));
    matches += x == y ? 1 : 0;
    max_absolute = std::max(max_absolute, d);
    sum_absolute += d;
    if (larger > 0) {
      max_relative = std::max(max_relative, d / larger);
      sum_relative += d / larger;
    }
  }
  const auto n = static_cast<double>(a.size());
  EXPECT_EQ(got.compared, a.size());
  EXPECT_EQ(got.matches, matches);
  EXPECT_EQ(got.max_absolute, max_absolute);
  EXPECT_EQ(got.max_relative, max_relative);
  EXPECT_NEAR(got.mean_absolute, sum_absolute / n, 1e-12 * (1 + sum_absolute / n));
  EXPECT_NEAR(got.mean_relative, sum_relative / n, 1e-12);
  std::uint64_t counted = 0;
  for (const TickHistogram::Row& row : got.histogram.rows()) counted += row.count;
  EXPECT_EQ(counted, a.size());
  EXPECT_TRUE(std::is_sorted(got.largest.begin(), got.largest.end(), [](const auto& p, const auto& q) {
    return p.magnitude != q.magnitude ? p.magnitude > q.magnitude : p.index < q.index;
  }));
  ASSERT_FALSE(got.largest.empty());
  EXPECT_EQ(got.largest.front().magnitude, max_absolute);
}

TEST(compare, int8_figures) {
  const auto a = random_integers<std::int8_t>(kSeed), b = random_integers<std::int8_t>(kSeed + 1);
  expect_figures(a, b, compare(view_of("x", kShape, a.data()), view_of("x", kShape, b.data())));
}

TEST(compare, int16_int32_float_and_mixed_figures) {
  const auto a16 = random_integers<std::int16_t>(1), b16 = random_integers<std::int16_t>(2);
  expect_figures(a16, b16, compare(view_of("x", kShape, a16.data()), view_of("x", kShape, b16.data())));
  const auto a32 = random_integers<std::int32_t>(3), b32 = random_integers<std::int32_t>(4);
  expect_figures(a32, b32, compare(view_of("x", kShape, a32.data()), view_of("x", kShape, b32.data())));
  std::mt19937 random(kSeed);
  std::normal_distribution<float> normal;
  std::vector<float> af(kElems), bf(kElems);
  for (std::size_t i = 0; i < kElems; ++i) {
    af[i] = normal(random);
    bf[i] = i % 3 == 0 ? af[i] : normal(random);
  }
  expect_figures(af, bf, compare(view_of("x", kShape, af.data()), view_of("x", kShape, bf.data())));
  expect_figures(a16, af, compare(view_of("x", kShape, a16.data()), view_of("x", kShape, af.data())));
}

TEST(compare, planted_difference_is_found_at_its_index) {
  std::mt19937 random(kSeed);
  std::size_t planted = 0;
  for (int round = 0; round < 40; ++round) {
    const auto a = random_integers<std::int8_t>(static_cast<unsigned>(round));
    auto b = a;
    const std::size_t at = round == 0 ? 0 : round == 1 ? kElems - 1 : random() % kElems;
    b[at] = static_cast<std::int8_t>(b[at] == 127 ? 126 : b[at] + 1);
    const TensorComparison d = compare(view_of("x", kShape, a.data()), view_of("x", kShape, b.data()));
    EXPECT_EQ(d.verdict, Verdict::kDifferent);
    EXPECT_EQ(d.matches, kElems - 1);
    ASSERT_EQ(d.largest.size(), 1U);
    EXPECT_EQ(d.largest[0].index, at);
    const std::vector<std::size_t> index = index_of(at, kShape);
    EXPECT_EQ((index[0] * kShape[1] + index[1]) * kShape[2] + index[2], at);
    ++planted;
  }
  EXPECT_EQ(planted, 40U);
}

TEST(compare, float_planted_by_one_ulp) {
  std::vector<float> a(kElems, 1.5F), b = a;
  b[12'345] = std::nextafter(1.5F, 2.0F);
  const TensorComparison d = compare(view_of("x", kShape, a.data()), view_of("x", kShape, b.data()));
  EXPECT_EQ(d.step, "fp32 ulp");
  EXPECT_EQ(d.histogram.at(-1), 1U);
  EXPECT_EQ(d.histogram.at(0), kElems - 1);
  EXPECT_EQ(d.largest.at(0).index, 12'345U);
  EXPECT_EQ(d.verdict, Verdict::kIdenticalClose);  // 1.2e-7, and said so
}

TEST(compare, verdicts) {
  const std::vector<std::int8_t> bytes{-1, 0, 1, 2};
  const std::vector<float> same{-1, 0, 1, 2}, minus_zero{-1, -0.0F, 1, 2}, close{-1, 5e-7F, 1, 2},
      far{-1, 2e-6F, 1, 2};
  const auto view = [](const auto& v) { return view_of("x", {4}, v.data()); };
  EXPECT_EQ(compare(view(same), view(same)).verdict, Verdict::kIdenticalBits);
  EXPECT_EQ(compare(view(bytes), view(same)).verdict, Verdict::kIdenticalValues);
  EXPECT_EQ(compare(view(same), view(minus_zero)).verdict, Verdict::kIdenticalValues);
  EXPECT_EQ(compare(view(same), view(close)).verdict, Verdict::kIdenticalClose);
  EXPECT_EQ(compare(view(same), view(far)).verdict, Verdict::kDifferent);
  EXPECT_EQ(compare(view(same), view_of("x", {2, 2}, same.data())).verdict, Verdict::kShapesDiffer);
  EXPECT_EQ(compare(view_of("x", {0}, same.data()), view_of("x", {0}, same.data())).verdict, Verdict::kEmpty);
  EXPECT_FALSE(is_identical(Verdict::kEmpty));
}

TEST(compare, nan_meets_nan_and_other_values) {
  const float nan = std::numeric_limits<float>::quiet_NaN(), inf = std::numeric_limits<float>::infinity();
  const std::vector<float> a{nan, nan, inf, inf, 1, 2}, b{nan, 1, inf, -inf, nan, 3};
  const TensorComparison d = compare(view_of("x", {6}, a.data()), view_of("x", {6}, b.data()));
  EXPECT_EQ(d.unordered, 3U);
  EXPECT_EQ(d.matches, 2U);
  EXPECT_EQ(d.max_absolute, 1.0);
  EXPECT_EQ(d.largest.at(0).index, 5U);
  EXPECT_EQ(d.verdict, Verdict::kDifferent);
  EXPECT_EQ(compare(view_of("x", {6}, a.data()), view_of("x", {6}, a.data())).verdict,
            Verdict::kIdenticalBits);
}

TEST(ticks, float16_neighbours_are_one_step_apart) {
  const Ticks ticks(DType::kFloat16, DType::kFloat16, std::nullopt);
  std::size_t compared = 0;
  for (double sign : {1.0, -1.0})
    for (int bits = 0; bits < 0x7BFF; ++bits) {
      const auto value = [&](int b) {
        return sign * (b >> 10 == 0 ? std::ldexp(b, -24) : std::ldexp(1024 + (b & 1023), (b >> 10) - 25));
      };
      const double low = value(bits), high = value(bits + 1);
      std::int64_t step = 0;
      ticks.between(&high, &low, 1, &step);
      ASSERT_EQ(step, sign > 0 ? 1 : -1) << bits;
      ++compared;
    }
  EXPECT_EQ(compared, 2U * 0x7BFF);
}

TEST(ticks, a_scale_makes_the_step) {
  const Ticks ticks(DType::kFloat32, DType::kFloat32, 0.25);
  const double a[3] = {1.0, 0.0, 0.1}, b[3] = {0.0, 0.5, 0.0};
  std::int64_t steps[3];
  ticks.between(a, b, 3, steps);
  EXPECT_EQ(steps[0], 4);
  EXPECT_EQ(steps[1], -2);
  EXPECT_EQ(steps[2], 0);
}

TEST(difference_map, cells_show_each_difference_in_its_place) {
  TensorBCL<std::int8_t> a({2, 3, 5}), b({2, 3, 5});
  b.at(1, 0, 1) = -1;  // a - b = +1
  b.at(1, 1, 4) = 1;   // -1
  b.at(1, 2, 3) = 9;   // further away
  b.at(0, 0, 0) = 1;   // the other sequence has fewer
  const auto map = difference_map("A", a, "B", b);
  EXPECT_EQ(map["differing"], 4);
  EXPECT_EQ(map["sequence"], 1);
  // Cells 1, 9 and 13 hold 1, 2 and 3, two bits each: bytes 0x04 0x00 0x08 0x0C.
  EXPECT_EQ(map["cells"], base64(std::string("\x04\x00\x08\x0C", 4)));
  EXPECT_FALSE(difference_map("A", a, "B", a).contains("cells"));
  EXPECT_THROW(difference_map("A", a, "B", TensorBCL<std::int8_t>({2, 3, 4})), InputError);
}

TEST(difference_map, base64_of_the_rfc) {
  const std::vector<std::pair<std::string, std::string>> rows{{"", ""},
                                                              {"f", "Zg=="},
                                                              {"fo", "Zm8="},
                                                              {"foo", "Zm9v"},
                                                              {"foob", "Zm9vYg=="},
                                                              {"fooba", "Zm9vYmE="},
                                                              {"foobar", "Zm9vYmFy"}};
  for (const auto& [bytes, text] : rows) EXPECT_EQ(base64(bytes), text);
}

}  // namespace
}  // namespace quasim::analysis
