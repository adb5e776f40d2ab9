// The scalar stages against the contract, written out here once more in division and remainder: every step,
// both edges of each clamp, the flags that the counters count, and the rows of the fast model at every
// length.
#include <gtest/gtest.h>

#include <iostream>
#include <optional>
#include <random>

#include "spec/error.hpp"
#include "stages/conv_acc.hpp"
#include "stages/evaluate.hpp"
#include "stages/fp32_form.hpp"
#include "stages/fused_row.hpp"
#include "stages/untimed.hpp"
#include "tests/exact/layers.hpp"

namespace quasim {
namespace {

std::int8_t extreme(std::mt19937_64& random) {
  return random() % 2 == 0 ? std::int8_t{-128} : std::int8_t{127};
}

/// p / 2^s rounded, by quotient and remainder.
std::int64_t divided(std::int64_t p, int shift_bits, Rounding rounding) {
  const std::int64_t d = std::int64_t{1} << shift_bits;
  std::int64_t quotient = p / d, rest = p % d;
  if (rest < 0) {
    rest += d;
    quotient -= 1;
  }
  const bool tie = 2 * rest == d;
  if (2 * rest > d || (tie && (rounding == Rounding::kHalfEven ? quotient % 2 != 0 : p > 0))) quotient += 1;
  return quotient;
}

TEST(requant, rounds_and_clamps_at_every_edge_and_says_when_it_clamped) {
  std::int64_t compared = 0, saturated = 0;
  for (const Rounding rounding : {Rounding::kHalfEven, Rounding::kHalfAway})
    for (const int bits : {2, 3, 8, 12})
      for (const int shift_bits : {0, 1, 2, 7, 24, 30, 47})
        for (const std::int64_t level :
             {-(std::int64_t{1} << (bits - 1)) - 1, -(std::int64_t{1} << (bits - 1)), std::int64_t{-1},
              std::int64_t{0}, std::int64_t{1}, (std::int64_t{1} << (bits - 1)) - 1,
              std::int64_t{1} << (bits - 1)})
          for (std::int64_t off = -2; off <= 2; ++off) {
            const std::int64_t half = shift_bits == 0 ? 0 : std::int64_t{1} << (shift_bits - 1);
            for (const std::int64_t p : {level * (std::int64_t{1} << shift_bits) + half + off,
                                         level * (std::int64_t{1} << shift_bits) + off}) {
              const std::int64_t wide = divided(p, shift_bits, rounding);
              const std::int64_t least = -(std::int64_t{1} << (bits - 1)),
                                 greatest = (std::int64_t{1} << (bits - 1)) - 1;
              const std::int64_t q = std::min(std::max(wide, least), greatest);
              for (const std::int64_t word : {std::int64_t{0}, p, p - 5}) {
                const stages::Requantised result =
                    stages::requant_round(p - word, word, shift_bits, rounding, bits);
                EXPECT_EQ(result.q, q) << p << " >> " << shift_bits;
                EXPECT_EQ(result.saturated, wide < least || wide > greatest);
                ++compared;
              }
              saturated += wide != q;
            }
          }
  std::cout << compared << " comparisons, " << saturated << " beyond the clamp\n";
  EXPECT_GT(saturated, 100);
  EXPECT_EQ(stages::requant_product(0x7FFFFFFF, -65536), -140737488289792);
  EXPECT_EQ(stages::requant_product(0x7FFFFFFF, 65536), 140737488289792);
}

TEST(silu, index_and_limits) {
  for (int bits = 2; bits <= 12; ++bits) {
    EXPECT_EQ(stages::silu_index(-(1 << (bits - 1)), bits), 0U);
    EXPECT_EQ(stages::silu_index(0, bits), 1U << (bits - 1));
    EXPECT_EQ(stages::silu_index((1 << (bits - 1)) - 1, bits), (1U << bits) - 1);
  }
  for (int out = -128; out <= 127; ++out)
    EXPECT_EQ(stages::silu_saturated(static_cast<std::int8_t>(out)), out == -128 || out == 127);
}

TEST(conv_acc, every_tap_meets_its_sample_and_the_window_moves_on) {
  std::mt19937_64 random(81);
  std::int64_t compared = 0;
  std::int8_t w[4][5], history[3][5], x[5];
  std::int32_t acc[5];
  for (int trial = 0; trial < 500; ++trial) {
    const auto draw = [&] { return trial % 3 == 0 ? extreme(random) : static_cast<std::int8_t>(random()); };
    for (int lane = 0; lane < 5; ++lane) {
      for (auto& tap : w) tap[lane] = draw();
      for (auto& sample : history) sample[lane] = draw();
      x[lane] = draw();
    }
    stages::conv_acc(w, history, x, acc);
    std::int8_t before[3][5];
    std::copy(&history[0][0], &history[0][0] + 15, &before[0][0]);
    stages::shift_history(history, x);
    for (int lane = 0; lane < 5; ++lane, ++compared) {
      EXPECT_EQ(acc[lane], w[0][lane] * before[0][lane] + w[1][lane] * before[1][lane] +
                               w[2][lane] * before[2][lane] + w[3][lane] * x[lane]);
      EXPECT_EQ(history[0][lane], before[1][lane]);
      EXPECT_EQ(history[1][lane], before[2][lane]);
      EXPECT_EQ(history[2][lane], x[lane]);
    }
  }
  EXPECT_EQ(compared, 2500);
}

/// rank = guess + (u >= threshold), all of it in 64-bit integers from the file's tables.
std::int8_t fused_out(const StageProgram& stage, std::int64_t p, bool& saturated) {
  const std::int64_t last = (1 << 22) - 1, u = p < 0 ? 0 : p > last ? last : p;
  saturated = u != p;
  const auto cells = static_cast<std::int64_t>(stage.fused.guess.size());
  const std::int64_t cell_width = (1 << 22) / cells;
  const GuessCell& cell = stage.fused.guess[static_cast<std::size_t>(u / cell_width)];
  const std::int64_t position = u % cell_width / (cell_width / 32);
  const std::int64_t guess = (cell.base + cell.slope * position / 32) / 2 % 256;
  const auto near = static_cast<std::int64_t>(stage.fused.near.size());
  bool reached = false;
  if (guess < near) {
    reached = u >= stage.fused.near[static_cast<std::size_t>(guess)];
  } else {
    const std::int64_t apart = (u - stage.fused.far[static_cast<std::size_t>((guess - near) % 128)]) % 65536;
    reached = (apart < 0 ? apart + 65536 : apart) < 32768;
  }
  const std::int64_t rank = guess + (reached ? 1 : 0);
  return static_cast<std::int8_t>(rank <= stage.fused.turn ? -rank : rank - 2 * stage.fused.turn);
}

TEST(fused, tables_of_noise_give_what_the_rule_says) {
  std::mt19937_64 random(82);
  std::int64_t compared = 0, saturated_points = 0;
  for (int trial = 0; trial < 60; ++trial) {
    const LayerProgram program = test::random_fused_program(random, 1, 4);
    const StageProgram& stage = program.stage();
    const auto check = [&](std::int64_t p) {
      bool saturated = false;
      const std::int8_t expected = fused_out(stage, p, saturated);
      const stages::Indexed index = stages::index_of(stage, p);
      EXPECT_EQ(stages::out_of(stage, index.index), expected) << "p = " << p;
      EXPECT_EQ(index.saturated, saturated) << "p = " << p;
      saturated_points += saturated;
      ++compared;
    };
    for (int i = 0; i < 400; ++i) check(static_cast<std::int64_t>(random() % (1U << 22)));
    for (std::int64_t edge :
         {std::int64_t{0}, std::int64_t{1} << 22, std::int64_t{1} << 40, -(std::int64_t{1} << 40)})
      for (std::int64_t off = -2; off <= 2; ++off) check(edge + off);
    for (const std::uint32_t threshold : stage.fused.near)
      for (int off = -1; off <= 1; ++off) check(std::int64_t{threshold} + off);
    for (std::int64_t cell = 0; cell < 32; ++cell)
      for (int off = -1; off <= 1; ++off) check((cell << 17) + off);
  }
  std::cout << compared << " comparisons, " << saturated_points << " beyond u\n";
  EXPECT_GT(compared, 30000);
}

TEST(evaluate, every_value_of_an_element_is_kept) {
  std::mt19937_64 random(83);
  LayerProgram program;
  program.taps = 2;
  program.weight = TensorCK<std::int8_t>({2, 2}, {1, 2, 3, 4});
  program.bias_words = {-70000, 123456};
  program.stage().multiplier = 777;
  program.stage().shift_bits = 12;
  for (int i = 0; i < 256; ++i) program.stage().silu_table.push_back(static_cast<std::int8_t>(random()));
  std::int64_t compared = 0;
  for (std::size_t channel = 0; channel < 2; ++channel)
    for (std::int32_t acc = -1000; acc <= 1000; acc += 3) {
      const stages::StageValues values = stages::evaluate(program, channel, acc);
      const std::int64_t p = std::int64_t{777} * acc + program.bias_words[channel];
      const std::int64_t q =
          std::min<std::int64_t>(std::max<std::int64_t>(divided(p, 12, Rounding::kHalfEven), -128), 127);
      EXPECT_EQ(values.acc, acc);
      EXPECT_EQ(values.product, 777 * acc);
      EXPECT_EQ(values.p, p);
      EXPECT_EQ(values.index.index, q);
      EXPECT_EQ(values.out, program.stage().silu_table[static_cast<std::size_t>(q + 128)]);
      ++compared;
    }
  EXPECT_GT(compared, 1000);
}

/// Rows of every length from 1 to 330 and around the ends of the blocks, in each kernel of this processor,
/// two_step with 8, 5 and 10 bits and fused; the samples of the row before must not be seen, nor may a byte
/// beside the row be written.
TEST(untimed, every_length_in_every_kernel) {
  std::mt19937_64 random(84);
  std::int64_t compared = 0;
  for (int kind = 0; kind < 4; ++kind)
    for (int taps = 2; taps <= 4; ++taps) {
      LayerProgram program;
      if (kind == 3) {
        program = test::random_fused_program(random, 2, taps);
      } else {
        StageProgram& stage = program.stage();
        program.taps = taps;
        stage.conv_bits = kind == 0 ? 8 : kind == 1 ? 5 : 10;
        stage.rounding = taps % 2 == 0 ? Rounding::kHalfEven : Rounding::kHalfAway;
        stage.multiplier = 1000 + static_cast<std::uint32_t>(random() % 1000);
        stage.shift_bits = kind == 1 ? 21 : kind == 2 ? 16 : 18;
        program.weight = TensorCK<std::int8_t>({2, static_cast<std::size_t>(taps)});
        for (std::size_t i = 0; i < program.weight.size(); ++i)
          program.weight.data()[i] = static_cast<std::int8_t>(random());
        program.bias_words = {static_cast<std::int64_t>(random() % 400000) - 200000, 90000};
        for (int i = 0; i < 1 << stage.conv_bits; ++i)
          stage.silu_table.push_back(static_cast<std::int8_t>(random()));
      }
      const stages::UntimedPlan plan(program);
      std::vector<stages::Kernel> kernels{stages::Kernel::kPortable};
      for (const stages::Kernel kernel : {stages::Kernel::kAvx2, stages::Kernel::kAvx512})
        if (kernel <= stages::best_kernel()) kernels.push_back(kernel);
      std::vector<std::size_t> lengths;
      for (std::size_t length = 1; length <= 330; ++length) lengths.push_back(length);
      for (const std::size_t middle : {std::size_t{512}, std::size_t{1024}})
        for (std::size_t length = middle - 2; length <= middle + 3; ++length) lengths.push_back(length);
      for (const std::size_t length : lengths) {
        std::vector<std::int8_t> x(2 * length);
        for (std::int8_t& sample : x)
          sample = random() % 6 == 0 ? extreme(random) : static_cast<std::int8_t>(random());
        std::vector<std::int8_t> expected;
        for (std::size_t c = 0; c < 2; ++c)
          for (std::size_t t = 0; t < length; ++t) {
            std::int32_t acc = 0;
            for (std::size_t age = 0; age < static_cast<std::size_t>(taps) && age <= t; ++age)
              acc += program.weight.at(c, static_cast<std::size_t>(taps) - 1 - age) * x[c * length + t - age];
            expected.push_back(stages::evaluate(program, c, acc).out);
          }
        for (const stages::Kernel kernel : kernels) {
          std::vector<std::int8_t> out(x.size() + 128, 99);
          plan.run(x.data(), out.data() + 64, 1, length, kernel, stages::Stores::kCached);
          ASSERT_TRUE(std::equal(expected.begin(), expected.end(), out.begin() + 64))
              << "kind " << kind << ", " << taps << " taps, length " << length << ", kernel "
              << static_cast<int>(kernel);
          ASSERT_EQ(std::count(out.begin(), out.begin() + 64, 99) + std::count(out.end() - 64, out.end(), 99),
                    128);
          compared += static_cast<std::int64_t>(expected.size());
        }
      }
    }
  std::cout << compared << " outputs compared\n";
  EXPECT_GT(compared, 1000000);
  LayerProgram one = test::random_fused_program(random, 1, 2);
  const stages::UntimedPlan plan(one);
  plan.run(nullptr, nullptr, 3, 0);  // rows without elements
  EXPECT_THROW(plan.run(TensorBCL<std::int8_t>({1, 2, 4})), InputError);
  EXPECT_EQ(plan.run(TensorBCL<std::int8_t>({2, 1, 4})).size(), 8U);
}

/// A form that is claimed to be proven gives every q; one that cannot be is not claimed.
TEST(fp32_form, a_proven_form_gives_every_q) {
  std::mt19937_64 random(85);
  std::int64_t compared = 0, proven = 0, searched = 0, none = 0;
  for (int trial = 0; trial < 400; ++trial) {
    StageProgram stage;
    stage.conv_bits = 2 + trial % 7;
    stage.rounding = trial % 2 == 0 ? Rounding::kHalfEven : Rounding::kHalfAway;
    stage.multiplier = static_cast<std::uint32_t>(random() % (trial % 3 == 0 ? 1U << 24 : 300));
    stage.shift_bits = static_cast<int>(random() % (trial % 3 == 0 ? 30 : 12));
    const std::int64_t word =
        static_cast<std::int64_t>(random() % (std::uint64_t{1} << (stage.shift_bits + 9))) -
        (std::int64_t{1} << (stage.shift_bits + 8));
    const auto acc_min = -static_cast<std::int32_t>(random() % 3000),
               acc_max = static_cast<std::int32_t>(random() % 3000);
    const auto form = stages::find_fp32_form(stage, word, acc_min, acc_max);
    (form ? proven : none) += 1;
    if (!form) continue;
    searched += form->a != std::ldexp(static_cast<float>(stage.multiplier), -stage.shift_bits);
    for (std::int32_t acc = acc_min; acc <= acc_max; ++acc, ++compared) {
      const double value =
          std::nearbyint(static_cast<double>(std::fma(static_cast<float>(acc), form->a, form->b)));
      const double low = -std::ldexp(1.0, stage.conv_bits - 1), high = -low - 1;
      const std::int64_t q = spec::clamp_bits(
          divided(std::int64_t{stage.multiplier} * acc + word, stage.shift_bits, stage.rounding),
          stage.conv_bits);
      ASSERT_EQ(static_cast<std::int64_t>(std::min(std::max(value, low), high)), q)
          << "trial " << trial << " acc " << acc;
    }
  }
  std::cout << compared << " accumulators, " << proven << " forms proven, " << searched
            << " of them with another slope, " << none << " not found\n";
  EXPECT_GT(compared, 100000);
  EXPECT_GT(proven, 100);
  EXPECT_GE(searched, 20);
}

/// What the buckets say of an accumulator `offset` above the row's first; none where the row has no buckets.
template <std::size_t Count>
std::optional<int> out_by_rank(const stages::RankBuckets<Count>& buckets, std::int32_t offset, int turn) {
  if (buckets.steps < 0) return std::nullopt;
  const std::uint32_t scaled = static_cast<std::uint32_t>(offset) * buckets.scale, bucket = scaled >> 16,
                      part = scaled >> 8 & 0xFF;
  int rank = buckets.rank[bucket];
  for (int step = 0; step < buckets.steps; ++step)
    rank += part >= buckets.part[static_cast<std::size_t>(step)][bucket];
  return std::abs((rank & 0xFF) - turn) - turn;
}

/// A row's list and its buckets give what the stages give, at and beyond both ends.
TEST(fused_row, list_and_buckets_give_every_output) {
  std::mt19937_64 random(86);
  std::int64_t compared = 0, with_buckets = 0, with_few_buckets = 0, fewer_rows = 0;
  for (int trial = 0; trial < 120; ++trial) {
    LayerProgram program = test::random_fused_program(random, 1, 4);
    StageProgram& stage = program.stage();
    if (trial % 2 == 0) {  // a ladder that rises, as a compiler writes it
      stage.fused.turn = static_cast<int>(random() % 30);
      stage.fused.near.assign(8, 0);
      std::uint32_t at = 1000;
      std::vector<std::uint32_t> thresholds;
      for (int k = 0; k < 136; ++k)
        thresholds.push_back(at += 1 + static_cast<std::uint32_t>(random() % 20000));
      for (int k = 0; k < 8; ++k)
        stage.fused.near[static_cast<std::size_t>(k)] = thresholds[static_cast<std::size_t>(k)];
      for (int k = 0; k < 128; ++k)
        stage.fused.far[static_cast<std::size_t>(k)] =
            static_cast<std::uint16_t>(thresholds[static_cast<std::size_t>(k + 8)]);
      for (GuessCell& cell : stage.fused.guess) cell = {static_cast<std::uint16_t>(2 * (random() % 130)), 0};
      stage.multiplier = static_cast<std::uint32_t>(random() % 3 == 0 ? 0 : random() % 200);
    }
    const auto acc_min = -static_cast<std::int32_t>(random() % (trial % 5 == 0 ? 65537 : 900)),
               acc_max = static_cast<std::int32_t>(random() % (trial % 7 == 0 ? 65537 : 900));
    const stages::FusedRow row = stages::make_fused_row(stage, program.bias_words[0], acc_min, acc_max);
    ASSERT_FALSE(row.out.empty());
    EXPECT_GE(row.first, acc_min);
    EXPECT_LE(row.first + static_cast<std::int32_t>(row.out.size()) - 1, acc_max);
    EXPECT_EQ(row.turn, stage.fused.turn);
    EXPECT_LE(row.many.steps, 4);
    EXPECT_LE(row.few.steps, 4);
    for (int step = 1; step < row.few.steps; ++step)  // what the kernel does not read
      for (int bucket = 0; bucket < 16 * row.few.more; ++bucket)
        EXPECT_EQ(row.few.part[static_cast<std::size_t>(step)][static_cast<std::size_t>(bucket)], 0);
    fewer_rows += row.few.steps >= 0 && row.few.rows < 8;
    with_buckets += row.many.steps >= 0;
    with_few_buckets += row.few.steps >= 0;
    for (std::int32_t acc = acc_min; acc <= acc_max; ++acc, ++compared) {
      const std::int8_t out = stages::evaluate(stage, program.bias_words[0], acc).out;
      const std::int32_t offset =
          std::clamp(acc - row.first, 0, static_cast<std::int32_t>(row.out.size()) - 1);
      ASSERT_EQ(row.out[static_cast<std::size_t>(offset)], out) << "trial " << trial << " acc " << acc;
      for (const std::optional<int> by_rank :
           {out_by_rank(row.many, offset, row.turn), out_by_rank(row.few, offset, row.turn)})
        ASSERT_EQ(by_rank.value_or(out), out) << "trial " << trial << " acc " << acc;
    }
  }
  std::cout << compared << " outputs compared, " << with_buckets << " rows with buckets\n";
  EXPECT_GT(compared, 100000);
  EXPECT_GT(with_buckets, 10);
  EXPECT_GT(with_few_buckets, 10);
  EXPECT_GT(fewer_rows, 5);
}

}  // namespace
}  // namespace quasim
