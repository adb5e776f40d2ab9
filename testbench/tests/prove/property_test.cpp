// Random scale sets through compile and certify: an exact claim must survive complete enumeration, and every
// planted fault must not.
#include <gtest/gtest.h>

#include <chrono>
#include <iostream>

#include "compile/compiler.hpp"
#include "compile/program_source.hpp"
#include "prove/certify.hpp"
#include "reference/targets.hpp"
#include "tests/exact/layers.hpp"

namespace quasim {
namespace {

using compile::Compiled;
using compile::Match;
using exact::Domain;

struct Case {
  Bundle bundle;
  Domain domain;
  exact::StageSteps oracle, twin;
};

Case random_case(std::mt19937_64& random, int channels, int weight_limit) {
  Case made;
  made.bundle = test::random_bundle(random, test::random_layer(random), channels, weight_limit);
  made.domain = make_domain(exact::DomainKind::kReachable, made.bundle);
  made.oracle = exact::Oracle(made.bundle.layer).steps(made.domain);
  made.twin =
      enumerate(*make_twin_source(made.bundle.layer, default_variant(made.bundle.layer)), made.domain);
  return made;
}

compile::Certificate certificate_of(const Case& test, const LayerProgram& program, bool match_q) {
  const Domain domain = make_domain(exact::DomainKind::kReachable, test.bundle, program.bias_words);
  const Variant variant = default_variant(test.bundle.layer);
  return compile::certify(
      test.bundle.layer, domain,
      {{"model", std::nullopt, enumerate(compile::ProgramSource(program), domain), 0},
       {"oracle", std::nullopt, exact::Oracle(test.bundle.layer).steps(domain), 0},
       {"cpu_twin", variant, enumerate(*make_twin_source(test.bundle.layer, variant), domain), 0}},
      "cpu_twin", match_q);
}

TEST(property, exact_programs_survive_complete_enumeration) {
  constexpr std::uint64_t kSeed = 20250117;
  constexpr int kTrials = 2000;
  std::cout << "seed " << kSeed << "\n";
  std::mt19937_64 random(kSeed);
  std::int64_t points = 0, exact_programs = 0, unexplained = 0, differing = 0;
  for (int trial = 0; trial < kTrials; ++trial) {
    const Case test = random_case(random, 3, 40);
    const Compiled compiled =
        compile::compile_program(test.bundle, test.domain, {"golden", "CPU twin", test.twin}, {});
    const compile::Certificate certificate =
        certificate_of(test, compiled.program, compiled.match == Match::kQ);
    EXPECT_EQ(compiled.exact(), certificate.model_differing == 0) << "trial " << trial;
    EXPECT_EQ(compiled.points, certificate.domain.points()) << "trial " << trial;
    points += compiled.points;
    exact_programs += compiled.exact();
    unexplained += certificate.unexplained;
    differing += certificate.pairs[2].differing_out;  // oracle vs cpu_twin
  }
  std::cout << points << " points in " << kTrials << " layers; " << exact_programs
            << " programs exact; the twin left the oracle in " << differing << " points, unexplained "
            << unexplained << "\n";
  EXPECT_GT(points, 0);
  EXPECT_EQ(unexplained, 0);
  EXPECT_GT(exact_programs, kTrials * 9 / 10);
}

TEST(property, nasty_scales_compile_exactly_for_the_oracle) {
  std::mt19937_64 random(3);
  std::int64_t points = 0, exact_programs = 0, layers = 0;
  for (const auto& [name, layer] : test::nasty_layers()) {
    const Bundle bundle = test::random_bundle(random, layer, 3, 20);
    const Domain domain = make_domain(exact::DomainKind::kReachable, bundle);
    const exact::StageSteps oracle = exact::Oracle(layer).steps(domain);
    const Compiled compiled = compile::compile_program(bundle, domain, {"exact", "oracle", oracle}, {});
    const Domain by_word = make_domain(exact::DomainKind::kReachable, bundle, compiled.program.bias_words);
    const exact::StageSteps model = enumerate(compile::ProgramSource(compiled.program), by_word);
    const exact::StageSteps again = exact::Oracle(layer).steps(by_word);
    EXPECT_EQ(compare(again.out, model.out, by_word).differing == 0, compiled.differing_out == 0) << name;
    points += compiled.points;
    exact_programs += compiled.exact();
    ++layers;
  }
  std::cout << points << " points; " << exact_programs << " of " << layers
            << " nasty layers have an exact program\n";
  EXPECT_GT(points, 0);
}

/// Layer 1 has no exact program on the full domain: one point stays, and one bit less costs more of them.
TEST(property, where_none_is_exact_the_closest_program_is_as_narrow_as_it_can_be) {
  const Bundle bundle = read_bundle(std::filesystem::path(QUASIM_VECTORS) / "bookmamba/layer01");
  const exact::Domain domain = make_domain(exact::DomainKind::kFull, bundle);
  const auto variant = default_variant(bundle.layer);
  const compile::Target target = make_target("golden:" + variant.to_string(), bundle, domain);
  const compile::Compiled widest = compile::compile_program(bundle, domain, target, {});
  EXPECT_EQ(widest.differing_out, 1);
  EXPECT_EQ(widest.displaced_at_least, 1);
  EXPECT_EQ(widest.program.mult_bits, 21);
  compile::Options narrower;
  narrower.mult_bits = widest.program.mult_bits - 1;
  EXPECT_GT(compile::compile_program(bundle, domain, target, narrower).differing_out, widest.differing_out);
  std::cout << widest.points << " points compared\n";
}

TEST(certify_faults, every_planted_fault_is_found_and_located) {
  constexpr std::uint64_t kSeed = 99;
  std::cout << "seed " << kSeed << "\n";
  std::mt19937_64 random(kSeed);
  std::int64_t planted = 0;
  for (int trial = 0; trial < 20; ++trial) {
    Case test = random_case(random, 6, 127);
    test.bundle.layer.conv_bits = 8;
    test.bundle.layer.conv_scale = test.bundle.layer.input_scale * test.bundle.layer.weight_scale * 293.77F;
    test.bundle.layer.output_scale = *test.bundle.layer.conv_scale;
    test.bundle.layer.bias_scale = *test.bundle.layer.conv_scale / 4;
    test.twin =
        enumerate(*make_twin_source(test.bundle.layer, default_variant(test.bundle.layer)), test.domain);
    compile::Options options;
    options.match = Match::kQ;
    const Compiled compiled =
        compile::compile_program(test.bundle, test.domain, {"golden", "CPU twin", test.twin}, options);
    if (!compiled.exact()) continue;
    const auto expect_found = [&](const char* fault, const LayerProgram& program) {
      const compile::Certificate certificate = certificate_of(test, program, true);
      EXPECT_FALSE(certificate.passed()) << fault << " trial " << trial;
      EXPECT_GT(certificate.model_differing, 0) << fault << " trial " << trial;
      const compile::PairResult& pair = certificate.pairs[1];  // model vs cpu_twin
      ASSERT_TRUE(pair.first.has_value()) << fault;
      const auto word = [&] {
        for (const exact::Slice& slice : certificate.domain.slices)
          if (slice.bias == pair.first->bias && slice.acc_min <= pair.first->acc &&
              pair.first->acc <= slice.acc_max)
            return true;
        return false;
      };
      EXPECT_TRUE(word()) << fault << ": the point named is not of the domain";
      EXPECT_NE(pair.first->a, pair.first->b) << fault;
      ++planted;
    };
    EXPECT_TRUE(certificate_of(test, compiled.program, true).passed());
    LayerProgram program = compiled.program;
    // The smallest exact multiplier need not be the only one, so its neighbours are compared with words
    // chosen for them: none.
    for (const int step : {-1, 1}) {
      program = compiled.program;
      program.stage().multiplier =
          static_cast<std::uint32_t>(std::int64_t{program.stage().multiplier} + step);
      if (program.stage().shift_bits < 22) expect_found("multiplier off by one", program);
    }
    for (std::size_t channel = 0; channel < compiled.program.bias_words.size(); ++channel) {
      program = compiled.program;
      program.bias_words[channel] += std::int64_t{1} << program.stage().shift_bits;
      expect_found("bias word off by one LSB of q", program);
    }
    for (const int q : {-100, -1, 0, 1, 60, 127}) {
      program = compiled.program;
      auto& entry = program.stage().silu_table[static_cast<std::size_t>(q + 128)];
      const bool occurs = [&] {
        for (const auto& steps : *test.twin.q)
          for (const exact::Step& step : steps)
            if (step.value == q) return true;
        return false;
      }();
      entry = static_cast<std::int8_t>(entry == 127 ? 126 : entry + 1);
      if (occurs) expect_found("table entry off by one", program);
    }
  }
  std::cout << planted << " planted faults found\n";
  EXPECT_GT(planted, 100);
}

/// Exact ties everywhere, so that tie rule, multiplier and bias word have no slack at all.
TEST(certify_faults, on_exact_ties_one_unit_of_anything_is_found) {
  const LayerParams layer = test::layer_of(1.0F, 1.0F, 1.0F, 2.0F, 1.0F, 8, Rounding::kHalfEven);
  Case test;
  test.bundle = test::bundle_of(layer, {1, 0, 0, 0, 1, 1, 0, 0}, {0, 3});
  test.domain = make_domain(exact::DomainKind::kReachable, test.bundle);
  test.twin = enumerate(*make_twin_source(layer, default_variant(layer)), test.domain);
  const Compiled compiled =
      compile::compile_program(test.bundle, test.domain, {"golden", "CPU twin", test.twin}, {});
  ASSERT_TRUE(compiled.exact());
  ASSERT_TRUE(certificate_of(test, compiled.program, true).passed());
  std::int64_t planted = 0;
  const auto expect_found = [&](const char* fault, const LayerProgram& program) {
    const compile::Certificate certificate = certificate_of(test, program, true);
    EXPECT_FALSE(certificate.passed()) << fault;
    EXPECT_TRUE(certificate.pairs[1].first.has_value()) << fault;
    ++planted;
  };
  LayerProgram program = compiled.program;
  program.stage().rounding = Rounding::kHalfAway;
  expect_found("wrong tie rule", program);
  for (const int step : {-1, 1}) {
    program = compiled.program;
    program.stage().multiplier = static_cast<std::uint32_t>(std::int64_t{program.stage().multiplier} + step);
    expect_found("multiplier off by one", program);
    program = compiled.program;
    program.bias_words[1] += step;
    expect_found("bias word off by one", program);
    program = compiled.program;
    program.stage().silu_table[128 + 5] =
        static_cast<std::int8_t>(program.stage().silu_table[128 + 5] + step);
    expect_found("table entry off by one", program);
  }
  std::cout << planted << " planted faults found\n";
  EXPECT_EQ(planted, 7);
}

TEST(certify_faults, every_table_and_word_of_a_fused_program_matters) {
  std::mt19937_64 random(5);
  LayerParams layer =
      test::layer_of(0.07F, 0.007F, 0.006F, 0.05F, 0.05F, 8, Rounding::kHalfAway, Dataflow::kFused);
  const Bundle bundle = test::random_bundle(random, layer, 4, 127);
  const Domain domain = make_domain(exact::DomainKind::kReachable, bundle);
  const exact::StageSteps oracle = exact::Oracle(bundle.layer).steps(domain);
  const compile::Compiled compiled =
      compile::compile_program(bundle, domain, {"exact", "oracle", oracle}, {});
  ASSERT_TRUE(compiled.exact());
  int planted = 0;
  const auto differing = [&](const LayerProgram& program) {
    ++planted;
    const exact::StageSteps model = enumerate(compile::ProgramSource(program), domain);
    return compile::certify(bundle.layer, domain,
                            {{"model", std::nullopt, model, 0}, {"oracle", std::nullopt, oracle, 0}},
                            "oracle", false)
        .model_differing;
  };
  EXPECT_EQ(differing(compiled.program), 0);
  LayerProgram program = compiled.program;
  program.stage().multiplier += 1;
  EXPECT_GT(differing(program), 0) << "multiplier";
  program = compiled.program;
  program.bias_words[1] += program.stage().multiplier;
  EXPECT_GT(differing(program), 0) << "bias word";
  program = compiled.program;
  program.stage().fused.turn += 1;
  EXPECT_GT(differing(program), 0) << "turn";
  program = compiled.program;
  program.stage().fused.near[2] += program.stage().multiplier;
  EXPECT_GT(differing(program), 0) << "near threshold";
  program = compiled.program;
  program.stage().fused.far[50] =
      static_cast<std::uint16_t>(program.stage().fused.far[50] + program.stage().multiplier);
  EXPECT_GT(differing(program), 0) << "far threshold";
  program = compiled.program;
  program.stage().fused.guess[20].base = static_cast<std::uint16_t>(program.stage().fused.guess[20].base + 4);
  EXPECT_GT(differing(program), 0) << "base of a cell";
  program = compiled.program;
  program.stage().fused.guess[20].slope = 0;
  EXPECT_GT(differing(program), 0) << "slope of a cell";
  std::cout << planted * domain.points() << " points compared, " << planted - 1 << " faults\n";
}

TEST(certify_faults, an_observation_that_no_rounding_explains_counts_as_unexplained) {
  const LayerParams layer = test::layer_of(0.07F, 0.007F, 0.006F, 0.05F, 0.05F, 8, Rounding::kHalfEven);
  const Variant variant = default_variant(layer);
  const compile::Explainer explainer(layer, variant);
  const exact::Oracle oracle(layer);
  int explained = 0, refused = 0;
  for (std::int32_t acc = -20000; acc <= 20000; acc += 911) {
    const int q = oracle.q(5, acc), out = oracle.table_entry(q);
    explained += explainer.explain({5, acc, {}, {}}, {q, out}).explained;
    refused += !explainer.explain({5, acc, {}, {}}, {q, out + (out < 127 ? 1 : -1)}).explained;
  }
  std::cout << explained << " true and " << refused << " false observations\n";
  EXPECT_EQ(explained, refused);
  EXPECT_GT(refused, 40);
}

}  // namespace
}  // namespace quasim
