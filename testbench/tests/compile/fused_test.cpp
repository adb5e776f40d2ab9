// The search for fused programs: random and real layers, scales of many steps, targets that no list of
// thresholds can follow, and the file that holds the result.
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <iostream>

#include "compile/compiler.hpp"
#include "compile/fused_search.hpp"
#include "compile/program_source.hpp"
#include "compile/rank_ladder.hpp"
#include "exact/oracle.hpp"
#include "io/files.hpp"
#include "io/program_file.hpp"
#include "reference/targets.hpp"
#include "spec/error.hpp"
#include "stages/evaluate.hpp"
#include "tests/exact/layers.hpp"

namespace quasim {
namespace {

using exact::Domain;

compile::Compiled compile_exact(const Bundle& bundle, const Domain& domain,
                                const compile::Options& options = {}) {
  return compile::compile_program(bundle, domain,
                                  {"exact", "oracle", exact::Oracle(bundle.layer).steps(domain)}, options);
}

/// How many random layers: 100, or QUASIM_RANDOM_LAYERS.
int random_layers() {
  const char* text = std::getenv("QUASIM_RANDOM_LAYERS");
  return text == nullptr ? 100 : std::atoi(text);
}

TEST(fused, random_layers_are_exact) {
  constexpr std::uint64_t kSeed = 20;
  std::cout << "seed " << kSeed << "\n";
  std::mt19937_64 random(kSeed);
  std::int64_t points = 0;
  int exact = 0;
  const int trials = random_layers();
  for (int trial = 0; trial < trials; ++trial) {
    const Bundle bundle = test::random_bundle(random, test::random_fused_layer(random), 12, 127);
    const Domain domain = make_domain(exact::DomainKind::kReachable, bundle);
    const compile::Compiled compiled = compile_exact(bundle, domain);
    // Enumerated by compile_program; here once more, without anything of the compiler.
    const exact::StageSteps oracle = exact::Oracle(bundle.layer).steps(domain);
    const exact::StageSteps model = enumerate(compile::ProgramSource(compiled.program), domain);
    const exact::PointCounts comparison = compare(oracle.out, model.out, domain);
    EXPECT_EQ(comparison.differing, compiled.differing_out) << "trial " << trial;
    EXPECT_LE(compiled.displaced_at_least, compiled.differing_out) << "trial " << trial;
    exact += compiled.exact();
    points += comparison.points;
  }
  std::cout << points << " points compared; " << exact << " of " << trials << " layers exact\n";
  EXPECT_GT(points, 0);
  EXPECT_EQ(exact, trials);
}

TEST(fused, a_smaller_unit_takes_the_layers_it_can) {
  std::mt19937_64 random(21);
  compile::Options small;
  small.cell_bits = spec::kCellBitsMin;
  small.near_rows = 2 * spec::kNearBlockRows;
  int exact = 0;
  std::int64_t points = 0;
  for (int trial = 0; trial < 20; ++trial) {
    LayerParams layer = test::random_fused_layer(random);
    layer.output_scale = 0.05F;
    const Bundle bundle = test::random_bundle(random, layer, 6, 127);
    const Domain domain = make_domain(exact::DomainKind::kReachable, bundle);
    const compile::Compiled compiled = compile_exact(bundle, domain, small);
    EXPECT_EQ(compiled.program.stage().fused.guess.size(), 16U);
    EXPECT_EQ(compiled.program.stage().fused.near.size(), 16U);
    exact += compiled.exact();
    points += compiled.points;
  }
  std::cout << points << " points; " << exact << " of 20 exact\n";
  EXPECT_GT(exact, 10);
}

TEST(fused, real_layers_take_percentile_and_enlarged_scales) {
  const std::filesystem::path vectors = QUASIM_VECTORS;
  std::int64_t points = 0, differing = 0;
  for (const int number : {0, 6}) {
    Bundle bundle = read_bundle(vectors / ("bookmamba/layer0" + std::to_string(number)));
    bundle.layer.dataflow = Dataflow::kFused;
    bundle.layer.rounding = Rounding::kHalfAway;
    const float scale = bundle.layer.output_scale;
    for (const float factor : {0.4F, 0.5F, 1.5F}) {
      bundle.layer.output_scale = scale * factor;
      const Domain domain = make_domain(exact::DomainKind::kReachable, bundle);
      const Variant precise{Dataflow::kFused, Order::kSeqLast, MathMode::kPrecise, Rounding::kHalfAway};
      const compile::Compiled compiled = compile::compile_program(
          bundle, domain, {"twin", "CPU twin", enumerate(*make_twin_source(bundle.layer, precise), domain)},
          {});
      std::cout << bundle.layer.name << " x " << factor << ": M " << compiled.program.stage().multiplier
                << ", least " << compiled.least_multiplier.value_or(-1) << ", turn "
                << compiled.program.stage().fused.turn << "\n";
      points += compiled.points;
      differing += compiled.differing_out;
    }
  }
  std::cout << points << " points\n";
  EXPECT_GT(points, 0);
  EXPECT_EQ(differing, 0);
}

TEST(fused, a_target_that_contradicts_itself_costs_few_points_and_no_fewer_than_proven) {
  std::mt19937_64 random(22);
  std::int64_t cases = 0, differing = 0;
  for (int trial = 0; trial < 20; ++trial) {
    const Bundle bundle = test::random_bundle(random, test::random_fused_layer(random), 8, 127);
    const Domain domain = make_domain(exact::DomainKind::kReachable, bundle);
    exact::StageSteps target = exact::Oracle(bundle.layer).steps(domain);
    // Steps of two slices moved apart by more than any list of thresholds allows.
    int moved = 0;
    for (const std::size_t slice : {std::size_t{0}, domain.slices.size() - 1}) {
      exact::SliceSteps& steps = target.out[slice];
      const std::size_t middle = steps.size() / 2;
      if (steps.size() < 6 || steps[middle + 1].acc - steps[middle - 1].acc < 8) continue;
      steps[middle].acc = slice == 0 ? steps[middle - 1].acc + 1 : steps[middle + 1].acc - 1;
      ++moved;
    }
    if (moved == 0) continue;
    const compile::Compiled compiled =
        compile::compile_program(bundle, domain, {"moved", "test", target}, {});
    EXPECT_LE(compiled.displaced_at_least, compiled.differing_out);
    EXPECT_LT(compiled.differing_out, compiled.points / 50);
    if (!compiled.exact()) ++cases;
    differing += compiled.differing_out;
  }
  std::cout << cases << " targets without an exact program, " << differing << " points differ\n";
  EXPECT_GT(cases, 5);
  EXPECT_LE(differing, 14863) << "which slices are given up decides how many";
}

/// M = 2^n needs no multiplier, so it comes before a larger one; a target that goes back is said to do so.
TEST(fused, powers_of_two_come_first_and_a_target_that_falls_is_named) {
  Bundle bundle = read_bundle(std::filesystem::path(QUASIM_VECTORS) / "bookmamba/layer00");
  bundle.layer.dataflow = Dataflow::kFused;
  const Domain domain = make_domain(exact::DomainKind::kReachable, bundle);
  exact::StepFunction out = exact::Oracle(bundle.layer).steps(domain).out;
  const compile::FusedSearch found = compile::search_fused(bundle.layer, domain, out, {});
  EXPECT_EQ(found.stage.multiplier, 128U);
  EXPECT_FALSE(found.target_falls);
  EXPECT_EQ(found.differing_at_least, 0);

  exact::SliceSteps& steps = out.back();
  const auto rising =
      std::find_if(steps.begin() + 1, steps.end(), [](const exact::Step& step) { return step.value > 3; });
  ASSERT_LT(rising + 1, steps.end());
  ASSERT_GT((rising + 1)->acc - rising->acc, 2);
  const auto back = static_cast<std::int16_t>(rising->value - 1);
  const exact::Step again{rising->acc + 2, rising->value};
  const auto at = steps.insert(rising + 1, {rising->acc + 1, back});
  steps.insert(at + 1, again);
  const compile::FusedSearch falling = compile::search_fused(bundle.layer, domain, out, {});
  EXPECT_TRUE(falling.target_falls);
  EXPECT_GE(falling.differing_at_least, 1);
}

/// Where a target has its least output elsewhere than SiLU has, ranks turn where the target does.
TEST(fused, ranks_turn_where_the_target_is_least) {
  const LayerParams layer =
      test::layer_of(0.01F, 0.01F, 0.01F, 1.0F, 0.1F, 8, Rounding::kHalfAway, Dataflow::kFused);
  int compared = 0;
  for (const std::int32_t least : {-40000, -13000, -12000, 500}) {
    const Domain domain{exact::DomainKind::kFull, {{0, -65000, 65000, -1}}};
    const exact::StepFunction out{
        {{-65000, 0}, {least - 20, -1}, {least, -2}, {least + 20, -1}, {least + 40, 0}, {least + 60, 1}}};
    const compile::RankLadder ladder = compile::make_rank_ladder(layer, domain, out);
    EXPECT_EQ(ladder.turn, 2);
    EXPECT_FALSE(ladder.falls.front());
    std::vector<std::pair<std::int32_t, int>> ranks;
    for (const compile::RankRun& run : ladder.slices.front()) ranks.emplace_back(run.first, run.rank);
    const std::vector<std::pair<std::int32_t, int>> expected{
        {-65000, 0}, {least - 20, 1}, {least, 2}, {least + 20, 3}, {least + 40, 4}, {least + 60, 5}};
    EXPECT_EQ(ranks, expected) << least;
    ++compared;
  }
  EXPECT_EQ(compared, 4);
}

TEST(fused, constant_outputs_and_single_accumulators) {
  LayerParams layer =
      test::layer_of(0x1p-20F, 0x1p-20F, 0x1p-20F, 1.0F, 1.0F, 8, Rounding::kHalfAway, Dataflow::kFused);
  std::int64_t points = 0;
  for (const float bias_scale : {0x1p-20F, 0.05F, 1.0F, 3.0F}) {
    layer.bias_scale = bias_scale;
    for (const std::vector<std::int8_t>& weight :
         {std::vector<std::int8_t>(12, 0),
          std::vector<std::int8_t>{1, 0, 0, 0, 127, 127, 127, 127, -128, 5, 0, 9}}) {
      const Bundle bundle = test::bundle_of(layer, weight, {-128, 0, 127});
      const Domain domain = make_domain(exact::DomainKind::kReachable, bundle);
      const compile::Compiled compiled = compile_exact(bundle, domain);
      EXPECT_TRUE(compiled.exact()) << bias_scale;
      points += compiled.points;
    }
  }
  std::cout << points << " points\n";
}

TEST(fused, too_many_steps_are_refused_by_name) {
  const LayerParams layer =
      test::layer_of(0.07F, 0.007F, 0.006F, 1.0F, 0.001F, 8, Rounding::kHalfAway, Dataflow::kFused);
  const Bundle bundle = test::bundle_of(layer, {127, 127, 127, 127}, {3});
  const Domain domain = make_domain(exact::DomainKind::kReachable, bundle);
  try {
    compile_exact(bundle, domain);
    FAIL() << "accepted";
  } catch (const InputError& error) {
    EXPECT_EQ(std::string(error.what()).rfind("output_scale: expected at most 168 steps", 0), 0U)
        << error.what();
  }
}

class program_file : public ::testing::Test {
 protected:
  void SetUp() override {
    directory_ = std::filesystem::temp_directory_path() / ("quasim_program_" + std::to_string(::getpid()));
    std::filesystem::create_directories(directory_);
  }
  void TearDown() override { std::filesystem::remove_all(directory_); }
  std::filesystem::path file() const { return directory_ / "program.json"; }

