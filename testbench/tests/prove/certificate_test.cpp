// The bookkeeping of a certificate: every count and every verdict on functions so small that a reader can
// count them.
#include <gtest/gtest.h>

#include <iostream>

#include "exact/oracle.hpp"
#include "prove/certify.hpp"
#include "prove/mac_check.hpp"
#include "reference/targets.hpp"
#include "spec/error.hpp"
#include "tests/exact/layers.hpp"

namespace quasim {
namespace {

using compile::Certificate;
using compile::Implementation;
using exact::StepFunction;

/// Two slices: bias 3 with accumulators -4 ... 5, bias 7 with 0 ... 2.
exact::Domain small_domain() {
  return {exact::DomainKind::kReachable, {{3, -4, 5, 0}, {7, 0, 2, 1}}};
}

LayerParams small_layer() {
  return test::layer_of(0.5F, 1.0F, 0.25F, 1.0F, 0.25F, 8, Rounding::kHalfEven);
}

Implementation oracle_of(const LayerParams& layer) {
  return {"oracle", std::nullopt, exact::Oracle(layer).steps(small_domain()), 0};
}

/// One more than the function at acc_first ... acc_last of a slice, by complete enumeration.
void raise(StepFunction& function, std::size_t slice, std::int32_t acc_first, std::int32_t acc_last) {
  const exact::Slice where = small_domain().slices[slice];
  exact::SliceSteps raised;
  for (std::int32_t acc = where.acc_min; acc <= where.acc_max; ++acc)
    exact::append_step(raised, acc,
                       value_at(function[slice], acc) + (acc >= acc_first && acc <= acc_last ? 1 : 0));
  function[slice] = raised;
}

Certificate certified(const std::vector<Implementation>& implementations, const std::string& target,
                      bool match_q) {
  return compile::certify(small_layer(), small_domain(), implementations, target, match_q);
}

TEST(certificate, points_and_differences_of_every_pair_are_counted) {
  const Implementation oracle = oracle_of(small_layer());
  Implementation a = oracle, b = oracle;
  a.name = "a";
  b.name = "b";
  raise(a.steps.out, 0, 5, 5);   // the last accumulator of a slice
  raise(a.steps.out, 1, 0, 0);   // the first of the next
  raise(*b.steps.q, 0, -4, -3);  // the first two
  raise(*b.steps.q, 1, 1, 2);
  raise(b.steps.out, 1, 2, 2);
  const Certificate certificate = certified({oracle, a, b}, "oracle", true);
  struct Row {
    std::size_t pair;
    const char *a, *b;
    std::int64_t differing_q, differing_out;
    const char* stage;
    int bias;
    std::int32_t acc;
  };
  ASSERT_EQ(certificate.pairs.size(), 3U);
  std::int64_t compared = 0;
  for (const Row& row : {Row{0, "oracle", "a", 0, 2, "out", 3, 5}, Row{1, "oracle", "b", 4, 1, "out", 7, 2},
                         Row{2, "a", "b", 4, 3, "out", 3, 5}}) {
    const compile::PairResult& pair = certificate.pairs[row.pair];
    EXPECT_EQ(pair.a, row.a);
    EXPECT_EQ(pair.b, row.b);
    EXPECT_EQ(pair.points, 13);
    EXPECT_EQ(pair.differing_q, row.differing_q);
    EXPECT_EQ(pair.differing_out, row.differing_out);
    ASSERT_TRUE(pair.first.has_value());
    EXPECT_EQ(pair.first->stage, row.stage);
    EXPECT_EQ(pair.first->bias, row.bias);
    EXPECT_EQ(pair.first->acc, row.acc);
    EXPECT_EQ(std::abs(pair.first->a - pair.first->b), 1);
    compared += pair.points;
  }
  EXPECT_EQ(certificate.domain.points(), 13);
  EXPECT_TRUE(certificate.passed()) << "no model, no golden: nothing was demanded";
  std::cout << compared << " points compared\n";
}

TEST(certificate, a_difference_of_q_alone_is_the_first_where_out_agrees) {
  const Implementation oracle = oracle_of(small_layer());
  Implementation other = oracle;
  other.name = "other";
  raise(*other.steps.q, 1, 1, 1);
  const Certificate certificate = certified({oracle, other}, "oracle", true);
  ASSERT_TRUE(certificate.pairs[0].first.has_value());
  EXPECT_EQ(certificate.pairs[0].first->stage, "q");
  EXPECT_EQ(certificate.pairs[0].first->bias, 7);
  EXPECT_EQ(certificate.pairs[0].first->acc, 1);
  EXPECT_EQ(certificate.pairs[0].first->b, certificate.pairs[0].first->a + 1);
  const Certificate same = certified({oracle, oracle}, "oracle", true);
  EXPECT_FALSE(same.pairs[0].first.has_value());
}

/// What the model and the RTL may differ in, wherever they stand in the list.
TEST(certificate, the_model_must_equal_its_target_and_the_rtl_the_model_in_q_and_in_out) {
  const Implementation oracle = oracle_of(small_layer());
  int verdicts = 0;
  for (const bool reversed : {false, true})
    for (const char* faulty : {"none", "model", "rtl"})
      for (const bool in_q : {false, true})
        for (const bool match_q : {false, true}) {
          Implementation model = oracle, rtl = oracle;
          model.name = "model";
          rtl.name = "rtl";
          const std::string name = faulty;
          for (Implementation* implementation : {&model, &rtl})
            if (implementation->name == name)
              raise(in_q ? *implementation->steps.q : implementation->steps.out, 0, 0, 2);
          // The RTL is listed behind the model; the target on either side.
          const std::vector<Implementation> list = reversed ? std::vector<Implementation>{oracle, model, rtl}
                                                            : std::vector<Implementation>{model, rtl, oracle};
          const Certificate certificate = certified(list, "oracle", match_q);
          const std::int64_t of_model = name == "model" && (!in_q || match_q) ? 3 : 0;
          const std::int64_t of_rtl = name == "none" ? 0 : 3;
          EXPECT_EQ(certificate.model_differing, of_model) << name << in_q << match_q << reversed;
          EXPECT_EQ(certificate.rtl_differing, of_rtl) << name << in_q << match_q << reversed;
          EXPECT_EQ(certificate.passed(), of_model == 0 && of_rtl == 0);
          ++verdicts;
        }
  // Both at once: the greater of the two counts, not only the last.
  for (const bool more_in_q : {false, true}) {
    Implementation model = oracle, rtl = oracle;
    model.name = "model";
    rtl.name = "rtl";
    raise(*model.steps.q, 0, 0, more_in_q ? 3 : 0);
    raise(model.steps.out, 0, 0, more_in_q ? 0 : 3);
    const Certificate certificate = certified({model, rtl, oracle}, "oracle", true);
    EXPECT_EQ(certificate.model_differing, 4);
    EXPECT_EQ(certificate.rtl_differing, 4);
    ++verdicts;
  }
  std::cout << verdicts << " verdicts\n";
  EXPECT_EQ(verdicts, 26);
}

TEST(certificate, only_the_named_target_is_demanded) {
  const Implementation oracle = oracle_of(small_layer());
  Implementation model = oracle, other = oracle;
  model.name = "model";
  other.name = "golden";
  raise(other.steps.out, 0, 1, 1);
  EXPECT_EQ(certified({model, oracle, other}, "golden", false).model_differing, 1);
  EXPECT_EQ(certified({model, oracle, other}, "oracle", false).model_differing, 0);
  EXPECT_EQ(certified({other, oracle, model}, "golden", false).model_differing, 1);
  EXPECT_THROW(certified({model, oracle}, "golden", false), InputError) << "no target";
  EXPECT_THROW(certified({model, other}, "golden", false), InputError) << "no oracle";
  EXPECT_THROW(certified({oracle}, "oracle", false), InputError) << "nothing to compare with";
  Implementation empty = oracle;
  empty.name = "empty";
  empty.steps.out = {{}, {}};
  empty.steps.q.reset();
  EXPECT_THROW(certified({oracle, empty}, "oracle", false), InputError) << "no slice in common";
}

/// A golden whose every point is false: nothing explains 90 steps at once.
struct Wrong {
  LayerParams layer;
  exact::Domain domain;
  std::vector<Implementation> implementations;

