// What the compiler says of its own result, and the parts of the fused search, against enumeration.
#include <gtest/gtest.h>

#include <iostream>
#include <random>

#include "compile/compiler.hpp"
#include "compile/guess.hpp"
#include "compile/program_source.hpp"
#include "compile/thresholds.hpp"
#include "spec/error.hpp"
#include "stages/evaluate.hpp"
#include "tests/exact/layers.hpp"

namespace quasim {
namespace {

using compile::Compiled;
using compile::Match;
using exact::Domain;
using exact::StageSteps;

struct Case {
  Bundle bundle;
  Domain domain;
  StageSteps oracle;

  Case(std::mt19937_64& random, const LayerParams& layer, int channels, int weight_limit)
      : bundle(test::random_bundle(random, layer, channels, weight_limit)),
        domain(make_domain(exact::DomainKind::kReachable, bundle)),
        oracle(exact::Oracle(bundle.layer).steps(domain)) {}
  Compiled compiled(const StageSteps& target, const compile::Options& options = {}) const {
    return compile::compile_program(bundle, domain, {"exact", "test", target}, options);
  }
};

/// The target with other values of `out` at the last `count` accumulators of one slice, one q changed to a
/// value of its own.
TEST(result, every_differing_point_is_counted_and_the_first_thousand_are_listed) {
  std::mt19937_64 random(101);
  const LayerParams layer =
      test::layer_of(0.07F, 0.007F, 0.006F, 0.05F, 0.05F, 8, Rounding::kHalfAway, Dataflow::kFused);
  std::int64_t points = 0;
  for (const std::int32_t count : {0, 1, 2, 999, 1000, 1001, 1500}) {
    const Case test(random, layer, 2, 127);
    StageSteps target = test.oracle;
    const exact::Slice& slice = test.domain.slices[0];
    // A target that jumps back to another value at its end, which no rank does.
    const std::int32_t from = slice.acc_max - count + 1;
    const int last = value_at(target.out[0], slice.acc_max), other = last == 3 ? 5 : 3;
    exact::SliceSteps& steps = target.out[0];
    std::int64_t expected = 0;
    if (count > 0) {
      exact::SliceSteps kept;
      for (const exact::Step& step : steps)
        if (step.acc < from) kept.push_back(step);
      kept.push_back({from, static_cast<std::int16_t>(other)});
      steps = kept;
    }
    const Compiled compiled = test.compiled(target);
    const StageSteps program = enumerate(compile::ProgramSource(compiled.program), test.domain);
    for (std::size_t s = 0; s < test.domain.slices.size(); ++s)
      for (std::int32_t acc = test.domain.slices[s].acc_min; acc <= test.domain.slices[s].acc_max; ++acc)
        expected += value_at(program.out[s], acc) != value_at(target.out[s], acc);
    EXPECT_EQ(compiled.differing_out, expected);
    EXPECT_EQ(compiled.points, test.domain.points());
    EXPECT_EQ(compiled.exact(), expected == 0);
    EXPECT_LE(compiled.displaced_at_least, expected);
    EXPECT_EQ(compiled.first_differing.size(),
              static_cast<std::size_t>(std::min<std::int64_t>(expected, 1000)));
    for (const compile::DifferingPoint& point : compiled.first_differing) {
      const std::size_t s = point.bias == test.domain.slices[0].bias ? 0 : 1;
      EXPECT_EQ(point.bias, test.domain.slices[s].bias);
      EXPECT_EQ(point.target, value_at(target.out[s], point.acc));
      EXPECT_EQ(point.program, value_at(program.out[s], point.acc));
      EXPECT_NE(point.target, point.program);
    }
    EXPECT_EQ(compiled.program.certificate["points"], compiled.points);
    EXPECT_EQ(compiled.program.certificate["differing_out"], compiled.differing_out);
    EXPECT_EQ(compiled.program.certificate["domain"], "reachable");
    points += compiled.points;
  }
  std::cout << points << " points compared\n";
}

TEST(result, two_step_programs_say_what_they_match_and_how_wide_they_are) {
  std::mt19937_64 random(102);
  int by_q = 0, by_out = 0, inexact = 0;
  for (int trial = 0; trial < 20; ++trial) {
    LayerParams layer = test::random_layer(random);
    layer.conv_bits = 2 + trial % 3;
    if (trial % 3 == 0) layer.output_scale *= 40;  // long runs of equal entries
    const Case test(random, layer, 3, 60);
    compile::Options options;
    options.mult_bits = trial % 2 == 0 ? 7 : 31;
    std::vector<Compiled> results;
    for (const Match match : {Match::kQ, Match::kOut, Match::kAuto}) {
      options.match = match;
      results.push_back(test.compiled(test.oracle, options));
      const Compiled& compiled = results.back();
      const std::uint32_t m = compiled.program.stage().multiplier;
      EXPECT_LT(m >> options.mult_bits, 1U);
      // The width holds M and no narrower one does, two bits at least.
      EXPECT_EQ(std::uint64_t{m} >> compiled.program.mult_bits, 0U);
      EXPECT_TRUE(compiled.program.mult_bits == 2 || m >> (compiled.program.mult_bits - 1) == 1)
          << m << " in " << compiled.program.mult_bits;
      EXPECT_EQ(compiled.program.certificate["match"], std::string(to_string(compiled.match)));
      EXPECT_EQ(compiled.program.certificate["differing_q"], compiled.differing_q);
      EXPECT_FALSE(compiled.target_falls);
      const StageSteps program = enumerate(compile::ProgramSource(compiled.program), test.domain);
      EXPECT_EQ(compare(*program.q, *test.oracle.q, test.domain).differing, compiled.differing_q);
      EXPECT_EQ(compare(program.out, test.oracle.out, test.domain).differing, compiled.differing_out);
      const std::int64_t wrong = compiled.match == Match::kQ ? compiled.differing_q : compiled.differing_out;
      EXPECT_EQ(compiled.exact(),
                compiled.differing_out == 0 && (compiled.match == Match::kOut || compiled.differing_q == 0));
      EXPECT_LE(compiled.displaced_at_least, wrong);
    }
    // auto: q where q can be had, else out; a match in out needs no larger multiplier than one in q.
    EXPECT_EQ(results[0].match, Match::kQ);
    EXPECT_EQ(results[1].match, Match::kOut);
    EXPECT_EQ(results[2].match, results[0].exact() ? Match::kQ : Match::kOut);
    if (results[0].exact()) {
      EXPECT_TRUE(results[1].exact());
      EXPECT_LE(results[1].program.stage().multiplier, results[0].program.stage().multiplier);
      EXPECT_EQ(results[2].program.stage().multiplier, results[0].program.stage().multiplier);
      ++by_q;
    } else if (results[1].exact()) {
      ++by_out;
    } else {
      ++inexact;
    }
  }
  std::cout << by_q << " exact in q, " << by_out << " in out alone, " << inexact << " not at all\n";
  EXPECT_GT(by_q, 3);
}

TEST(result, a_table_is_the_targets_where_q_occurs_and_the_oracles_elsewhere) {
  const LayerParams layer = test::layer_of(0.07F, 0.007F, 0.006F, 0.5F, 0.05F, 4, Rounding::kHalfEven);
  const exact::Oracle oracle(layer);
  const Domain domain{exact::DomainKind::kReachable, {{0, 0, 9, 0}, {1, 0, 9, 1}}};
  const StageSteps steps{exact::StepFunction{{{0, -3}, {4, -1}, {8, 2}}, {{0, -1}, {5, 7}}},
                         {{{0, 11}, {4, 12}, {8, 13}}, {{0, 12}, {5, 14}}}};
  const std::vector<std::int8_t> table = compile::table_of(steps, domain, oracle);
  ASSERT_EQ(table.size(), 16U);
  for (int q = -8; q < 8; ++q) {
    const int expected = q == -3 ? 11 : q == -1 ? 12 : q == 2 ? 13 : q == 7 ? 14 : oracle.table_entry(q);
    EXPECT_EQ(table[static_cast<std::size_t>(q + 8)], expected) << q;
  }
  // One q with two outs, in one slice or in two, at the last accumulator too.
  for (const auto& [slice, acc] : {std::pair{0, 9}, std::pair{0, 5}, std::pair{1, 9}, std::pair{1, 1}}) {
    StageSteps bad = steps;
    auto& out = bad.out[static_cast<std::size_t>(slice)];
    exact::SliceSteps changed;
    for (std::int32_t a = 0; a <= 9; ++a) exact::append_step(changed, a, a == acc ? 99 : value_at(out, a));
    out = changed;
    EXPECT_THROW(compile::table_of(bad, domain, oracle), InputError) << slice << " " << acc;
  }
  for (const char* name : {"q", "out", "auto"}) EXPECT_EQ(to_string(compile::parse_match(name)), name);
  EXPECT_THROW(compile::parse_match("both"), InputError);
}

/// A target whose q falls is followed as far as a rising one can, and it is said.
TEST(result, a_target_that_falls_is_named) {
  std::mt19937_64 random(103);
  const LayerParams layer = test::layer_of(0.07F, 0.007F, 0.006F, 0.05F, 0.05F, 8, Rounding::kHalfEven);
  const Case test(random, layer, 2, 60);
  StageSteps target = test.oracle;
  exact::SliceSteps& q = (*target.q)[0];
  ASSERT_GT(q.size(), 20U);
  // The second value of a step for one accumulator, then the step goes on.
  const std::size_t place = q.size() / 2;
  ASSERT_GT(q[place + 1].acc, q[place].acc + 3);
  const exact::Step back{q[place].acc + 1, q[place - 1].value}, again{q[place].acc + 2, q[place].value};
  q.insert(q.begin() + static_cast<std::ptrdiff_t>(place) + 1, {back, again});
  target.out = map_values(*target.q, exact::Oracle(test.bundle.layer).table(), -128);
  const Compiled compiled = test.compiled(target);
  EXPECT_TRUE(compiled.target_falls);
  EXPECT_EQ(compiled.differing_q, 1);
  EXPECT_FALSE(test.compiled(test.oracle).target_falls);
}

/// `wrong` is the number of u at which the guess and one comparison miss the rank: all of them are tried.
TEST(fused_parts, the_guess_counts_every_position_that_it_misses) {
  std::mt19937_64 random(104);
  std::int64_t positions = 0, wrong = 0;
  for (const int count : {1, 7, 40, 90, 168}) {
    for (const int cell_bits : {4, 5}) {
      std::vector<std::int64_t> thresholds;
      const bool crowded = count == 168;
      for (int k = 0; k < count; ++k)
        thresholds.push_back(
            static_cast<std::int64_t>(random() % (crowded && k % 2 == 0 ? 1U << 17 : 1U << 22)));
      std::sort(thresholds.begin(), thresholds.end());
      const std::size_t near = count % 2 == 0 ? 40 : 16;
      const compile::Guess guess = compile::find_guess(thresholds, cell_bits, near);
      ASSERT_EQ(guess.cells.size(), std::size_t{1} << cell_bits);
      FusedTables tables;
      tables.guess = guess.cells;
      std::vector<std::int64_t> padded = thresholds;
      padded.resize(near + spec::kFarRows, (std::int64_t{1} << 22) - 1);
      for (std::size_t k = 0; k < padded.size(); ++k)
        if (k < near)
          tables.near.push_back(static_cast<std::uint32_t>(padded[k]));
        else
          tables.far.push_back(static_cast<std::uint16_t>(padded[k]));
      std::int64_t missed = 0, rank = 0;
      for (std::int64_t u = 0; u < std::int64_t{1} << 22; ++u) {
        while (rank < count && thresholds[static_cast<std::size_t>(rank)] <= u) ++rank;
        const auto word = static_cast<std::uint32_t>(u);
        const std::uint32_t c = stages::fused_guess(tables.guess.data(), tables.cell_bits(), word);
        missed += static_cast<std::int64_t>(c + (stages::fused_reached(tables, c, word) ? 1 : 0)) != rank;
      }
      // The search may call a position wrong that a far row beyond the last threshold gets right by its low
      // bits, never the reverse.
      EXPECT_LE(missed, guess.wrong) << count << " thresholds, " << cell_bits << " bits";
      if (guess.wrong == 0) {
        EXPECT_EQ(missed, guess.wrong) << count << " thresholds, " << cell_bits << " bits";
      }
      positions += std::int64_t{1} << 22;
      wrong += missed;
    }
  }
  std::cout << positions << " positions tried, " << wrong << " missed\n";
  EXPECT_GT(positions, 40000000);
}

/// The least multiplier, by shortest paths over all pairs: no negative cycle at it, one at the multiplier
/// below.
TEST(fused_parts, the_least_multiplier_has_thresholds_and_the_one_below_has_none) {
  std::mt19937_64 random(105);
  int compared = 0;
  for (int trial = 0; trial < 12; ++trial) {
    const Case test(random, test::random_fused_layer(random), 6, 127);
    const compile::RankLadder ladder =
        compile::make_rank_ladder(test.bundle.layer, test.domain, test.oracle.out);
    const compile::ThresholdSystem system(test.bundle.layer, test.domain, ladder);
    const std::optional<std::int64_t> least = system.least_multiplier();
    ASSERT_TRUE(least.has_value());
    const auto count = static_cast<std::size_t>(ladder.highest);
    const auto has_thresholds = [&](std::int64_t m) {
      constexpr std::int64_t kFar = INT64_MAX / 4;
      std::vector<std::int64_t> limit(count * count, kFar);  // [from][to]: T[to] - T[from] is at most this
      for (std::size_t k = 0; k < count; ++k) limit[k * count + k] = 0;
      for (std::size_t k = 0; k + 1 < count; ++k) limit[(k + 1) * count + k] = 0;
      for (const auto& runs : ladder.slices)
        for (const compile::RankRun& to : runs)
          for (const compile::RankRun& from : runs) {
            if (to.rank == 0 || static_cast<std::size_t>(from.rank) == count) continue;
            std::int64_t& entry =
                limit[static_cast<std::size_t>(from.rank) * count + static_cast<std::size_t>(to.rank) - 1];
            entry = std::min(entry, m * (to.first - from.last) - 1);
          }
      for (std::size_t k = 0; k < count; ++k)
        for (std::size_t i = 0; i < count; ++i)
          for (std::size_t j = 0; j < count; ++j)
            limit[i * count + j] =
                std::max(-kFar, std::min(limit[i * count + j], limit[i * count + k] + limit[k * count + j]));
      for (std::size_t k = 0; k < count; ++k)
        if (limit[k * count + k] < 0) return false;
      return true;
    };
    EXPECT_TRUE(has_thresholds(*least)) << "trial " << trial;
    if (*least > 1) {
      EXPECT_FALSE(has_thresholds(*least - 1)) << "trial " << trial;
    }
    const compile::ThresholdSystem::Solution solution =
        system.solve(*least, compile::ThresholdSystem::Near::kSilu);
    EXPECT_EQ(system.differing(solution, *least), 0);
    EXPECT_EQ(system.differing_at_least(), 0);
    // The solution's thresholds and words give every rank where it is wanted.
    for (std::size_t s = 0; s < ladder.slices.size(); ++s)
      for (const compile::RankRun& run : ladder.slices[s])
        for (const std::int32_t acc : {run.first, run.last}) {
          const std::int64_t p = *least * acc + solution.bias_words[s];
          const auto rank = std::upper_bound(solution.thresholds.begin(), solution.thresholds.end(), p) -
                            solution.thresholds.begin();
          EXPECT_EQ(rank, run.rank) << "trial " << trial << " slice " << s << " acc " << acc;
          ++compared;
        }
  }
  std::cout << compared << " ends of runs compared\n";
  EXPECT_GT(compared, 3000);
}

/// Ranks rise, cover their slice without a gap, and give the outputs back.
TEST(fused_parts, a_ladder_holds_every_output_of_its_slice) {
  std::mt19937_64 random(106);
  std::int64_t compared = 0;
  for (int trial = 0; trial < 20; ++trial) {
    const Case test(random, test::random_fused_layer(random), 5, 127);
    const compile::RankLadder ladder =
        compile::make_rank_ladder(test.bundle.layer, test.domain, test.oracle.out);
    int least_out = 0, lowest = INT32_MAX, highest = 0;
    for (std::size_t s = 0; s < ladder.slices.size(); ++s) {
      const exact::Slice& slice = test.domain.slices[s];
      const auto& runs = ladder.slices[s];
      EXPECT_FALSE(ladder.falls[s]);
      EXPECT_EQ(runs.front().first, slice.acc_min);
      EXPECT_EQ(runs.back().last, slice.acc_max);
      for (std::size_t i = 0; i < runs.size(); ++i) {
        if (i > 0) {
          EXPECT_EQ(runs[i].first, runs[i - 1].last + 1);
        }
        if (i > 0) {
          EXPECT_GT(runs[i].rank, runs[i - 1].rank);
        }
        lowest = std::min(lowest, runs[i].rank);
        highest = std::max(highest, runs[i].rank);
        for (const std::int32_t acc : {runs[i].first, runs[i].last}) {
          const int out = value_at(test.oracle.out[s], acc);
          least_out = std::min(least_out, out);
          EXPECT_EQ(runs[i].rank <= ladder.turn ? -runs[i].rank : runs[i].rank - 2 * ladder.turn, out);
          ++compared;
        }
      }
    }
    EXPECT_EQ(ladder.turn, -least_out);
    EXPECT_EQ(ladder.lowest, lowest);
    EXPECT_EQ(ladder.highest, highest);
  }
  std::cout << compared << " outputs compared\n";
  EXPECT_GT(compared, 5000);
}

}  // namespace
}  // namespace quasim
