// The oracle's step functions against its own point evaluation, and its SiLU where closeness to a tie is
// greatest.
#include "exact/oracle.hpp"

#include <gtest/gtest.h>

#include <iostream>

#include "exact/silu.hpp"
#include "tests/exact/layers.hpp"

namespace quasim {
namespace {

using exact::Dyadic;
using exact::Oracle;

exact::Domain domain_for(const LayerParams& layer) {
  const Bundle bundle = test::bundle_of(
      layer, {127, -128, 127, -128, 3, -2, 1, 0, -128, -128, -128, -128, 0, 0, 0, 0, 50, 60, -70, 80},
      {0, -128, 127, 1, -77});
  return make_domain(exact::DomainKind::kReachable, bundle);
}

/// Points just before and at every step, and at a stride in between, evaluated one by one.
std::int64_t check_steps(const Oracle& oracle, const exact::Domain& domain, const std::string& name) {
  const exact::StageSteps steps = oracle.steps(domain);
  const bool two_step = steps.q.has_value();
  std::int64_t compared = 0;
  for (std::size_t s = 0; s < domain.slices.size(); ++s) {
    const exact::Slice& slice = domain.slices[s];
    const auto check = [&](std::int32_t acc) {
      if (acc < slice.acc_min || acc > slice.acc_max) return;
      ++compared;
      const int out =
          two_step ? oracle.table_entry(oracle.q(slice.bias, acc)) : oracle.fused_out(slice.bias, acc);
      if (two_step) {
        EXPECT_EQ(value_at((*steps.q)[s], acc), oracle.q(slice.bias, acc)) << name << " acc " << acc;
      }
      EXPECT_EQ(value_at(steps.out[s], acc), out) << name << " bias " << slice.bias << " acc " << acc;
    };
    const exact::SliceSteps& places = two_step ? (*steps.q)[s] : steps.out[s];
    const std::size_t stride = places.size() / 64 + 1;
    for (std::size_t i = 0; i < places.size(); i += stride) {
      check(places[i].acc - 1);
      check(places[i].acc);
    }
    for (std::int32_t acc = slice.acc_min; acc <= slice.acc_max; acc += 4999) check(acc);
    check(0);
    check(slice.acc_max);
  }
  return compared;
}

TEST(oracle, two_step_steps_are_where_the_points_change) {
  std::int64_t compared = 0;
  for (const auto& [name, layer] : test::nasty_layers())
    compared += check_steps(Oracle(layer), domain_for(layer), name);
  std::cout << compared << " comparisons\n";
  EXPECT_GT(compared, 10000);
}

TEST(oracle, fused_steps_are_where_the_points_change) {
  std::int64_t compared = 0;
  for (auto [name, layer] : test::nasty_layers()) {
    if (layer.conv_bits != 8) continue;  // fused has no conv_bits
    layer.dataflow = Dataflow::kFused;
    compared += check_steps(Oracle(layer), domain_for(layer), name);
  }
  std::cout << compared << " comparisons\n";
  EXPECT_GT(compared, 1000);
}

TEST(oracle, silu_is_decided_beside_ties) {
  struct Row {
    const char* name;
    Dyadic v, scale;
    int expected;
    const char* why;
  };
  const Row rows[] = {
      {"zero", {0, 0}, {1, 0}, 0, "silu(0) = 0 exactly"},
      {"huge, u/s a tie", {5, 400}, {1, 401}, 2, "silu(u) < u, so just below 2.5"},
      {"huge, u/s an integer", {3, 400}, {1, 400}, 3, "within 1/2 of 3"},
      {"tiny, u/2s a tie", {1, -126}, {1, -126}, 1, "silu(u) > u/2, so just above 0.5"},
      {"tiny negative, u/2s a tie", {-1, -126}, {1, -126}, 0, "silu(u) > u/2, so just above -0.5"},
      {"tiny negative, 3/2", {-3, -126}, {1, -126}, -1, "just above -1.5"},
      {"far left", {-1, 300}, {1, -126}, 0, "silu vanishes"},
      {"beyond the limit", {1, 300}, {1, -126}, exact::kSiluLevelLimit, "limited"},
      {"below the limit", {-1, 0}, {1, -126}, -exact::kSiluLevelLimit, "limited"},
      {"u = 60 on a tie", {60, 0}, {24, 0}, 2, "60/24 = 2.5, silu below it by 60*exp(-60)"},
      {"u = 1000 on a tie", {1000, 0}, {400, 0}, 2, "needs more than 400 digits without a bound"},
  };
  std::int64_t compared = 0;
  for (const Row& row : rows) {
    EXPECT_EQ(exact::silu_level(row.v, row.scale), row.expected) << row.name << ": " << row.why;
    ++compared;
  }
  std::cout << compared << " comparisons\n";
  EXPECT_GT(compared, 0);
}

TEST(oracle, slope_changes_sign_at_the_minimum) {
  struct Row {
    const char* name;
    Dyadic v;
    int expected;
  };
  std::int64_t compared = 0;
  for (const Row& row : {Row{"minus one", {-1, 0}, 1}, Row{"minus two", {-2, 0}, -1}, Row{"zero", {0, 0}, 1},
                         Row{"-1.27846432, right of the minimum", {-1340567, -20}, 1},
                         Row{"-1.27846527, left of it", {-1340568, -20}, -1}, Row{"far left", {-1, 200}, -1},
                         Row{"far right", {1, 200}, 1}}) {
    EXPECT_EQ(exact::silu_slope_sign(row.v), row.expected) << row.name;
    ++compared;
  }
  std::cout << compared << " comparisons\n";
}

TEST(oracle, rounding_of_rationals_follows_the_tie_rule) {
  struct Row {
    int numerator, denominator, even, away;
  };
  std::int64_t compared = 0;
  for (const Row& row :
       {Row{1, 2, 0, 1}, Row{-1, 2, 0, -1}, Row{3, 2, 2, 2}, Row{-3, 2, -2, -2}, Row{5, 2, 2, 3},
        Row{-5, 2, -2, -3}, Row{7, 3, 2, 2}, Row{-7, 3, -2, -2}, Row{8, 3, 3, 3}, Row{0, 1, 0, 0}}) {
    const exact::Rational value(row.numerator, row.denominator);
    EXPECT_EQ(exact::round_rational(value, Rounding::kHalfEven), row.even) << value;
    EXPECT_EQ(exact::round_rational(value, Rounding::kHalfAway), row.away) << value;
    compared += 2;
  }
  std::cout << compared << " comparisons\n";
}

}  // namespace
}  // namespace quasim