  Wrong(std::int32_t wrong_first, std::int32_t wrong_last, std::int32_t acc_max) {
    layer = small_layer();
    domain = {exact::DomainKind::kReachable, {{3, 0, acc_max, 0}}};
    const exact::StageSteps truth = exact::Oracle(layer).steps(domain);
    exact::SliceSteps out;
    for (std::int32_t acc = 0; acc <= acc_max; ++acc) {
      const int value = value_at(truth.out[0], acc);
      const bool wrong = acc >= wrong_first && acc <= wrong_last;
      exact::append_step(out, acc, wrong ? (value > 0 ? value - 90 : value + 90) : value);
    }
    implementations = {{"oracle", std::nullopt, truth, 0},
                       {"golden", default_variant(layer), {truth.q, {out}}, 0}};
  }
  Certificate certified(std::int64_t examine = compile::kExaminedDefault) const {
    return compile::certify(layer, domain, implementations, "golden", false, examine);
  }
};

TEST(certificate, every_point_that_nothing_explains_is_counted) {
  std::int64_t points = 0;
  for (const std::int32_t wrong : {0, 1, 2, 17, 63}) {
    const Certificate certificate = Wrong(100, 100 + wrong - 1, 400).certified();
    EXPECT_EQ(certificate.differing_points, wrong);
    EXPECT_EQ(certificate.examined, wrong);
    EXPECT_EQ(certificate.unexplained, wrong);
    EXPECT_EQ(certificate.passed(), wrong == 0);
    EXPECT_EQ(certificate.first_unexplained.has_value(), wrong > 0);
    if (wrong > 0) {
      EXPECT_EQ(certificate.first_unexplained->acc, 100);
      EXPECT_EQ(certificate.first_unexplained->bias, 3);
      EXPECT_EQ(std::abs(certificate.first_unexplained->a - certificate.first_unexplained->b), 90);
    }
    EXPECT_TRUE(certificate.causes.empty());
    points += wrong;
  }
  // From 64 on it is enough; those not looked at keep the verdict from passing.
  EXPECT_EQ(compile::kUnexplainedEnough, 64);
  const Certificate enough = Wrong(10, 309, 400).certified();
  EXPECT_EQ(enough.differing_points, 300);
  EXPECT_EQ(enough.unexplained, 64);
  EXPECT_EQ(enough.examined, 64);
  EXPECT_FALSE(enough.passed());
  std::cout << points << " points counted\n";
  EXPECT_EQ(points, 83);
}

TEST(certificate, a_sample_is_no_proof) {
  const Certificate one = Wrong(100, 109, 400).certified(1);
  EXPECT_EQ(one.examined, 1);
  EXPECT_EQ(one.differing_points, 10);
  EXPECT_FALSE(one.passed());
  const Certificate none = Wrong(100, 109, 400).certified(0);
  EXPECT_EQ(none.examined, 0);
  EXPECT_EQ(none.unexplained, 0);
  EXPECT_FALSE(none.passed()) << "ten points differ and none was looked at";
  EXPECT_EQ(compile::kExaminedDefault, 4096);
}

TEST(certificate, explained_points_are_counted_by_cause_and_pass) {
  // conv_scale is twice s_x * s_w, so that every odd accumulator is a tie; a golden that takes them the other
  // way round is off by the rounding of one of its steps nowhere, so nothing but equality passes here.
  LayerParams layer = test::layer_of(0.1F, 0.1F, 0.01F, 0.02F, 0.02F, 8, Rounding::kHalfEven);
  const Variant variant = default_variant(layer);
  const exact::Domain domain{exact::DomainKind::kReachable, {{0, -240, 240, 0}, {5, -240, 240, 1}}};
  const exact::Oracle oracle(layer);
  const exact::StageSteps truth = oracle.steps(domain);
  const compile::GoldenLadder ladder(layer, variant);
  StepFunction q, out;
  std::int64_t differing = 0;
  for (std::size_t s = 0; s < domain.slices.size(); ++s) {
    exact::SliceSteps slice_q, slice_out;
    for (std::int32_t acc = -240; acc <= 240; ++acc) {
      const compile::LadderResult golden = ladder.evaluate({domain.slices[s].bias, acc, {}, {}}, 0);
      exact::append_step(slice_q, acc, golden.q);
      exact::append_step(slice_out, acc, golden.out);
      differing += golden.q != value_at((*truth.q)[s], acc) || golden.out != value_at(truth.out[s], acc);
    }
    q.push_back(slice_q);
    out.push_back(slice_out);
  }
  ASSERT_GT(differing, 5) << "fp32 takes many of the near ties the other way";
  const std::vector<Implementation> implementations{{"oracle", std::nullopt, truth, 0},
                                                    {"golden", variant, {q, out}, 0}};
  const Certificate certificate = compile::certify(layer, domain, implementations, "golden", true);
  EXPECT_EQ(certificate.differing_points, differing);
  EXPECT_EQ(certificate.examined, differing);
  EXPECT_EQ(certificate.unexplained, 0);
  EXPECT_TRUE(certificate.passed());
  std::int64_t by_cause = 0;
  for (const compile::CauseCount& cause : certificate.causes) {
    EXPECT_EQ(cause.implementation, "golden");
    EXPECT_NE(cause.cause, "");
    by_cause += cause.points;
  }
  EXPECT_EQ(by_cause, differing);
  // Two goldens: each one's points are counted.
  std::vector<Implementation> twice = implementations;
  twice.push_back(twice[1]);
  twice[2].name = "again";
  const Certificate both = compile::certify(layer, domain, twice, "golden", true);
  EXPECT_EQ(both.differing_points, 2 * differing);
  EXPECT_EQ(both.examined, 2 * differing);
  EXPECT_TRUE(both.passed());
  std::cout << differing << " points explained\n";
}

TEST(certificate, each_verdict_alone_decides) {
  Certificate good;
  good.mac = compile::check_mac();
  good.differing_points = good.examined = 5;
  ASSERT_TRUE(good.passed());
  const auto fails = [&](const char* what, const auto& change) {
    Certificate bad = good;
    change(bad);
    EXPECT_FALSE(bad.passed()) << what;
  };
  fails("unexplained", [](Certificate& c) { c.unexplained = 1; });
  fails("examined", [](Certificate& c) { c.examined = 4; });
  fails("model", [](Certificate& c) { c.model_differing = 1; });
  fails("rtl", [](Certificate& c) { c.rtl_differing = 1; });
  fails("mac differs", [](Certificate& c) { c.mac.differing = 1; });
  fails("mac does not fit", [](Certificate& c) { c.mac.fits = false; });
}

TEST(certificate, the_mac_is_checked_for_every_product_and_every_extreme_sum) {
  const compile::MacCheck check = compile::check_mac();
  EXPECT_EQ(check.products, 4 * 65536);
  EXPECT_EQ(check.corner_sums, 81);
  EXPECT_EQ(check.differing, 0);
  EXPECT_EQ(check.largest, 65536);
  EXPECT_TRUE(check.fits);
  EXPECT_TRUE(check.passed());
}

}  // namespace
}  // namespace quasim