  nlohmann::ordered_json written(const LayerProgram& program) const {
    write_program(file(), program);
    return nlohmann::ordered_json::parse(read_text_file(file()));
  }
  std::string refusal(const nlohmann::ordered_json& json) const {
    std::ofstream(file()) << json.dump();
    try {
      read_program(file());
    } catch (const InputError& error) {
      return error.what();
    }
    return "accepted";
  }

  std::filesystem::path directory_;
};

TEST_F(program_file, a_fused_program_comes_back_as_it_was_written) {
  std::mt19937_64 random(30);
  for (int trial = 0; trial < 20; ++trial) {
    const LayerProgram program = test::random_fused_program(random, 3, 2 + trial % 3);
    const nlohmann::ordered_json json = written(program);
    const LayerProgram read = read_program(file());
    EXPECT_EQ(written(read), json);
    EXPECT_EQ(read.stage().fused.guess, program.stage().fused.guess);
    EXPECT_EQ(read.stage().fused.near, program.stage().fused.near);
    EXPECT_EQ(read.stage().fused.far, program.stage().fused.far);
  }
}

TEST_F(program_file, what_a_fused_program_may_not_hold_is_refused_by_name) {
  std::mt19937_64 random(31);
  const nlohmann::ordered_json good = written(test::random_fused_program(random, 3, 4));
  int refused = 0;
  const auto expect_named = [&](const std::string& name, const auto& change) {
    nlohmann::ordered_json bad = good;
    change(bad);
    const std::string reason = refusal(bad);
    EXPECT_NE(reason.find(name), std::string::npos) << reason;
    EXPECT_NE(reason, "accepted") << name;
    EXPECT_EQ(reason.find('\n'), std::string::npos) << reason;
    ++refused;
  };
  const auto group = [](nlohmann::ordered_json& json) -> nlohmann::ordered_json& {
    return json["groups"][0];
  };
  expect_named("surprise", [&](auto& j) { j["surprise"] = 1; });
  expect_named("silu_table", [&](auto& j) { group(j)["silu_table"] = {1}; });
  expect_named("groups", [&](auto& j) { j["groups"] = nlohmann::ordered_json::array(); });
  expect_named("channel_group", [&](auto& j) { j["groups"].push_back(j["groups"][0]); });
  expect_named("groups", [&](auto& j) { j["groups"] = 5; });
  expect_named("groups", [&](auto& j) { j["groups"][0] = 5; });
  expect_named("turn", [&](auto& j) { group(j)["turn"] = 64; });
  expect_named("turn", [&](auto& j) { group(j)["turn"] = -1; });
  expect_named("turn", [&](auto& j) { group(j)["turn"] = 1.0; });
  expect_named("turn", [&](auto& j) { group(j)["turn"] = true; });
  expect_named("turn", [&](auto& j) { group(j)["turn"] = "1"; });
  expect_named("turn", [&](auto& j) { group(j).erase("turn"); });
  expect_named("guess", [&](auto& j) { group(j)["guess"].push_back({0, 0}); });
  expect_named("guess", [&](auto& j) { group(j)["guess"][3] = {512, 0}; });
  expect_named("guess", [&](auto& j) { group(j)["guess"][3] = {0, 64}; });
  expect_named("guess", [&](auto& j) { group(j)["guess"][3] = {0}; });
  expect_named("guess", [&](auto& j) { group(j)["guess"][3] = 7; });
  expect_named("guess", [&](auto& j) { group(j)["guess"] = "x"; });
  expect_named("near", [&](auto& j) { group(j)["near"].push_back(0); });
  expect_named("near", [&](auto& j) { group(j)["near"][0] = 1 << 22; });
  expect_named("near", [&](auto& j) { group(j)["near"][0] = -1; });
  expect_named("far", [&](auto& j) { group(j)["far"].push_back(0); });
  expect_named("far", [&](auto& j) { group(j)["far"][0] = 65536; });
  expect_named("far", [&](auto& j) { group(j)["far"][0] = nullptr; });
  expect_named("multiplier", [&](auto& j) { group(j)["multiplier"] = std::int64_t{1} << 31; });
  expect_named("multiplier", [&](auto& j) { group(j)["multiplier"] = ~std::uint64_t{0}; });
  expect_named("dataflow", [&](auto& j) { group(j)["dataflow"] = "other"; });
  expect_named("weight", [&](auto& j) { j["weight"].push_back(1); });
  expect_named("bias_words", [&](auto& j) { j["bias_words"][0] = 0.5; });
  expect_named("bias_words", [&](auto& j) { j["bias_words"] = 3; });
  expect_named("name", [&](auto& j) { j["name"] = 3; });
  expect_named("format", [&](auto& j) { j["format"] = "quasim.program/3"; });
  std::cout << refused << " files refused\n";
}

TEST_F(program_file, two_step_is_read_in_both_formats_and_written_in_the_first) {
  nlohmann::ordered_json one{{"format", "quasim.program/1"},
                             {"name", "old"},
                             {"channels", 1},
                             {"taps", 2},
                             {"conv_bits", 2},
                             {"mult_bits", 8},
                             {"bias_bits", 20},
                             {"rounding", "half_even"},
                             {"multiplier", 100},
                             {"shift", 3},
                             {"weight", {1, -2}},
                             {"bias_words", {-5}},
                             {"silu_table", {-1, 0, 1, 2}}};
  std::ofstream(file()) << one.dump();
  const nlohmann::ordered_json again = written(read_program(file()));
  EXPECT_EQ(nlohmann::json(again), nlohmann::json(one));
  nlohmann::ordered_json two = one, group{{"dataflow", "two_step"}};
  two["format"] = "quasim.program/2";
  for (const char* key : {"conv_bits", "rounding", "multiplier", "shift", "silu_table"}) {
    group[key] = one[key];
    two.erase(key);
  }
  two["groups"] = nlohmann::ordered_json::array({group});
  std::ofstream(file()) << two.dump();
  EXPECT_EQ(written(read_program(file())), again);
  one["groups"] = two["groups"];
  EXPECT_NE(refusal(one).find("groups"), std::string::npos);
  two["multiplier"] = 5;
  EXPECT_NE(refusal(two).find("multiplier"), std::string::npos);
}

TEST_F(program_file, a_missing_key_is_named) {
  std::mt19937_64 random(31);
  const nlohmann::ordered_json whole = written(test::random_fused_program(random, 3, 4));
  int keys = 0;
  for (const auto& item : whole.items()) {
    nlohmann::ordered_json without = whole;
    without.erase(item.key());
    const std::string said = refusal(without);
    EXPECT_NE(said.find(item.key()), std::string::npos) << said;
    EXPECT_EQ(said.find("json.exception"), std::string::npos) << said;
    ++keys;
  }
  EXPECT_GE(keys, 9);
}

}  // namespace
}  // namespace quasim
