// The ladder against the CPU twin in every order, and every cause of a difference on an example made for it.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <iostream>
#include <map>
#include <set>

#include "compile/compiler.hpp"
#include "compile/nearest.hpp"
#include "compile/program_source.hpp"
#include "prove/differing_points.hpp"
#include "prove/explanation.hpp"
#include "prove/program_explanation.hpp"
#include "prove/ties.hpp"
#include "quasim_golden_cpu_twin.hpp"
#include "reference/golden_params.hpp"
#include "reference/targets.hpp"
#include "tests/exact/layers.hpp"

namespace quasim {
namespace {

using compile::Deviations;
using compile::Explainer;
using compile::Explanation;
using compile::GoldenLadder;
using compile::GoldenPoint;
using compile::LadderResult;
using compile::Observed;
using compile::Op;

constexpr std::int64_t kAll = std::int64_t{1} << 40;
constexpr Order kOrders[] = {Order::kSeqLast, Order::kChannelLast, Order::kUpdate};

quasim_golden::CpuTwin twin_of(const LayerParams& layer, const Variant& variant) {
  return quasim_golden::CpuTwin(golden_params(layer, variant));
}

GoldenPoint random_point(std::mt19937_64& random, int taps, int limit) {
  std::uniform_int_distribution<int> value(-limit, limit);
  GoldenPoint point;
  point.bias = std::clamp(value(random), -128, 127);
  for (int k = 0; k < taps; ++k) {
    point.window.push_back(static_cast<std::int8_t>(value(random)));
    point.weights.push_back(static_cast<std::int8_t>(value(random)));
    point.acc += point.window.back() * point.weights.back();
  }
  return point;
}

Observed observed_of(const quasim_golden::TwinStages& stages, const Variant& variant) {
  Observed observed{std::nullopt, stages.out};
  if (variant.dataflow == Dataflow::kTwoStep) observed.q = stages.q;
  return observed;
}

Observed observed_of(const LadderResult& result, const Variant& variant) {
  Observed observed{std::nullopt, result.out};
  if (variant.dataflow == Dataflow::kTwoStep) observed.q = result.q;
  return observed;
}

quasim_golden::TwinStages window(const quasim_golden::CpuTwin& twin, const GoldenPoint& point) {
  return twin.window(point.window.data(), point.weights.data(), point.bias);
}

/// y without contraction, in plain fp32.
float uncontracted_y(const LayerParams& layer, Order order, const GoldenPoint& point) {
  volatile float scale_wx = layer.weight_scale * layer.input_scale;
  volatile float y = *layer.bias_scale * static_cast<float>(point.bias);
  if (order == Order::kSeqLast) {
    volatile float product = scale_wx * static_cast<float>(point.acc);
    return product + y;
  }
  for (std::size_t k = 0; k < point.window.size(); ++k) {
    volatile float weight = scale_wx * static_cast<float>(point.weights[k]);
    volatile float product = weight * static_cast<float>(point.window[k]);
    y = y + product;
  }
  return y;
}

/// y of update in fast math.
float update_fast_y(const LayerParams& layer, const GoldenPoint& point) {
  volatile float scale_wx = layer.weight_scale * layer.input_scale;
  volatile float weight = scale_wx * static_cast<float>(point.weights[0]);
  volatile float first = weight * static_cast<float>(point.window[0]);
  float y = std::fma(*layer.bias_scale, static_cast<float>(point.bias), first);
  for (std::size_t k = 1; k < point.window.size(); ++k) {
    weight = scale_wx * static_cast<float>(point.weights[k]);
    y = std::fma(weight, static_cast<float>(point.window[k]), y);
  }
  return y;
}

int requant(const LayerParams& layer, Rounding rounding, float y) {
  const float scaled = y / layer.effective_conv_scale();
  const float rounded = rounding == Rounding::kHalfEven ? std::nearbyint(scaled) : std::round(scaled);
  return static_cast<int>(std::clamp(rounded, static_cast<float>(spec::min_of_bits(layer.conv_bits)),
                                     static_cast<float>(spec::max_of_bits(layer.conv_bits))));
}

double exact_y(const LayerParams& layer, const GoldenPoint& point) {
  return double{layer.input_scale} * layer.weight_scale * point.acc + double{*layer.bias_scale} * point.bias;
}

double silu(double v) {
  return v / (1 + std::exp(-v));
}

/// Moves a scale so that the value which decides at the point lies within fp32's reach of level + 1/2. False
/// where the point does not allow it.
bool aim(LayerParams& layer, const GoldenPoint& point, bool at_q, double level) {
  const auto normal = [](double scale) { return scale > 1e-6 && scale < 1e6; };
  const double y = exact_y(layer, point);
  if (at_q) {
    const double scale = y / level;
    if (!normal(scale)) return false;
    layer.conv_scale = static_cast<float>(scale);
    return true;
  }
  double v = y;
  if (layer.dataflow == Dataflow::kTwoStep)
    v = exact::Oracle(layer).q(point.bias, point.acc) * double{layer.effective_conv_scale()};
  const double scale = silu(v) / level;
  if (!normal(scale)) return false;
  layer.output_scale = static_cast<float>(scale);
  return true;
}

/// A layer and a point at which one rounding of fp32 may decide.
bool random_edge(std::mt19937_64& random, const Variant& variant, LayerParams& layer, GoldenPoint& point) {
  layer = test::random_layer(random);
  layer.conv_bits = 8;
  layer.conv_scale = layer.conv_scale.value_or(layer.output_scale);
  layer.dataflow = variant.dataflow;
  layer.rounding = variant.rounding;
  point = random_point(random, layer.taps, 127);
  const bool at_q = variant.dataflow == Dataflow::kTwoStep && random() % 2 == 0;
  const int level = static_cast<int>(random() % 120);
  const double y = exact_y(layer, point);
  return aim(layer, point, at_q, (y < 0 ? -1 : 1) * (level + 0.5));
}

TEST(explain, the_ladder_equals_the_twin_on_random_windows_of_every_order) {
  constexpr std::uint64_t kSeed = 20;
  std::mt19937_64 random(kSeed);
  std::int64_t compared = 0, expf_ulps = 0, edges = 0;
  for (int trial = 0; trial < 20000; ++trial) {
    Variant variant{trial % 2 == 0 ? Dataflow::kTwoStep : Dataflow::kFused, Order::kSeqLast,
                    MathMode::kPrecise, random() % 2 == 0 ? Rounding::kHalfEven : Rounding::kHalfAway};
    LayerParams layer = test::random_layer(random);
    layer.dataflow = variant.dataflow;
    layer.rounding = variant.rounding;
    GoldenPoint point = random_point(random, layer.taps, 127);
    if (trial % 4 >= 2) edges += random_edge(random, variant, layer, point) ? 1 : 0;
    for (const Order order : kOrders) {
      variant.order = order;
      const auto twin = window(twin_of(layer, variant), point);
      const GoldenLadder ladder(layer, variant);
      LadderResult result = ladder.evaluate(point, 0);
      ++compared;
      ASSERT_EQ(result.q, twin.q) << "trial " << trial << " " << variant.to_string();
      if (result.out == twin.out) continue;
      ++expf_ulps;
      const bool within = ladder.evaluate(point, 0, {1, true}).out == twin.out ||
                          ladder.evaluate(point, 0, {-1, true}).out == twin.out;
      EXPECT_TRUE(within) << "trial " << trial << " " << variant.to_string();
    }
  }
  std::cout << "seed " << kSeed << ": " << compared << " windows compared, " << edges
            << " points on a rounding edge, " << expf_ulps << " with an expf one ulp off\n";
  EXPECT_EQ(compared, 60000);
  EXPECT_GT(edges, 5000);
  EXPECT_LT(expf_ulps, compared / 50);
}

TEST(explain, update_in_fast_math_rounds_the_first_product_instead_of_the_bias) {
  constexpr std::uint64_t kSeed = 21;
  std::mt19937_64 random(kSeed);
  std::int64_t compared = 0, y_differs = 0, q_differs = 0;
  for (const Rounding rounding : {Rounding::kHalfEven, Rounding::kHalfAway})
    for (int trial = 0; trial < 2500; ++trial) {
      const Variant variant{Dataflow::kTwoStep, Order::kUpdate, MathMode::kFast, rounding};
      const Variant precise{Dataflow::kTwoStep, Order::kUpdate, MathMode::kPrecise, rounding};
      LayerParams layer;
      GoldenPoint point;
      if (!random_edge(random, variant, layer, point)) continue;
      const float y = update_fast_y(layer, point);
      const LadderResult result = GoldenLadder(layer, variant).evaluate(point, 0);
      EXPECT_EQ(result.q, requant(layer, rounding, y)) << "trial " << trial;
      ++compared;
      const auto twin = window(twin_of(layer, precise), point);
      y_differs += y != twin.y;
      q_differs += result.q != twin.q;
    }
  const Variant fast{Dataflow::kFused, Order::kUpdate, MathMode::kFast, Rounding::kHalfAway};
  const unsigned ops = GoldenLadder({}, fast).ops();
  EXPECT_EQ(ops & bit_of(Op::kBiasProduct), 0U);
  EXPECT_NE(ops & bit_of(Op::kProduct), 0U);
  std::cout << "seed " << kSeed << ": " << compared << " windows compared; precise update gives another y in "
            << y_differs << ", another q in " << q_differs << "\n";
  EXPECT_GT(compared, 3000);
  EXPECT_GT(y_differs, 0);
  EXPECT_GT(q_differs, 0);
}

/// Evidence from fp32 code of its own for the causes that exchange a whole step.
void check_step_causes(const LayerParams& layer, const Variant& variant, const GoldenPoint& point,
                       const Explanation& explanation) {
  const auto& causes = explanation.causes;
  const auto has = [&](const char* cause) {
    return std::find(causes.begin(), causes.end(), cause) != causes.end();
  };
  if (variant.dataflow != Dataflow::kTwoStep) return;
  Variant seqlast = variant;
  seqlast.order = Order::kSeqLast;
  if (explanation.stage != "q") return;
  if (variant.order != Order::kSeqLast) {
    EXPECT_EQ(has("order of taps"), window(twin_of(layer, seqlast), point).q == explanation.exact_q);
  }
  const int uncontracted = requant(layer, variant.rounding, uncontracted_y(layer, variant.order, point));
  EXPECT_EQ(has("contraction"), uncontracted == explanation.exact_q);
}

TEST(explain, every_difference_of_every_order_has_a_cause_and_every_cause_occurs) {
  constexpr std::uint64_t kSeed = 22;
  std::mt19937_64 random(kSeed);
  std::int64_t compared = 0, differing = 0, unlike_seqlast = 0;
  std::map<std::string, int> causes;
  for (int trial = 0; trial < 2400; ++trial) {
    Variant variant{trial % 2 == 0 ? Dataflow::kTwoStep : Dataflow::kFused, kOrders[trial % 3],
                    MathMode::kPrecise, random() % 2 == 0 ? Rounding::kHalfEven : Rounding::kHalfAway};
    LayerParams layer;
    GoldenPoint point;
    if (!random_edge(random, variant, layer, point)) continue;
    const auto twin = window(twin_of(layer, variant), point);
    ++compared;
    Variant seqlast = variant;
    seqlast.order = Order::kSeqLast;
    const auto in_seqlast = window(twin_of(layer, seqlast), point);
    unlike_seqlast += in_seqlast.out != twin.out || in_seqlast.q != twin.q;
    const Explanation explanation = Explainer(layer, variant).explain(point, observed_of(twin, variant));
    EXPECT_TRUE(explanation.explained) << "trial " << trial << " " << variant.to_string();
    if (twin.out == explanation.exact_out && twin.q == explanation.exact_q) {
      EXPECT_EQ(explanation.causes, std::vector<std::string>{"no difference"});
      continue;
    }
    ++differing;
    for (const std::string& cause : explanation.causes) ++causes[cause];
    check_step_causes(layer, variant, point, explanation);
  }
  std::cout << "seed " << kSeed << ": " << compared << " points compared, " << differing
            << " differ from exact, " << unlike_seqlast << " from seqlast; single causes:\n";
  for (const auto& [cause, count] : causes)
    if (cause.find(" and ") == std::string::npos) std::cout << "  " << count << "  " << cause << "\n";
  EXPECT_GT(compared, 1500);
  EXPECT_GT(differing, 200);
  EXPECT_GT(unlike_seqlast, 50);
  for (const Op op : {Op::kScaleProduct, Op::kBiasProduct, Op::kWeightFold, Op::kSum, Op::kRequantDivide,
                      Op::kUnscale, Op::kExp, Op::kDenominator, Op::kSiluDivide, Op::kOutDivide})
    EXPECT_GT(causes[std::string(to_string(op))], 0) << to_string(op);
  EXPECT_GT(causes["order of taps"], 0);
  EXPECT_GT(causes["contraction"], 0);
}

TEST(explain, expf_one_ulp_off_is_named) {
  constexpr std::uint64_t kSeed = 23;
  std::mt19937_64 random(kSeed);
  const Variant variant{Dataflow::kFused, Order::kChannelLast, MathMode::kPrecise, Rounding::kHalfAway};
  int compared = 0, named = 0;
  for (int trial = 0; trial < 1500; ++trial) {
    LayerParams layer;
    GoldenPoint point;
    if (!random_edge(random, variant, layer, point)) continue;
    const GoldenLadder ladder(layer, variant);
    const int exact = ladder.evaluate(point, ladder.ops()).out;
    ++compared;
    if (ladder.evaluate(point, 0).out != exact) continue;
    for (const int ulps : {1, -1}) {
      const LadderResult off = ladder.evaluate(point, 0, {ulps, true});
      if (off.out == exact) continue;
      const Explanation explanation = Explainer(layer, variant).explain(point, observed_of(off, variant));
      EXPECT_EQ(explanation.causes.front(), "expf off by " + std::to_string(ulps) + " ulp");
      ++named;
    }
  }
  std::cout << "seed " << kSeed << ": " << compared << " points compared, " << named << " named\n";
  EXPECT_GT(named, 0);
}

TEST(explain, values_made_without_contraction_or_in_another_order_are_recognised) {
  constexpr std::uint64_t kSeed = 24;
  std::mt19937_64 random(kSeed);
  int compared = 0;
  std::map<std::string, int> recognised;
  for (int trial = 0; trial < 2400; ++trial) {
    const Variant variant{Dataflow::kTwoStep, kOrders[trial % 3], MathMode::kPrecise, Rounding::kHalfEven};
    LayerParams layer;
    GoldenPoint point;
    if (!random_edge(random, variant, layer, point)) continue;
    const exact::Oracle oracle(layer);
    const Explainer strict(layer, variant), lenient(layer, variant, Deviations::kNamed);
    const int declared = window(twin_of(layer, variant), point).q, exact = oracle.q(point.bias, point.acc);
    const auto expect_named = [&](int q, const std::string& cause, const std::string& way) {
      ++compared;
      if (q == declared || q == exact) return;
      const Observed observed{q, oracle.table_entry(q)};
      const LadderResult back = GoldenLadder(layer, variant).evaluate(point, 0);
      const Explanation explanation = lenient.explain(point, observed);
      if (!explanation.explained) return;  // the output of this q is itself on an edge
      EXPECT_FALSE(strict.explain(point, observed).explained);
      EXPECT_EQ(back.q, declared);
      if (explanation.evaluated_as != way) return;  // an earlier way gives the same value
      if (declared == exact && back.out == oracle.table_entry(exact)) {
        EXPECT_EQ(explanation.causes.front(), cause);
      }
      ++recognised[explanation.evaluated_as];
    };
    expect_named(requant(layer, variant.rounding, uncontracted_y(layer, variant.order, point)), "contraction",
                 "without contraction");
    for (const Order order : {Order::kSeqLast, Order::kChannelLast}) {
      Variant other = variant;
      other.order = order;
      expect_named(window(twin_of(layer, other), point).q, "order of taps",
                   order == Order::kSeqLast ? "order seqlast" : "order channellast");
    }
  }
  std::cout << "seed " << kSeed << ": " << compared << " values compared\n";
  for (const auto& [way, count] : recognised) std::cout << "  " << count << "  " << way << "\n";
  EXPECT_GT(recognised["without contraction"], 10);
  EXPECT_GT(recognised["order seqlast"], 10);
  EXPECT_GT(recognised["order channellast"], 10);
}

TEST(explain, exact_ties_name_the_rule_that_decides) {
  // y/s_c = 3*acc/2 exactly, and s_w*s_x is not an fp32 number.
  const float scale = std::nextafter(1.0F, 2.0F);
  int compared = 0, ties = 0, off_the_tie = 0, other_rule = 0;
  for (const Rounding rounding : {Rounding::kHalfEven, Rounding::kHalfAway}) {
    const LayerParams layer = test::layer_of(scale, 3.0F, 1.0F, 2 * scale, 16.0F, 12, rounding);
    const Variant variant = default_variant(layer);
    const std::string rule = rounding == Rounding::kHalfEven ? "half_even" : "half_away";
    const std::string other = rounding == Rounding::kHalfEven ? "half_away" : "half_even";
    const exact::Oracle oracle(layer);
    for (std::int32_t acc = -601; acc <= 601; acc += 2) {
      const GoldenPoint point{0, acc, {}, {}};
      const LadderResult golden = GoldenLadder(layer, variant).evaluate(point, 0);
      const Explanation explanation = Explainer(layer, variant).explain(point, observed_of(golden, variant));
      ++compared;
      ties += explanation.exact_tie;
      EXPECT_TRUE(explanation.explained) << acc;
      if (golden.q != explanation.exact_q)
        off_the_tie += std::find(explanation.causes.begin(), explanation.causes.end(),
                                 "exact tie, decided by " + rule) != explanation.causes.end();
    }
    // All scales powers of two: fp32 is exact, so only the rule can differ.
    const LayerParams dyadic = test::layer_of(1.0F, 1.0F, 1.0F, 2.0F, 2.0F, 8, rounding);
    const exact::Oracle dyadic_oracle(dyadic);
    for (std::int32_t acc = 1; acc <= 199; acc += 2) {
      const int given = rounding == Rounding::kHalfEven ? (acc + 1) / 2 : (acc + 1) / 4 * 2;
      if (given == dyadic_oracle.q(0, acc)) continue;
      const Observed observed{given, dyadic_oracle.table_entry(given)};
      const GoldenPoint point{0, acc, {}, {}};
      const Explanation explanation = Explainer(dyadic, variant, Deviations::kNamed).explain(point, observed);
      EXPECT_EQ(explanation.causes, std::vector<std::string>{"exact tie, decided by " + other}) << acc;
      EXPECT_TRUE(explanation.exact_tie);
      EXPECT_FALSE(Explainer(dyadic, variant).explain(point, observed).explained);
      ++compared;
      ++other_rule;
    }
  }
  std::cout << compared << " points compared, " << ties << " exact ties, " << off_the_tie
            << " that fp32 left, " << other_rule << " by the other rule\n";
  EXPECT_EQ(ties, 2 * 602);
  EXPECT_GT(off_the_tie, 10);
  EXPECT_GT(other_rule, 40);
}

TEST(explain, fp32_values_that_land_on_a_tie_name_the_rule) {
  constexpr std::uint64_t kSeed = 25;
  std::mt19937_64 random(kSeed);
  int compared = 0, named = 0;
  for (int trial = 0; trial < 1500; ++trial) {
    const Variant variant{Dataflow::kTwoStep, Order::kUpdate, MathMode::kPrecise, Rounding::kHalfAway};
    LayerParams layer;
    GoldenPoint point;
    if (!random_edge(random, variant, layer, point)) continue;
    const auto twin = window(twin_of(layer, variant), point);
    const Explanation explanation = Explainer(layer, variant).explain(point, observed_of(twin, variant));
    ++compared;
    const bool has = std::find(explanation.causes.begin(), explanation.causes.end(),
                               "tie in fp32, decided by half_away") != explanation.causes.end();
    EXPECT_TRUE(!has || (explanation.golden_tie && !explanation.exact_tie));
    named += has;
  }
  std::cout << "seed " << kSeed << ": " << compared << " points compared, " << named << " named\n";
  EXPECT_GT(named, 10);
}

TEST(explain, what_the_clamp_hides_or_reduces_is_said) {
  constexpr std::uint64_t kSeed = 26;
  std::mt19937_64 random(kSeed);
  const Variant variant{Dataflow::kTwoStep, Order::kChannelLast, MathMode::kPrecise, Rounding::kHalfEven};
  int compared = 0, hidden_q = 0, hidden_out = 0, reduced = 0, wrapped = 0;
  for (int trial = 0; trial < 3000; ++trial) {
    LayerParams layer = test::layer_of(1.7F, 3.1F, 2.3F, 1.0F, 1.0F, 8, Rounding::kHalfEven);
    layer.input_scale *= std::exp2(std::uniform_real_distribution<float>(0.0F, 1.0F)(random));
    const GoldenPoint point = random_point(random, layer.taps, 127);
    constexpr double kLevels[] = {127.5, 63.5, 64.5};
    const double level = kLevels[trial % 3];
    if (exact_y(layer, point) < 2000 || !aim(layer, point, true, level)) continue;
    layer.output_scale = *layer.conv_scale / 2;
    const auto twin = window(twin_of(layer, variant), point);
    const Explanation explanation =
        Explainer(layer, variant, Deviations::kNamed).explain(point, observed_of(twin, variant));
    ++compared;
    EXPECT_TRUE(explanation.explained);
    hidden_q += explanation.clamp == "hides a difference of q, 128 against 127" ||
                explanation.clamp == "hides a difference of q, 127 against 128";
    hidden_out += explanation.clamp == "hides a difference of out, 130 against 128" ||
                  explanation.clamp == "hides a difference of out, 128 against 130";
    reduced += explanation.clamp == "reduces a difference of out, 128 against 126" ||
               explanation.clamp == "reduces a difference of out, 126 against 128";
    if (twin.out != 127 || explanation.exact_out != 127) continue;
    const int low_bits = static_cast<std::int8_t>(2 * twin.q);
    const Explanation unclamped =
        Explainer(layer, variant, Deviations::kNamed).explain(point, {twin.q, low_bits});
    EXPECT_EQ(unclamped.causes.empty() ? "" : unclamped.causes.front(),
              twin.q == explanation.exact_q ? "clamp" : "");
    wrapped += unclamped.explained;
  }
  std::cout << "seed " << kSeed << ": " << compared << " points compared; the clamp hides " << hidden_q
            << " differences of q and " << hidden_out << " of out, reduces " << reduced << "; " << wrapped
            << " outputs without it\n";
  EXPECT_GT(compared, 500);
  EXPECT_GT(hidden_q, 10);
  EXPECT_GT(hidden_out, 10);
  EXPECT_GT(reduced, 10);
  EXPECT_GT(wrapped, 10);
}

TEST(explain, fast_math_explains_what_its_documented_errors_allow_and_no_more) {
  constexpr std::uint64_t kSeed = 27;
  std::mt19937_64 random(kSeed);
  int compared = 0, named = 0, refused = 0;
  for (int trial = 0; trial < 600; ++trial) {
    const Variant variant{trial % 2 == 0 ? Dataflow::kTwoStep : Dataflow::kFused, kOrders[trial % 3],
                          MathMode::kFast, Rounding::kHalfAway};
    LayerParams layer;
    GoldenPoint point;
    if (!random_edge(random, variant, layer, point)) continue;
    const Explainer explainer(layer, variant);
    const GoldenLadder ladder(layer, variant);
    const LadderResult precise = ladder.evaluate(point, 0), exact = ladder.evaluate(point, ladder.ops());
    for (const LadderResult& result : ladder.fast_results(point)) {
      EXPECT_LE(std::abs(result.q - precise.q), 1) << "a few units in the last place move no further";
      const Explanation explanation = explainer.explain(point, observed_of(result, variant));
      EXPECT_TRUE(explanation.explained) << variant.to_string();
      ++compared;
      const bool as_precise = result.q == precise.q && result.out == precise.out;
      const bool as_exact = result.q == exact.q && result.out == exact.out;
      if (!as_precise && !as_exact) named += explanation.causes.front().rfind("fast math", 0) == 0;
    }
    Observed far = observed_of(precise, variant);
    far.out += far.out < 100 ? 5 : -5;
    refused += !explainer.explain(point, far).explained;
    ++compared;
  }
  std::cout << "seed " << kSeed << ": " << compared << " values compared, " << named << " by fast math, "
            << refused << " refused\n";
  EXPECT_GT(named, 20);
  EXPECT_GT(refused, 300);
}

TEST(explain, a_program_names_its_multiplier_or_its_bias_word) {
  constexpr std::uint64_t kSeed = 28;
  std::mt19937_64 random(kSeed);
  const LayerParams layer = test::layer_of(0.07F, 0.007F, 0.006F, 0.05F, 0.05F, 8, Rounding::kHalfEven);
  const Bundle bundle = test::random_bundle(random, layer, 4, 127);
  const exact::Oracle oracle(bundle.layer);
  const exact::Domain domain = make_domain(exact::DomainKind::kReachable, bundle);
  const LayerProgram compiled =
      compile::compile_program(bundle, domain, {"exact", "oracle", oracle.steps(domain)}, {}).program;
  std::map<std::string, int> causes;
  std::int64_t compared = 0;
  const auto explain = [&](const LayerProgram& program) {
    for (const exact::Slice& slice : domain.slices)
      for (std::int32_t acc = slice.acc_min; acc <= slice.acc_max; ++acc) {
        const auto explanation = compile::explain_program(oracle, program, slice.channel, slice.bias, acc);
        ++compared;
        if (explanation.program_q == explanation.exact_q) continue;
        EXPECT_TRUE(explanation.explained);
        for (const std::string& cause : explanation.causes) ++causes[cause];
      }
  };
  const auto points = [&] {
    int sum = 0;
    for (const auto& [cause, count] : causes) sum += count;
    return sum;
  };
  explain(compiled);
  EXPECT_EQ(points(), 0);
  LayerProgram coarse = compiled;
  std::int64_t step =
      std::max<std::int64_t>(1, (std::int64_t{1} << compiled.stage().shift_bits) / 65536 / 80);
  coarse.stage().multiplier += static_cast<std::uint32_t>(step);
  explain(coarse);
  coarse = compiled;
  for (std::int64_t& word : coarse.bias_words) word += (std::int64_t{1} << compiled.stage().shift_bits) / 80;
  explain(coarse);
  std::cout << "seed " << kSeed << ": " << compared << " points compared\n";
  for (const auto& [cause, count] : causes) std::cout << "  " << count << "  " << cause << "\n";
  EXPECT_GT(compared, 100000);
  EXPECT_GT(causes["quantised multiplier"], 0);
  EXPECT_GT(causes["quantised bias word"], 0);
}

/// A bundle whose conv_scale is twice fl(s_w*s_x), so that every odd accumulator is within fp32's reach of a
/// tie.
Bundle tied_bundle(std::mt19937_64& random, const Variant& variant) {
  constexpr std::size_t kSequences = 2, kChannels = 8, kLength = 48;
  std::uniform_real_distribution<float> near_one(1.0F, 2.0F);
  std::uniform_int_distribution<int> small(-8, 8);
  const float input_scale = near_one(random), weight_scale = near_one(random);
  const float scale = 2 * (input_scale * weight_scale);
  LayerParams layer = test::layer_of(input_scale, weight_scale, near_one(random), scale, scale, 8,
                                     variant.rounding, variant.dataflow);
  Bundle bundle = test::random_bundle(random, layer, static_cast<int>(kChannels), 8);
  for (std::size_t c = 0; c < kChannels; c += 2) bundle.bias[c] = 0;
  TensorBCL<std::int8_t> input({kSequences, kChannels, kLength});
  for (std::size_t i = 0; i < input.size(); ++i) input.data()[i] = static_cast<std::int8_t>(small(random));
  bundle.input = input;
  return bundle;
}

TensorBCL<std::int8_t> twin_output(const Bundle& bundle, const Variant& variant) {
  const TensorBCL<std::int8_t>& input = *bundle.input;
  TensorBCL<std::int8_t> output(input.shape());
  qg_tensors tensors{};
  tensors.input = input.data();
  tensors.weight = bundle.weight.data();
  tensors.bias = bundle.bias.data();
  tensors.conv1d_output_int8 = output.data();
  quasim_golden::CpuTwin(golden_params(bundle.layer, variant, input.shape())).run(tensors);
  return output;
}

TEST(explain, tensors_of_the_tap_by_tap_orders_are_explained) {
  constexpr std::uint64_t kSeed = 29;
  std::mt19937_64 random(kSeed);
  std::int64_t compared = 0, differing = 0, order_of_taps = 0, planted = 0;
  for (const Dataflow dataflow : {Dataflow::kTwoStep, Dataflow::kFused})
    for (const Order order : {Order::kChannelLast, Order::kUpdate}) {
      const Variant variant{dataflow, order, MathMode::kPrecise, default_rounding(dataflow)};
      std::int64_t found = 0;
      for (int attempt = 0; attempt < 50 && found < 5; ++attempt) {
        const Bundle bundle = tied_bundle(random, variant);
        TensorBCL<std::int8_t> output = twin_output(bundle, variant);
        std::vector<compile::TensorDifference> differences;
        const auto collect = [&](const compile::TensorDifference& d) {
          differences.push_back(d);
          return true;
        };
        const auto good = compile::explain_outputs(bundle, variant, output, kAll, collect);
        EXPECT_EQ(good.as, variant);
        EXPECT_EQ(good.examined, good.differing);
        EXPECT_EQ(good.differing, static_cast<std::int64_t>(differences.size()));
        compared += good.compared;
        for (const auto& [sequence, channel, time, explanation] : differences) {
          EXPECT_TRUE(explanation.explained) << variant.to_string();
          EXPECT_EQ(explanation.evaluated_as, "");
          EXPECT_EQ(explanation.observed.out, output.at(sequence, channel, time));
          found += std::find(explanation.causes.begin(), explanation.causes.end(), "order of taps") !=
                   explanation.causes.end();
        }
        differing += static_cast<std::int64_t>(differences.size());
        // One value that nothing explains.
        std::int8_t& value = output.data()[random() % output.size()];
        value = static_cast<std::int8_t>(value > 0 ? value - 40 : value + 40);
        std::int64_t unexplained = 0;
        compared +=
            compile::explain_outputs(bundle, variant, output, kAll, [&](const compile::TensorDifference& d) {
              unexplained += !d.explanation.explained;
              return true;
            }).compared;
        EXPECT_EQ(unexplained, 1);
        ++planted;
      }
      EXPECT_GE(found, 5) << variant.to_string();
      order_of_taps += found;
    }
  std::cout << "seed " << kSeed << ": " << compared << " outputs compared, " << differing << " differ, "
            << order_of_taps << " by the order of taps, " << planted << " planted values unexplained\n";
  EXPECT_GT(differing, 20);
}

TEST(explain, a_tensor_of_the_other_dataflow_is_recognised_as_a_whole) {
  std::mt19937_64 random(31);
  std::int64_t places = 0, other_places = 0, planted = 0;
  for (const Dataflow dataflow : {Dataflow::kTwoStep, Dataflow::kFused}) {
    const Variant declared{dataflow, Order::kSeqLast, MathMode::kPrecise, default_rounding(dataflow)};
    const Dataflow made = dataflow == Dataflow::kTwoStep ? Dataflow::kFused : Dataflow::kTwoStep;
    const Variant truth{made, Order::kSeqLast, MathMode::kPrecise, default_rounding(made)};
    LayerParams layer = test::layer_of(0.07F, 0.007F, 0.006F, 0.05F, 0.05F, 8, default_rounding(dataflow));
    layer.dataflow = dataflow;
    layer.channels = 16;
    Bundle bundle = test::random_bundle(random, layer, 16, 127);
    TensorBCL<std::int8_t> input({2, 16, 64});
    for (std::size_t i = 0; i < input.size(); ++i) input.data()[i] = static_cast<std::int8_t>(random());
    bundle.input = input;
    TensorBCL<std::int8_t> output = twin_output(bundle, truth);
    const auto refuse = [](const compile::TensorDifference&) { return false; };
    const auto found = compile::explain_outputs(bundle, declared, output, kAll, refuse);
    EXPECT_EQ(found.as, truth);
    EXPECT_GT(found.differing_as_declared, 20);
    EXPECT_LE(found.differing, 2);
    places += found.compared;
    other_places += found.differing_as_declared;
    // A fault in such a tensor is found, and not taken for the other dataflow.
    output.data()[100] =
        static_cast<std::int8_t>(output.data()[100] > 0 ? output.data()[100] - 9 : output.data()[100] + 9);
    std::int64_t unexplained = 0;
    (void)compile::explain_outputs(bundle, declared, output, kAll, [&](const compile::TensorDifference& d) {
      unexplained += !d.explanation.explained;
      planted += d.channel * 64 + d.time + d.sequence * 1024 == 100;
      return true;
    });
    EXPECT_EQ(unexplained, 1);
    // A sample is that many places, and no place twice.
    TensorBCL<std::int8_t> wrong(input.shape());
    std::set<std::array<std::size_t, 3>> seen;
    const auto sampled = compile::explain_outputs(bundle, declared, wrong, 50, [&](const auto& d) {
      EXPECT_TRUE(seen.insert({d.sequence, d.channel, d.time}).second);
      return true;
    });
    EXPECT_GT(sampled.differing, 500);
    EXPECT_EQ(sampled.examined, 50);
    EXPECT_EQ(seen.size(), 50U);
  }
  EXPECT_EQ(planted, 2);
  std::cout << places << " places of tensors of the other dataflow, " << other_places
            << " of them different\n";
}

TEST(explain, differing_points_are_counted_once_and_sampled_evenly) {
  // out differs in acc 10..19 and 30..39 of slice 0, q in 15..34: 10..39 together; slice 1 in one point.
  const exact::Domain domain{exact::DomainKind::kFull, {{0, -100, 100, 0}, {1, -100, 100, 1}}};
  const exact::SliceSteps zero{{-100, 0}};
  const exact::StageSteps a{exact::StepFunction{zero, zero}, {zero, zero}};
  const exact::StageSteps b{exact::StepFunction{{{-100, 0}, {15, 1}, {35, 0}}, zero},
                            {{{-100, 0}, {10, 2}, {20, 0}, {30, 3}, {40, 0}}, {{-100, 0}, {100, 1}}}};
  const compile::DifferingPoints points(a, b, domain);
  EXPECT_EQ(points.count(), 31);
  for (const std::int64_t limit : {0, 1, 2, 7, 30, 31, 1000}) {
    std::vector<std::pair<std::size_t, std::int32_t>> seen;
    points.visit_sample(limit, [&](std::size_t slice, std::int32_t acc) {
      seen.emplace_back(slice, acc);
      return true;
    });
    EXPECT_EQ(static_cast<std::int64_t>(seen.size()), std::min<std::int64_t>(limit, 31));
    EXPECT_TRUE(std::is_sorted(seen.begin(), seen.end()));
    EXPECT_EQ(std::adjacent_find(seen.begin(), seen.end()), seen.end());
    for (const auto& [slice, acc] : seen) EXPECT_TRUE(slice == 0 ? acc >= 10 && acc < 40 : acc == 100);
  }
  int visits = 0;
  points.visit_sample(31, [&](std::size_t, std::int32_t) { return ++visits < 5; });
  EXPECT_EQ(visits, 5);
}

TEST(explain, ties_are_those_that_the_rule_decides) {
  LayerProgram program;
  program.taps = 2;
  program.stage().conv_bits = 4;  // q in -8 .. 7
  program.stage().multiplier = 1;
  program.stage().shift_bits = 2;
  program.weight = TensorCK<std::int8_t>({1, 2}, {1, 1});
  program.bias_words = {0};
  program.stage().silu_table.assign(16, 0);
  // p = acc; ties at acc = 4k + 2, between k and k + 1: those with -8 <= k < 7 show.
  std::int64_t compared = 0;
  for (std::int32_t low = -50; low <= 50; low += 7)
    for (std::int32_t high = low; high <= 50; high += 5) {
      std::int64_t expected = 0;
      for (std::int32_t acc = low; acc <= high; ++acc)
        expected += (acc + 100) % 4 == 2 && acc >= 4 * -8 + 2 && acc <= 4 * 6 + 2;
      EXPECT_EQ(compile::ties_in(program, {exact::DomainKind::kFull, {{0, low, high, 0}}}), expected);
      ++compared;
    }
  EXPECT_GT(compared, 100);
  TensorBCL<std::int8_t> input({1, 1, 4}, {2, 0, 4, 2});  // acc 2, 2, 4, 6: three ties
  EXPECT_EQ(compile::ties_in(program, input), 3);
  program.stage().shift_bits = 0;
  EXPECT_EQ(compile::ties_in(program, input), 0);
}

TEST(explain, an_order_that_depends_on_the_window_is_refused_without_one) {
  const LayerParams layer = test::layer_of(0.07F, 0.007F, 0.006F, 0.05F, 0.05F, 8, Rounding::kHalfEven);
  for (const Order order : {Order::kChannelLast, Order::kUpdate}) {
    const Variant variant{Dataflow::kTwoStep, order, MathMode::kPrecise, Rounding::kHalfEven};
    EXPECT_THROW(GoldenLadder(layer, variant).evaluate({1, 100, {}, {}}, 0), InputError);
  }
}

/// Every point of a program with one fault: what the explanation says of it is what the numbers say.
TEST(explain_program, explanations_hold_the_values_and_their_distances) {
  std::mt19937_64 random(74);
  std::int64_t points = 0, differing = 0, unexplained = 0, table = 0;
  for (const Rounding rounding : {Rounding::kHalfEven, Rounding::kHalfAway}) {
    const LayerParams layer = test::layer_of(0.07F, 0.007F, 0.006F, 0.05F, 0.05F, 8, rounding);
    const Bundle bundle = test::random_bundle(random, layer, 1, 100);
    const exact::Oracle oracle(bundle.layer);
    LayerProgram program = compile::nearest_program(bundle, {12, 40});
    for (const int fault : {0, 1, 2}) {
      LayerProgram faulty = program;
      if (fault == 1) faulty.bias_words[0] += std::int64_t{1} << (faulty.stage().shift_bits - 1);
      if (fault == 2)
        faulty.stage().silu_table[130] = static_cast<std::int8_t>(faulty.stage().silu_table[130] + 3);
      for (std::int32_t acc = -3000; acc <= 3000; acc += 7) {
        const int bias = bundle.bias[0];
        const compile::ProgramExplanation said = compile::explain_program(oracle, faulty, 0, bias, acc);
        const std::int64_t p = std::int64_t{faulty.stage().multiplier} * acc + faulty.bias_words[0];
        const int q =
            static_cast<int>(spec::clamp_bits(spec::round_shift(p, faulty.stage().shift_bits, rounding), 8));
        const int out = faulty.stage().silu_table[static_cast<std::size_t>(q + 128)];
        EXPECT_EQ(said.exact_q, oracle.q(bias, acc));
        EXPECT_EQ(said.exact_out, oracle.table_entry(said.exact_q));
        EXPECT_EQ(said.program_q, q);
        EXPECT_EQ(said.program_out, out);
        const double exact_q =
            static_cast<double>(oracle.y(bias, acc).rational()) / static_cast<double>(0.05F);
        const double own_q = std::ldexp(static_cast<double>(p), -faulty.stage().shift_bits);
        EXPECT_NEAR(said.error_lsb, own_q - exact_q, 1e-9);
        EXPECT_NEAR(said.boundary_lsb, std::fabs(exact_q - std::floor(exact_q) - 0.5), 1e-9);
        const bool same_q = said.program_q == said.exact_q,
                   same = same_q && said.program_out == said.exact_out;
        ASSERT_FALSE(said.causes.empty() && same_q);
        if (same) {
          EXPECT_EQ(said.causes.front(), "no difference");
        }
        if (same_q && !same) {
          EXPECT_EQ(said.causes.front(), "table entry");
          EXPECT_FALSE(said.explained);
          ++table;
        }
        if (!same_q) {
          // Half an LSB is no quantisation, whatever would restore it.
          EXPECT_EQ(said.explained, !said.causes.empty() && std::fabs(said.error_lsb) <= 1.0 / 64);
          unexplained += !said.explained;
          ++differing;
        }
        if (same) {
          EXPECT_TRUE(said.explained);
        }
        ++points;
      }
    }
  }
  std::cout << points << " points, " << differing << " differ in q, " << unexplained
            << " of them unexplained, " << table << " by the table\n";
  EXPECT_GT(differing, 100);
  EXPECT_GT(unexplained, 100);
  EXPECT_GT(table, 0);
}

}  // namespace
}  // namespace quasim
