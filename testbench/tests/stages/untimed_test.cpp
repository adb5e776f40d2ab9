// The fast untimed model against the scalar stages, element by element, in every kernel that this processor
// runs.
#include "stages/untimed.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <iostream>

#include "compile/compiler.hpp"
#include "stages/evaluate.hpp"
#include "stages/fused_row.hpp"
#include "tests/exact/layers.hpp"

namespace quasim {
namespace {

std::vector<std::int8_t> by_scalar_stages(const LayerProgram& program, const std::vector<std::int8_t>& x,
                                          std::size_t sequences, std::size_t length) {
  const auto taps = static_cast<std::size_t>(program.taps), channels = program.bias_words.size();
  std::vector<std::int8_t> out;
  for (std::size_t b = 0; b < sequences; ++b)
    for (std::size_t c = 0; c < channels; ++c)
      for (std::size_t t = 0; t < length; ++t) {
        const std::int8_t* row = x.data() + (b * channels + c) * length;
        std::int32_t acc = 0;
        for (std::size_t k = 0; k < taps; ++k)
          if (t + k + 1 >= taps) acc += std::int32_t{program.weight.at(c, k)} * row[t + k + 1 - taps];
        out.push_back(stages::evaluate(program, c, acc).out);
      }
  return out;
}

std::vector<stages::Kernel> kernels() {
  std::vector<stages::Kernel> available{stages::Kernel::kPortable};
  if (stages::best_kernel() != stages::Kernel::kPortable) available.push_back(stages::Kernel::kAvx2);
  if (stages::best_kernel() == stages::Kernel::kAvx512) available.push_back(stages::Kernel::kAvx512);
  return available;
}

/// Every kernel at several lengths, alignments and sequence counts, into and past the caches; bytes around
/// the output must stay.
std::int64_t check_program(const LayerProgram& program, std::mt19937_64& random, const std::string& name) {
  const stages::UntimedPlan plan(program);
  const std::size_t channels = program.bias_words.size();
  std::int64_t compared = 0;
  for (const std::size_t length :
       {std::size_t{1}, std::size_t{2}, std::size_t{3}, std::size_t{63}, std::size_t{64}, std::size_t{67},
        std::size_t{130}, std::size_t{640}, std::size_t{1200}}) {
    const std::size_t sequences = 1 + random() % 2;
    std::vector<std::int8_t> x(sequences * channels * length);
    for (std::int8_t& sample : x) {
      const auto draw = random();
      sample = static_cast<std::int8_t>(draw % 2 == 0 ? 127 + (draw >> 1 & 1) : draw >> 8);
    }
    const std::vector<std::int8_t> expected = by_scalar_stages(program, x, sequences, length);
    for (std::size_t i = 0; i < 2 * kernels().size(); ++i) {
      const stages::Kernel kernel = kernels()[i / 2];
      const stages::Stores stores = i % 2 == 0 ? stages::Stores::kCached : stages::Stores::kStreamed;
      const std::size_t offset = random() % 64;
      std::vector<std::int8_t> buffer(x.size() + 192, 77);
      plan.run(x.data(), buffer.data() + 64 + offset, sequences, length, kernel, stores);
      EXPECT_TRUE(std::equal(expected.begin(), expected.end(),
                             buffer.begin() + 64 + static_cast<std::ptrdiff_t>(offset)))
          << name << " length " << length << " kernel " << static_cast<int>(kernel) << " stores " << i % 2;
      for (std::size_t at = 0; at < 64 + offset; ++at) EXPECT_EQ(buffer[at], 77) << name;
      for (std::size_t at = 64 + offset + x.size(); at < buffer.size(); ++at)
        EXPECT_EQ(buffer[at], 77) << name;
      compared += static_cast<std::int64_t>(expected.size());
    }
  }
  return compared;
}

TEST(untimed, equals_the_scalar_stages_on_random_layers) {
  constexpr std::uint64_t kSeed = 4242;
  std::cout << "seed " << kSeed << "\n";
  std::mt19937_64 random(kSeed);
  std::int64_t compared = 0;
  std::size_t fp32 = 0, channels = 0;
  for (int trial = 0; trial < 60; ++trial) {
    const Bundle bundle = test::random_bundle(random, test::random_layer(random), 9, 127);
    const exact::Domain domain = make_domain(exact::DomainKind::kReachable, bundle);
    const compile::Compiled compiled = compile::compile_program(
        bundle, domain, {"exact", "oracle", exact::Oracle(bundle.layer).steps(domain)}, {});
    compared += check_program(compiled.program, random, "trial " + std::to_string(trial));
    const stages::UntimedPlan plan(compiled.program);
    if (compiled.program.stage().conv_bits > 8) continue;
    fp32 += plan.fast_channels();
    channels += plan.channels();
  }
  std::cout << compared << " comparisons; fp32 form proven for " << fp32 << " of " << channels
            << " channels\n";
  EXPECT_GT(compared, 0);
  EXPECT_GT(fp32 * 10, channels * 9);
}

TEST(untimed, equals_the_scalar_stages_on_nasty_layers) {
  std::mt19937_64 random(12);
  std::int64_t compared = 0;
  for (const auto& [name, layer] : test::nasty_layers()) {
    const Bundle bundle = test::random_bundle(random, layer, 4, 127);
    const exact::Domain domain = make_domain(exact::DomainKind::kReachable, bundle);
    const compile::Compiled compiled =
        compile::compile_program(bundle, domain, {"exact", "oracle", exact::Oracle(layer).steps(domain)}, {});
    compared += check_program(compiled.program, random, name);
  }
  std::cout << compared << " comparisons\n";
  EXPECT_GT(compared, 0);
}

TEST(untimed, equals_the_scalar_stages_on_fused_layers) {
  constexpr std::uint64_t kSeed = 99;
  std::cout << "seed " << kSeed << "\n";
  std::mt19937_64 random(kSeed);
  std::int64_t compared = 0;
  std::size_t fast = 0, channels = 0;
  for (int trial = 0; trial < 20; ++trial) {
    const Bundle bundle = test::random_bundle(random, test::random_fused_layer(random), 9, 127);
    const exact::Domain domain = make_domain(exact::DomainKind::kReachable, bundle);
    const compile::Compiled compiled = compile::compile_program(
        bundle, domain, {"exact", "oracle", exact::Oracle(bundle.layer).steps(domain)}, {});
    compared += check_program(compiled.program, random, "trial " + std::to_string(trial));
    const stages::UntimedPlan plan(compiled.program);
    fast += plan.fast_channels();
    channels += plan.channels();
  }
  std::cout << compared << " comparisons; buckets for " << fast << " of " << channels << " channels\n";
  EXPECT_GT(compared, 0);
  EXPECT_GT(fast * 10, channels * 9);
}

TEST(untimed, equals_the_scalar_stages_on_fused_tables_that_no_compiler_writes) {
  constexpr std::uint64_t kSeed = 100;
  std::cout << "seed " << kSeed << "\n";
  std::mt19937_64 random(kSeed);
  std::int64_t compared = 0;
  for (int trial = 0; trial < 20; ++trial)
    compared += check_program(test::random_fused_program(random, 5, 2 + trial % 3), random,
                              "trial " + std::to_string(trial));
  std::cout << compared << " comparisons\n";
  EXPECT_GT(compared, 0);
}

/// Whole tiles of turned bytes and parts of them, more channels than are turned at once, and rows without
/// elements; bytes around the output must stay.
/// Outputs that change over 2^n accumulators, with samples that go beyond: buckets end where the last one
/// does.
TEST(untimed, equals_the_scalar_stages_beyond_the_last_change) {
  std::mt19937_64 random(14);
  std::int64_t compared = 0;
  constexpr std::int32_t kMultiplier = 128, kCell = 1 << (spec::kThresholdBits - 5), kLastChange = 300;
  for (const std::int32_t accumulators : {2, 4, 16, 64, 128, 256, 1024}) {
    LayerProgram program = test::random_fused_program(random, 3, 4);
    StageProgram& stage = program.stage();
    stage.multiplier = kMultiplier;
    stage.fused.turn = 2;
    // Rank 0 or 1 by the first threshold; from the second cell on rank 5.
    stage.fused.guess.assign(32, {10, 0});
    stage.fused.guess.front() = {0, 0};
    stage.fused.near.assign(spec::kNearRowsDefault, (1U << spec::kThresholdBits) - 1);
    stage.fused.near.front() = static_cast<std::uint32_t>(kCell - kMultiplier * (accumulators - 2));
    for (std::int64_t& word : program.bias_words) word = kCell - kMultiplier * kLastChange;
    const stages::FusedRow row = stages::make_fused_row(stage, program.bias_words.front(), -10000, 10000);
    EXPECT_EQ(row.out.size(), static_cast<std::size_t>(accumulators));
    compared += check_program(program, random, std::to_string(accumulators) + " accumulators");
  }
  std::cout << compared << " comparisons\n";
  EXPECT_GT(compared, 0);
}

TEST(untimed, channels_last_are_the_same_outputs) {
  std::mt19937_64 random(102);
  std::int64_t compared = 0;
  for (const int channels : {1, 5, 16, 33, 70}) {
    const LayerProgram program = test::random_fused_program(random, channels, 2 + channels % 3);
    const stages::UntimedPlan plan(program);
    plan.run_channels_last(nullptr, nullptr, 3, 0);
    for (const std::size_t length : {std::size_t{1}, std::size_t{15}, std::size_t{16}, std::size_t{50}}) {
      const std::size_t count = plan.channels(), sequences = 2;
      std::vector<std::int8_t> x(sequences * count * length), turned(x.size()), buffer(x.size() + 64, 77);
      const auto turned_at = [&](std::size_t i) {
        const std::size_t b = i / (count * length), c = i / length % count, t = i % length;
        return (b * length + t) * count + c;
      };
      for (std::size_t i = 0; i < x.size(); ++i)
        x[i] = turned[turned_at(i)] = static_cast<std::int8_t>(random());
      plan.run_channels_last(turned.data(), buffer.data() + 32, sequences, length);
      const std::vector<std::int8_t> expected = by_scalar_stages(program, x, sequences, length);
      for (std::size_t i = 0; i < x.size(); ++i, ++compared)
        ASSERT_EQ(buffer[32 + turned_at(i)], expected[i])
            << channels << " channels, length " << length << ", element " << i;
      EXPECT_EQ(std::count(buffer.begin(), buffer.begin() + 32, 77), 32);
      EXPECT_EQ(std::count(buffer.end() - 32, buffer.end(), 77), 32);
    }
  }
  std::cout << compared << " comparisons\n";
  EXPECT_EQ(compared, 2 * (1 + 5 + 16 + 33 + 70) * (1 + 15 + 16 + 50));
}

/// Weights and scales at which sums of two taps or of four leave 16 bits, and steps lie beyond them.
TEST(untimed, equals_the_scalar_stages_where_sums_leave_sixteen_bits) {
  std::mt19937_64 random(101);
  const std::int8_t weights[][4] = {{-128, -128, -128, -128}, {-128, -128, 127, 127}, {127, -128, 127, 127},
                                    {127, 127, 127, 127},     {-128, 0, 0, -128},     {64, 64, -64, -64},
                                    {65, 64, 1, 127},         {-128, -127, 0, 1},     {0, 0, 0, 0}};
  std::int64_t compared = 0;
  for (const Dataflow dataflow : {Dataflow::kTwoStep, Dataflow::kFused})
    for (const float reach : {1.0F, 4.0F, 30.0F}) {  // y at the largest accumulator, in units of 127 steps
      const float output_scale = 0.05F, scale = reach * output_scale * 127 / 65536;
      for (const float conv_scale : {output_scale, 0.07F}) {
        const LayerParams layer =
            test::layer_of(scale, 1.0F, 0.01F, conv_scale, output_scale, 8, Rounding::kHalfAway, dataflow);
        std::vector<std::int8_t> weight, bias;
        for (const auto& row : weights) {
          weight.insert(weight.end(), std::begin(row), std::end(row));
          bias.push_back(static_cast<std::int8_t>(random()));
        }
        const Bundle bundle = test::bundle_of(layer, weight, bias);
        const exact::Domain domain = make_domain(exact::DomainKind::kReachable, bundle);
        const compile::Compiled compiled = compile::compile_program(
            bundle, domain, {"exact", "oracle", exact::Oracle(layer).steps(domain)}, {});
        compared += check_program(compiled.program, random, "reach " + std::to_string(reach));
      }
    }
  std::cout << compared << " comparisons\n";
  EXPECT_GT(compared, 0);
}

}  // namespace
}  // namespace quasim
