// RTL = SystemC in value and cycle = expectation, over shapes, stalls, decode and real layers. Usage: LANES
// [gtest options].
#include <cstdlib>
#include <iostream>
#include <string>
#include <systemc>

#include "compile/nearest.hpp"
#include "cosim/unit_builder.hpp"
#include "io/bundle.hpp"
#include "tests/cosim/cosim_test_main.hpp"
#include "tests/cosim/random_layer.hpp"

namespace quasim::test {
namespace {

constexpr std::uint64_t kSeed = 20260401;

constexpr double kProbabilities[] = {0.0, 0.1, 0.5, 0.9};

TEST(pipeline, equals_expectation_for_random_layers) {
  std::cout << "seed " << kSeed << "\n";
  std::mt19937_64 random(kSeed);
  const int lane_count = static_cast<int>(lanes());
  // No multiple of the lanes, exactly the lanes, fewer than the lanes, one group and many.
  const int channel_counts[] = {1, lane_count, lane_count + 1, 2 * lane_count,
                                3 * lane_count + lane_count / 2 + 1};
  for (const int channels : channel_counts)
    for (const int taps : {2, 2, 3, 3, 4, 4})
      for (const double in : kProbabilities)
        for (const double out : kProbabilities) {
          const LayerProgram program = random_program(random, channels, taps);
          const auto input = random_input(random, 3, static_cast<std::size_t>(channels), 1 + random() % 9);
          const auto result = stream(program, input, expected_output(program, input),
                                     {in, out, static_cast<std::uint64_t>(random())});
          EXPECT_TRUE(agrees(result))
              << channels << " channels, " << taps << " taps, stalls " << in << " " << out;
          EXPECT_EQ(result.rtl_golden.compared, input.size());
          EXPECT_EQ(result.model_golden.compared, input.size());
        }
}

TEST(pipeline, latency_is_six_and_throughput_is_one_beat_a_cycle) {
  std::mt19937_64 random(kSeed + 1);
  const LayerProgram program = random_program(random, static_cast<int>(2 * lanes()), 4);
  const auto input = random_input(random, 2, 2 * lanes(), 50);
  const auto result = stream(program, input, expected_output(program, input));
  EXPECT_TRUE(agrees(result));
  EXPECT_EQ(result.latency_cycles, static_cast<std::uint64_t>(spec::kPipelineLatency));
  EXPECT_EQ(result.cycles, 2u * 2 * 50 + spec::kPipelineLatency);  // back-to-back sequences, no bubble
}

TEST(pipeline, stalls_really_stall) {
  std::mt19937_64 random(kSeed + 2);
  const LayerProgram program = random_program(random, static_cast<int>(lanes()), 4);
  const auto input = random_input(random, 1, lanes(), 2000);
  const auto expected = expected_output(program, input);
  const auto slow_in = stream(program, input, expected, {0.5, 0.0, 3});
  const auto slow_out = stream(program, input, expected, {0.0, 0.5, 3});
  EXPECT_TRUE(agrees(slow_in));
  EXPECT_TRUE(agrees(slow_out));
  EXPECT_NEAR(static_cast<double>(slow_in.cycles), 4000.0, 400.0);
  EXPECT_NEAR(static_cast<double>(slow_out.cycles), 4000.0, 400.0);
  EXPECT_GT(slow_out.input_stalls, 1000u);
  EXPECT_GT(slow_out.output_stalls, 1000u);
  EXPECT_EQ(slow_in.output_stalls, 0u);
}

/// Streams `input` in pieces of `steps` time steps, history kept, one sequence; returns the output.
TensorBCL<std::int8_t> decode_in_pieces(const LayerProgram& program, const TensorBCL<std::int8_t>& input,
                                        std::size_t steps) {
  testbench().load(program);
  TensorBCL<std::int8_t> output(input.shape());
  for (std::size_t begin = 0; begin < input.extent<'L'>(); begin += steps) {
    const std::size_t end = std::min(begin + steps, input.extent<'L'>());
    const auto piece = slice_time(input, begin, end);
    cosim::Job job;
    job.input = &piece;
    job.continues = begin > 0;
    job.keep_output = true;
    job.stalls = {0.2, 0.2, begin + 1};
    const auto result = testbench().run(job);
    count_compared(result.compared());
    EXPECT_TRUE(agrees(result)) << "piece from " << begin;  // RTL against SystemC
    const auto part = from_beats(result.output, piece.shape(), lanes());
    for (std::size_t c = 0; c < input.extent<'C'>(); ++c)
      for (std::size_t t = begin; t < end; ++t) output.at(0, c, t) = part.at(0, c, t - begin);
  }
  return output;
}

TEST(decode, pieces_of_one_three_and_seven_equal_the_whole_sequence) {
  std::mt19937_64 random(kSeed + 3);
  for (const int taps : {2, 3, 4}) {
    const int channels = static_cast<int>(2 * lanes() + 1);
    const LayerProgram program = random_program(random, channels, taps);
    const auto input = random_input(random, 1, static_cast<std::size_t>(channels), 40);
    const auto whole = expected_output(program, input);
    EXPECT_TRUE(agrees(stream(program, input, whole)));
    for (const std::size_t steps : {std::size_t{1}, std::size_t{3}, std::size_t{7}})
      EXPECT_TRUE(decode_in_pieces(program, input, steps) == whole) << taps << " taps, pieces of " << steps;
  }
}

/// Of the two dataflows, so that the unit changes from one to the other between any two pieces.
TEST(decode, two_interleaved_layers_keep_their_histories) {
  std::mt19937_64 random(kSeed + 4);
  const std::size_t channels[] = {lanes() + 1, 3 * lanes()};
  std::vector<LayerProgram> programs;
  std::vector<TensorBCL<std::int8_t>> inputs, outputs;
  std::vector<std::vector<std::int8_t>> histories;
  for (const std::size_t count : channels) {
    const bool first = programs.empty();
    programs.push_back(first ? random_fused_program(random, static_cast<int>(count), 4)
                             : random_two_step_program(random, static_cast<int>(count), 4));
    inputs.push_back(random_input(random, 1, count, 21));
    outputs.push_back(TensorBCL<std::int8_t>(inputs.back().shape()));
    histories.emplace_back(count * 3, std::int8_t{0});
  }
  for (std::size_t begin = 0; begin < 21; begin += 3)
    for (std::size_t layer = 0; layer < 2; ++layer) {
      testbench().load(programs[layer]);
      testbench().set_history(histories[layer]);
      const auto piece = slice_time(inputs[layer], begin, begin + 3);
      cosim::Job job;
      job.input = &piece;
      job.continues = true;
      job.keep_output = true;
      const auto result = testbench().run(job);
      count_compared(result.compared());
      EXPECT_TRUE(agrees(result));
      histories[layer] = testbench().history();
      const auto part = from_beats(result.output, piece.shape(), lanes());
      for (std::size_t c = 0; c < channels[layer]; ++c)
        for (std::size_t t = 0; t < 3; ++t) outputs[layer].at(0, c, begin + t) = part.at(0, c, t);
    }
  for (std::size_t layer = 0; layer < 2; ++layer)
    EXPECT_TRUE(outputs[layer] == expected_output(programs[layer], inputs[layer])) << "layer " << layer;
}

TEST(pipeline, difference_names_element_operands_and_stages) {
  std::mt19937_64 random(kSeed + 5);
  const LayerProgram program = random_program(random, static_cast<int>(lanes() + 1), 3);
  const auto input = random_input(random, 2, lanes() + 1, 11);
  auto expected = expected_output(program, input);
  expected.at(1, lanes(), 7) = static_cast<std::int8_t>(expected.at(1, lanes(), 7) ^ 1);
  const auto result = stream(program, input, expected, {0.3, 0.3, 9});
  EXPECT_EQ(result.model_golden.mismatches, 1u);
  EXPECT_EQ(result.rtl_golden.mismatches, 1u);
  EXPECT_EQ(result.rtl_model.mismatches, 0u);
  EXPECT_FALSE(result.agrees());
  ASSERT_EQ(result.differences.size(), 2u);
  for (const cosim::DifferingElement& d : result.differences) {
    EXPECT_EQ(d.element.sequence, 1u);
    EXPECT_EQ(d.element.channel, lanes());
    EXPECT_EQ(d.element.time, 7u);
    std::int64_t acc = 0;
    for (std::size_t j = 0; j < d.window.size(); ++j) acc += std::int64_t{d.window[j]} * d.weight[j];
    EXPECT_EQ(d.model.acc, acc);
    EXPECT_EQ(d.model.p, acc * program.stage().multiplier + d.bias_word);
    ASSERT_TRUE(d.rtl.has_value());
    EXPECT_EQ(d.rtl->acc, d.model.acc);
    EXPECT_EQ(d.rtl->p, d.model.p);
    EXPECT_EQ(d.rtl->q, d.model.q);
    EXPECT_EQ(d.rtl->out, d.model.out);
    EXPECT_EQ(d.model.out, d.left);
    EXPECT_EQ(expected.at(1, lanes(), 7), d.right);
  }
}

// All twelve layers, every stall pair, ten seeds.
TEST(real_layers, equal_in_value_and_cycle) {
  const char* directory = std::getenv("QUASIM_VECTORS");
  ASSERT_NE(directory, nullptr);
  const char* text = std::getenv("QUASIM_SEEDS");
  const std::uint64_t seeds = text == nullptr ? 2 : std::strtoull(text, nullptr, 10);
  std::uint64_t cycles = 0, jobs = 0;
  for (int layer = 0; layer < 12; ++layer) {
    const std::string name =
        std::string("/bookmamba/layer") + (layer < 10 ? "0" : "") + std::to_string(layer);
    const Bundle bundle = read_bundle(directory + name);
    const LayerProgram program =
        compile::nearest_program(bundle, {spec::kMultBitsDefault, spec::kBiasBitsDefault});
    const auto& whole = bundle.require_input();
    const auto expected =
        expected_output(program, whole);  // whether it is the golden's is for certify to prove
    for (const double in : kProbabilities)
      for (const double out : kProbabilities)
        for (std::uint64_t seed = 1; seed <= seeds; ++seed) {
          const auto result = stream(program, whole, expected, {in, out, seed});
          EXPECT_TRUE(agrees(result)) << name << " stalls " << in << " " << out << " seed " << seed;
          cycles += result.cycles_compared;
          ++jobs;
        }
  }
  std::cout << jobs << " streams, " << cycles << " cycles compared pin by pin\n";
  EXPECT_EQ(jobs, 12 * 16 * seeds);
  EXPECT_GT(jobs, 0U);
}

}  // namespace
}  // namespace quasim::test

int sc_main(int argc, char** argv) {
  if (quasim::test::lists_tests(argc, argv)) return 0;
  if (argc < 2) {
    std::cerr << "usage: cosim_test LANES [gtest options]\n";
    return 2;
  }
  const auto lane_count = static_cast<std::size_t>(std::strtoul(argv[1], nullptr, 10));
  return quasim::test::run_all_tests(lane_count, {}, quasim::cosim::make_unit(lane_count, {}, {}, {}));
}
