// The line and the table that the GPU's fast kernels run on, without a GPU: found from the committed step
// functions of the real layers, then evaluated at every accumulator and bias, bit for bit as the kernels do.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <iostream>
#include <random>

#include "exact/steps_file.hpp"
#include "fast/lattice_fit.hpp"
#include "io/bundle.hpp"

namespace quasim {
namespace {

namespace fs = std::filesystem;

/// The entry at a position, plus the position's fraction: what lattice.cuh adds up.
std::uint32_t sum_at(const qg::LatticeFit& fit, std::int64_t position, int fraction_bits = 16) {
  const std::int64_t bin =
      std::clamp<std::int64_t>(position >> 32, 0, static_cast<std::int64_t>(fit.entries.size()) - 1);
  return fit.entries[static_cast<std::size_t>(bin)] +
         (static_cast<std::uint32_t>(position) >> (32 - fraction_bits));
}

/// The output in such a sum. In a table without steps every entry's lower half is 0: the fraction cannot
/// carry, and byte 2 is the output.
int value_of(const qg::LatticeFit& fit, std::uint32_t sum) {
  return static_cast<std::int8_t>(fit.stepped ? (sum >> 24) ^ (sum >> 16) ^ 0x80U : sum >> 16);
}

std::int64_t position_of(const qg::LatticeFit& fit, std::size_t bias, std::int32_t acc) {
  return std::int64_t{fit.slope} * acc + fit.offset[bias];
}

int evaluate(const qg::LatticeFit& fit, std::size_t bias, std::int32_t acc) {
  return value_of(fit, sum_at(fit, position_of(fit, bias, acc)));
}

struct Golden {
  Bundle bundle;
  exact::Domain domain;
  exact::StageSteps steps;
  bool fused = false;
};

Golden golden_of(const fs::path& layer, const std::string& variant) {
  Golden golden;
  golden.bundle = read_bundle_without_input(layer);
  golden.fused = variant.rfind("fused", 0) == 0;
  golden.domain = exact::make_domain(exact::DomainKind::kFull, golden.bundle);
  golden.steps = exact::read_steps(layer / "golden" / variant / "steps.npz", golden.domain,
                                   golden.fused ? 0 : golden.bundle.layer.conv_bits);
  return golden;
}

std::vector<qg::LatticeStep> lattice_steps(const Golden& golden) {
  std::vector<qg::LatticeStep> steps;
  for (std::size_t s = 0; s < golden.domain.slices.size(); ++s) {
    const auto bias = static_cast<std::int16_t>(golden.domain.slices[s].bias);
    const exact::SliceSteps& out = golden.steps.out[s];
    const exact::SliceSteps& changes = golden.fused ? out : (*golden.steps.q)[s];
    for (std::size_t i = 1; i < changes.size(); ++i) {
      const std::int32_t acc = changes[i].acc;
      const auto q = [&](std::size_t k) {
        return golden.fused ? std::int16_t{0} : static_cast<std::int16_t>(changes[k].value);
      };
      steps.push_back({acc, bias, q(i - 1), q(i), static_cast<std::int8_t>(exact::value_at(out, acc - 1)),
                       static_cast<std::int8_t>(exact::value_at(out, acc))});
    }
  }
  return steps;
}

qg::LatticeFit fit_of(const Golden& golden, const qg::AccRanges& ranges) {
  const LayerParams& layer = golden.bundle.layer;
  qg::LatticeLine line{};
  line.s_wx = static_cast<double>(layer.weight_scale * layer.input_scale);
  for (int b = 0; b < qg::kBiases; ++b)
    line.bias_y[static_cast<std::size_t>(b)] =
        static_cast<double>(layer.bias_scale.value_or(0.0F) * static_cast<float>(b - 128));
  if (golden.fused) return qg::fit_stepped(line, lattice_steps(golden), ranges);
  const int lowest = -(1 << (layer.conv_bits - 1));
  const float conv_scale = layer.conv_scale.value_or(layer.output_scale);
  return qg::fit_linear(line, static_cast<double>(conv_scale), lowest, 1 << layer.conv_bits,
                        lattice_steps(golden), ranges);
}

qg::AccRanges every_acc(const Golden& golden) {
  qg::AccRanges every;
  for (const exact::Slice& slice : golden.domain.slices)
    every[static_cast<std::size_t>(slice.bias + 128)] = {slice.acc_min, slice.acc_max};
  return every;
}

/// Points of the ranges at which the fit leaves the golden.
std::int64_t count_wrong(const Golden& golden, const qg::LatticeFit& fit, const qg::AccRanges& ranges) {
  std::int64_t wrong = 0;
  for (std::size_t s = 0; s < golden.domain.slices.size(); ++s) {
    const exact::Slice& slice = golden.domain.slices[s];
    const exact::SliceSteps& out = golden.steps.out[s];
    const auto bias = static_cast<std::size_t>(slice.bias + 128);
    for (std::size_t i = 0; i < out.size(); ++i) {
      const std::int32_t end = i + 1 < out.size() ? out[i + 1].acc : slice.acc_max + 1;
      for (std::int32_t acc = std::max(out[i].acc, ranges[bias].first);
           acc < std::min(end, ranges[bias].last + 1); ++acc)
        wrong += evaluate(fit, bias, acc) != out[i].value;
    }
  }
  return wrong;
}

std::int64_t points(const qg::AccRanges& ranges) {
  std::int64_t sum = 0;
  for (const qg::AccRange& range : ranges) sum += range.size();
  return sum;
}

const char* const kVariants[] = {"fused.seqlast.fast.half_away", "fused.seqlast.precise.half_away",
                                 "two_step.seqlast.precise.half_even", "two_step.seqlast.fast.half_even"};

/// A line for every accumulator and bias value where there is one; and what a plan takes: for every
/// accumulator of the layer's own bias values, else for those within reach, else (a line with doubt) none.
TEST(lattice, every_point_of_every_layer) {
  std::int64_t checked = 0;
  int everywhere = 0, planned = 0;
  for (const auto& entry : fs::directory_iterator(fs::path(QUASIM_VECTORS) / "bookmamba")) {
    if (!entry.is_directory()) continue;
    for (const char* variant : kVariants) {
      const Golden golden = golden_of(entry.path(), variant);
      const auto found_and_right = [&](const qg::AccRanges& ranges) {
        const qg::LatticeFit fit = fit_of(golden, ranges);
        if (!fit.found) return false;
        EXPECT_EQ(count_wrong(golden, fit, ranges), 0) << entry.path() << ' ' << variant;
        checked += points(ranges);
        return true;
      };
      const auto& weight = golden.bundle.weight;
      const qg::AccRanges reachable =
          qg::reachable_accs({weight.data(), weight.data() + weight.size()}, golden.bundle.bias);
      everywhere += found_and_right(every_acc(golden));
      if (found_and_right(qg::all_accs(reachable, golden.bundle.layer.taps)) || found_and_right(reachable))
        ++planned;
      else
        std::cout << "no line: " << entry.path().filename() << ' ' << variant << '\n';
    }
  }
  std::cout << everywhere << " lines for every accumulator and bias value, " << planned << " in plans, "
            << checked << " points\n";
  EXPECT_EQ(everywhere, 46);
  EXPECT_EQ(planned, 47);
}

/// The numbers that docs/golden.md works through are those of the fit.
TEST(lattice, the_worked_example_of_the_page) {
  const Golden golden =
      golden_of(fs::path(QUASIM_VECTORS) / "bookmamba/layer00", "fused.seqlast.fast.half_away");
  const qg::LatticeFit fit = fit_of(golden, every_acc(golden));
  ASSERT_TRUE(fit.found);
  EXPECT_EQ(fit.entries.size(), 264U);
  EXPECT_EQ(fit.slope, 51489090);
  constexpr std::size_t kBias = 128 - 102;
  EXPECT_NEAR(static_cast<double>(fit.offset[kBias]) / 4294967296.0, 112.017817, 1e-6);
  EXPECT_EQ(fit.entries[127], 0x008120BBU);
  const std::uint32_t before = sum_at(fit, position_of(fit, kBias, 1322));
  const std::uint32_t after = sum_at(fit, position_of(fit, kBias, 1323));
  EXPECT_EQ(before, 0x0081FE7EU);
  EXPECT_EQ(after, 0x00820190U);
  EXPECT_EQ(value_of(fit, before), 1);
  EXPECT_EQ(value_of(fit, after), 2);
}

TEST(lattice, a_fault_is_seen) {
  const Golden golden = golden_of(fs::path(QUASIM_VECTORS) / "bookmamba" / "layer00", kVariants[0]);
  const qg::AccRanges ranges = every_acc(golden);
  const qg::LatticeFit fit = fit_of(golden, ranges);
  ASSERT_TRUE(fit.found);
  qg::LatticeFit broken = fit;
  broken.entries[broken.entries.size() / 2] += 1U << 16;  // one value
  EXPECT_GT(count_wrong(golden, broken, ranges), 0);
  broken = fit;
  for (std::uint32_t& e : broken.entries)
    if ((e & 0xFFFFU) > 300 && (e & 0xFFFFU) < 65000) e += 256;  // steps 1/256 bin too early
  EXPECT_GT(count_wrong(golden, broken, ranges), 0);
  broken = fit;
  broken.slope += broken.slope / 10000;
  EXPECT_GT(count_wrong(golden, broken, ranges), 0);
  broken = fit;
  for (std::int64_t& o : broken.offset) o += std::int64_t{1} << 26;  // 1/64 bin
  EXPECT_GT(count_wrong(golden, broken, ranges), 0);
}

/// What int8 samples reach: each tap at its worst, the union over the channels of one bias.
TEST(lattice, reachable_accumulators) {
  const qg::AccRanges ranges = qg::reachable_accs({1, -2, 3, 0, -128, -128, 0, 0, 5, 0, 0, 0}, {7, -128, 7});
  EXPECT_EQ(ranges[135].first, -128 - 127 * 2 - 128 * 3);
  EXPECT_EQ(ranges[135].last, 127 + 128 * 2 + 127 * 3);
  EXPECT_EQ(ranges[0].first, -127 * 256);
  EXPECT_EQ(ranges[0].last, 128 * 256);
  EXPECT_EQ(points(ranges), 766 + 764 + 1 + 255 * 256 + 1);
  const qg::AccRanges all = qg::all_accs(ranges, 4);
  EXPECT_EQ(points(all), 2 * (2 * 65536 + 1));
  EXPECT_EQ(all[135].first, -65536);
}

/// A line that does not exist is refused: two steps at one place, a value that flickers, an empty list.
TEST(lattice, impossible_fits_are_refused) {
  qg::LatticeLine line{};
  line.s_wx = 0.01;
  qg::AccRanges used;
  used[128] = {-65536, 65536};
  EXPECT_FALSE(qg::fit_stepped(line, {}, used).found);
  EXPECT_FALSE(qg::fit_stepped(line, {{10, 0, 0, 0, 1, 3}}, used).found);
  EXPECT_FALSE(
      qg::fit_stepped(line, {{1000, 0, 0, 0, 1, 2}, {2000, 0, 0, 0, 2, 1}, {3000, 0, 0, 0, 1, 2}}, used)
          .found);
  EXPECT_TRUE(
      qg::fit_stepped(line, {{1000, 0, 0, 0, 1, 2}, {2000, 0, 0, 0, 2, 3}, {3000, 0, 0, 0, 3, 4}}, used)
          .found);
  qg::LatticeLine far_away = line;
  far_away.bias_y.fill(1e30);
  EXPECT_FALSE(
      qg::fit_stepped(far_away, {{1000, 0, 0, 0, 1, 2}, {2000, 0, 0, 0, 2, 3}, {3000, 0, 0, 0, 3, 4}}, used)
          .found);
  EXPECT_FALSE(qg::fit_linear(far_away, 0.5, -128, 256, {{10, 0, 1, 2, 1, 2}}, used).found);
  EXPECT_FALSE(qg::fit_linear(line, 1e-9, -128, 256, {{10, 0, 1, 2, 1, 2}}, used).found);
}

/// What no channel can reach does not count: steps of other biases, even impossible ones, and steps beyond.
TEST(lattice, what_is_out_of_reach_does_not_count) {
  qg::LatticeLine line{};
  line.s_wx = 0.01;
  line.bias_y[200] = 5.0;
  qg::AccRanges used;
  used[128] = {-5000, 5000};
  const qg::LatticeFit fit = qg::fit_stepped(line,
                                             {{1000, 0, 0, 0, 1, 2},
                                              {2000, 0, 0, 0, 2, 3},
                                              {5001, 0, 0, 0, 3, 90},
                                              {-5000, 0, 0, 0, 90, 1},
                                              {500, 72, 0, 0, 1, 2},
                                              {9000, 72, 0, 0, 50, 51},
                                              {9100, 72, 0, 0, 51, 90}},
                                             used);
  ASSERT_TRUE(fit.found);
  for (std::int32_t acc = 0; acc < 4000; ++acc)
    ASSERT_EQ(evaluate(fit, 128, acc), acc < 1000 ? 1 : acc < 2000 ? 2 : 3) << acc;
}

/// Tap-wise: the lattice may say nothing within the doubt, and must be right everywhere else, for a y
/// anywhere within farthest_y of the line; far from all steps it must not doubt. As where a lane has four
/// channels, a channel may have less doubt than the one that all four are held against: `share` of it.
void expect_doubt_to_cover(const qg::TapFit& made, const qg::LatticeLine& line,
                           const std::vector<qg::TailThreshold>& thresholds, double farthest_y,
                           double share = 1.0) {
  ASSERT_TRUE(made.fit.found);
  const auto largest = static_cast<std::int64_t>(qg::doubt_of(made, farthest_y));
  const auto own = static_cast<std::int64_t>(qg::doubt_of(made, share * farthest_y));
  std::int64_t doubted = 0, sure = 0;
  for (std::size_t b = 0; b < qg::kBiases; b += 5)
    for (std::int32_t acc = -65536; acc <= 65536; acc += 3) {
      const double y = line.s_wx * acc + line.bias_y[b];
      const std::int64_t position = position_of(made.fit, b, acc) + (own << (32 - qg::kTapFractionBits));
      const std::uint32_t sum = sum_at(made.fit, position, qg::kTapFractionBits);
      if ((sum & 0xFFFFU) < static_cast<std::uint32_t>(2 * largest)) {
        ++doubted;
        double nearest = 1e9;
        for (const qg::TailThreshold& t : thresholds)
          nearest = std::min(nearest, std::abs(y - t.first_after));
        ASSERT_LT(nearest, made.width) << "bias " << b << " acc " << acc;
        continue;
      }
      ++sure;
      const int value = value_of(made.fit, sum);
      for (const double off : {-share * farthest_y, 0.0, share * farthest_y}) {
        int expected = thresholds.front().before;
        for (const qg::TailThreshold& t : thresholds)
          if (y + off >= t.first_after) expected = t.after;
        ASSERT_EQ(value, expected) << "bias " << b << " acc " << acc;
      }
    }
  EXPECT_GT(doubted, 0);
  EXPECT_GT(sure, 100 * doubted);
}

qg::AccRanges every_bias() {
  qg::AccRanges every;
  every.fill({-65536, 65536});
  return every;
}

qg::LatticeLine some_line() {
  qg::LatticeLine line{};
  line.s_wx = 5.0123e-4;
  for (std::size_t b = 0; b < qg::kBiases; ++b) line.bias_y[b] = 0.003 * static_cast<double>(b) - 0.384;
  return line;
}

TEST(lattice, doubt_covers_every_step_between_bins_edges) {
  std::vector<qg::TailThreshold> thresholds;
  for (int i = 0; i < 100; ++i) {
    const double y = 0.05 * (i + 0.37) + (i % 3) * 1e-6;
    thresholds.push_back({y - 2e-7, y, i, i + 1});
  }
  const qg::LatticeLine line = some_line();
  const qg::TapFit made = qg::fit_taps_stepped(line, every_bias(), thresholds, 7e-6);
  expect_doubt_to_cover(made, line, thresholds, 7e-6);
  expect_doubt_to_cover(made, line, thresholds, 7e-6, 0.2);
}

/// No step so near to a bin's edge that the doubt about it would reach over.
TEST(lattice, doubt_stays_within_the_bin) {
  std::mt19937_64 random(20261123);
  const qg::LatticeLine line = some_line();
  constexpr double kFarthest = 2e-4;
  int found = 0;
  for (int trial = 0; trial < 200; ++trial) {
    std::vector<qg::TailThreshold> thresholds;
    double y = 0;
    for (int i = 0; i < 12; ++i) {
      y += 0.2 + 0.1 * static_cast<double>(random() % 1000) / 1000;
      thresholds.push_back({y - 1e-6, y, i, i + 1});
    }
    const qg::TapFit made = qg::fit_taps_stepped(line, every_bias(), thresholds, kFarthest);
    if (!made.fit.found) continue;
    ++found;
    const double doubt = qg::doubt_of(made, kFarthest);
    for (const std::uint32_t entry : made.fit.entries) {
      if ((entry & 0x8000U) == 0) continue;  // no step
      const int fraction = 0x10000 - static_cast<int>(entry & 0xFFFFU);
      ASSERT_GT(fraction, 2 * doubt);
      ASSERT_GT((1 << qg::kTapFractionBits) - fraction, 2 * doubt);
    }
  }
  EXPECT_GT(found, 100);
}

/// Bins are the q from -40 to 39; the output changes at every third edge between them.
TEST(lattice, doubt_covers_every_step_on_bins_edges) {
  constexpr double kConvScale = 0.05;
  std::vector<qg::TailThreshold> thresholds;
  for (int q = -39; q < 40; q += 3) {
    const double y = (q - 0.5) * kConvScale + (q % 2) * 1e-7;
    thresholds.push_back({y - 2e-7, y, q, q + 3});
  }
  const qg::LatticeLine line = some_line();
  const qg::TapFit made = qg::fit_taps_linear(line, kConvScale, -40, 80, every_bias(), thresholds);
  expect_doubt_to_cover(made, line, thresholds, 7e-6);
  expect_doubt_to_cover(made, line, thresholds, 7e-6, 0.2);
  EXPECT_EQ(made.fit.entries.size(), 81U);
}

/// A bias value of no channel may lie where no offset reaches.
TEST(lattice, far_biases_of_no_channel_do_not_count) {
  qg::LatticeLine line = some_line();
  line.bias_y[0] = 1e9;
  qg::AccRanges ranges = every_bias();
  const std::vector<qg::TailThreshold> thresholds = {{1.0, 1.001, 0, 1}, {2.0, 2.001, 1, 2}};
  EXPECT_FALSE(qg::fit_taps_stepped(line, ranges, thresholds, 1e-6).fit.found);
  EXPECT_FALSE(qg::fit_taps_linear(line, 0.5, -8, 16, ranges, thresholds).fit.found);
  ranges[0] = {};
  EXPECT_TRUE(qg::fit_taps_stepped(line, ranges, thresholds, 1e-6).fit.found);
}

/// The fp32 chains of channellast and update on the CPU, against exact arithmetic. Not near 0 only: with
/// farthest_step as given, the bound is for windows whose y, or whose exact value, is no farther from 0.
TEST(lattice, farthest_y_bounds_the_fp32_chains) {
  std::mt19937_64 random(20261122);
  const auto byte = [&] {
    const int extreme = static_cast<int>(random() % 8);
    return static_cast<std::int8_t>(extreme == 0   ? -128
                                    : extreme == 1 ? 127
                                                   : static_cast<int>(random() % 256) - 128);
  };
  const auto scale = [&] {
    return std::ldexp(static_cast<float>(random() % 8388608 + 8388608), -32 - static_cast<int>(random() % 8));
  };
  double tightest = 0;
  std::int64_t bounded = 0;
  for (int layer = 0; layer < 4000; ++layer) {
    const float s_wx = scale(), s_b = scale();
    const int taps = 2 + static_cast<int>(random() % 3);
    std::int8_t w[4];
    for (std::int8_t& v : w) v = byte();
    const auto bias = static_cast<float>(byte());
    for (int window = 0; window < 50; ++window) {
      double exact = static_cast<double>(s_b) * static_cast<double>(bias);
      std::int8_t x[4];
      for (int k = 0; k < taps; ++k) {
        x[k] = byte();
        exact += static_cast<double>(s_wx) * w[k] * x[k];
      }
      for (const bool update : {false, true}) {
        const auto scaled = [&](int k) { return s_wx * static_cast<float>(w[k]); };
        float y = update ? std::fma(s_b, bias, scaled(0) * static_cast<float>(x[0]))
                         : std::fma(scaled(0), static_cast<float>(x[0]), s_b * bias);
        for (int k = 1; k < taps; ++k) y = std::fma(scaled(k), static_cast<float>(x[k]), y);
        const double error = std::abs(static_cast<double>(y) - exact);
        for (const double step : {std::abs(exact), 1e3}) {  // the tightest that this window allows, and any
          const double bound = qg::farthest_y(s_wx, s_b, update, w, taps, static_cast<int>(bias), step);
          ASSERT_LE(error, bound) << "layer " << layer << " window " << window << (update ? " update" : "");
          tightest = std::max(tightest, error / bound);
          ++bounded;
        }
      }
    }
  }
  std::cout << bounded << " bounds, the tightest reached to " << tightest << '\n';
  EXPECT_GT(tightest, 0.5);  // a bound that nothing comes near would hide one that is wrong
}

}  // namespace
}  // namespace quasim
