// Domains: their ends, their slices and how many points they have, against enumeration and against numbers
// counted once.
#include "exact/domain.hpp"

#include <gtest/gtest.h>

#include <iostream>
#include <map>
#include <set>

#include "spec/error.hpp"
#include "tests/exact/layers.hpp"

namespace quasim {
namespace {

using exact::Domain;
using exact::DomainKind;

TEST(domain, a_range_ends_where_the_extreme_windows_are) {
  std::mt19937_64 random(51);
  std::int64_t windows = 0;
  for (int trial = 0; trial < 400; ++trial) {
    const std::size_t taps = 2 + static_cast<std::size_t>(trial % 3);
    std::vector<std::int8_t> weights(taps);
    for (std::int8_t& w : weights)
      w = trial >= 9       ? static_cast<std::int8_t>(random())
          : trial % 3 == 0 ? std::int8_t{-128}
          : trial % 3 == 1 ? std::int8_t{127}
                           : std::int8_t{0};
    // A sum of products is extreme where every sample is.
    std::int32_t least = INT32_MAX, greatest = INT32_MIN;
    for (unsigned choice = 0; choice < 1U << taps; ++choice, ++windows) {
      std::int32_t sum = 0;
      for (std::size_t k = 0; k < taps; ++k) sum += weights[k] * ((choice >> k & 1U) != 0 ? 127 : -128);
      least = std::min(least, sum);
      greatest = std::max(greatest, sum);
    }
    const exact::AccRange range = exact::reachable_range(weights.data(), taps);
    EXPECT_EQ(range.min, least);
    EXPECT_EQ(range.max, greatest);
  }
  std::cout << windows << " windows\n";
  EXPECT_GT(windows, 1000);
}

TEST(domain, reachable_slices_hold_both_ends_of_every_channel_with_their_bias) {
  const LayerParams layer = test::layer_of(1.0F, 1.0F, 1.0F, 1.0F, 1.0F, 8, Rounding::kHalfEven);
  const Bundle bundle = test::bundle_of(layer, {1,   0,   0,   0,  //  -128 ... 127, bias 5
                                                0,   -2,  0,   0,  //  -254 ... 256, bias 5
                                                1,   1,   1,   1,  //  -512 ... 508, bias -128
                                                127, 127, 127, 127, -128, -128, -128, -128},
                                        {5, 5, -128, 127, 127});
  const Domain domain = make_domain(DomainKind::kReachable, bundle);
  ASSERT_EQ(domain.slices.size(), 3U);
  struct Row {
    int bias;
    std::int32_t acc_min, acc_max;
    int channel;
  };
  const Row rows[] = {{-128, -512, 508, 2}, {5, -254, 256, 0}, {127, -65024, 65536, 3}};
  for (std::size_t s = 0; s < 3; ++s) {
    EXPECT_EQ(domain.slices[s].bias, rows[s].bias);
    EXPECT_EQ(domain.slices[s].acc_min, rows[s].acc_min);
    EXPECT_EQ(domain.slices[s].acc_max, rows[s].acc_max);
    EXPECT_EQ(domain.slices[s].channel, rows[s].channel);
    EXPECT_EQ(domain.slices[s].points(), std::int64_t{rows[s].acc_max} - rows[s].acc_min + 1);
  }
  EXPECT_EQ(domain.points(), 1021 + 511 + 130561);
  EXPECT_EQ(domain.kind, DomainKind::kReachable);
  // Keys tell channels of one bias apart, in the order of the keys.
  const Domain split = make_domain(DomainKind::kReachable, bundle, {9, -4, 0, 1, 1});
  ASSERT_EQ(split.slices.size(), 4U);
  EXPECT_EQ(split.slices[1].channel, 1);
  EXPECT_EQ(split.slices[1].acc_max, 256);
  EXPECT_EQ(split.slices[2].channel, 0);
  EXPECT_EQ(split.slices[2].acc_max, 127);
  EXPECT_EQ(split.points(), 1021 + 511 + 256 + 130561);
}

TEST(domain, full_is_every_bias_with_every_accumulator_of_its_taps) {
  for (int taps = 2; taps <= 4; ++taps) {
    LayerParams layer = test::layer_of(1.0F, 1.0F, 1.0F, 1.0F, 1.0F, 8, Rounding::kHalfEven);
    layer.taps = taps;
    const std::vector<std::int8_t> weights(static_cast<std::size_t>(2 * taps), 3);
    const Domain domain = make_domain(DomainKind::kFull, test::bundle_of(layer, weights, {-128, 40}));
    ASSERT_EQ(domain.slices.size(), 256U);
    for (int i = 0; i < 256; ++i) {
      const exact::Slice& slice = domain.slices[static_cast<std::size_t>(i)];
      EXPECT_EQ(slice.bias, i - 128);
      EXPECT_EQ(slice.acc_min, -taps * 16384);
      EXPECT_EQ(slice.acc_max, taps * 16384);
      EXPECT_EQ(slice.channel, slice.bias == -128 ? 0 : slice.bias == 40 ? 1 : -1);
    }
    EXPECT_EQ(domain.points(), 256 * (std::int64_t{2} * taps * 16384 + 1));
    EXPECT_EQ(domain.kind, DomainKind::kFull);
  }
}

/// The committed layers: known numbers, and the same from the weights by a formula of its own.
TEST(domain, the_points_of_real_layers_are_known) {
  std::int64_t all = 0, layers = 0;
  for (int number = 0; number < 12; ++number) {
    const std::string name = (number < 10 ? "layer0" : "layer") + std::to_string(number);
    const Bundle bundle = read_bundle(std::filesystem::path(QUASIM_VECTORS) / "bookmamba" / name);
    std::map<int, std::pair<std::int64_t, std::int64_t>> reach;
    const auto taps = static_cast<std::size_t>(bundle.layer.taps);
    for (int channel = 0; channel < bundle.layer.channels; ++channel) {
      std::int64_t magnitude = 0, sum = 0;  // each product lies in 127.5 * |w| around -w / 2
      for (std::size_t k = 0; k < taps; ++k) {
        const int w = bundle.weight.at(static_cast<std::size_t>(channel), k);
        magnitude += 255 * std::abs(w);
        sum += w;
      }
      auto& [low, high] = reach[bundle.bias_of(channel)];
      low = std::min(low, (-magnitude - sum) / 2);
      high = std::max(high, (magnitude - sum) / 2);
    }
    std::int64_t expected = 0;
    for (const auto& [bias, range] : reach) expected += range.second - range.first + 1;
    const Domain domain = make_domain(DomainKind::kReachable, bundle);
    EXPECT_EQ(domain.slices.size(), reach.size()) << name;
    EXPECT_EQ(domain.points(), expected) << name;
    all += domain.points();
    ++layers;
  }
  std::cout << all << " points in " << layers << " layers\n";
  EXPECT_EQ(all, 103775519);
}

TEST(domain, kinds_have_names) {
  for (const DomainKind kind : {DomainKind::kReachable, DomainKind::kFull})
    EXPECT_EQ(exact::parse_domain(to_string(kind)), kind);
  EXPECT_EQ(to_string(DomainKind::kFull), "full");
  EXPECT_THROW(exact::parse_domain("reach"), InputError);
}

}  // namespace
}  // namespace quasim
