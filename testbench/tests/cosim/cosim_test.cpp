// RTL = SystemC in value and cycle = expectation, over shapes, stalls, decode and real layers. Usage: LANES
// [gtest options].
#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <nlohmann/json.hpp>
#include <regex>
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

/// Over all bins whose name begins so.
std::uint64_t sum_of(const cosim::Bins& bins, const std::string& prefix) {
  std::uint64_t sum = 0;
  for (const auto& [name, count] : bins)
    if (name.rfind(prefix, 0) == 0) sum += count;
  return sum;
}

/// What `program` makes of every element, counted under the names of the bins with none of the probe's code.
cosim::Bins bins_of_values(const LayerProgram& program, const TensorBCL<std::int8_t>& input,
                           const TensorBCL<std::int8_t>& output) {
  const StageProgram stage = program.stage();
  cosim::Bins bins;
  for (std::size_t b = 0; b < input.extent<'B'>(); ++b)
    for (std::size_t c = 0; c < input.extent<'C'>(); ++c)
      for (std::size_t t = 0; t < input.extent<'L'>(); ++t) {
        std::int64_t p = program.bias_words[c];
        for (std::size_t k = 0; k < static_cast<std::size_t>(program.taps); ++k)
          if (t + k + 1 >= static_cast<std::size_t>(program.taps))
            p += std::int64_t{stage.multiplier} * program.weight.at(c, k) *
                 input.at(b, c, t + k + 1 - static_cast<std::size_t>(program.taps));
        if (output.at(b, c, t) == -128) ++bins["clamp.out_low"];
        if (output.at(b, c, t) == 127) ++bins["clamp.out_high"];
        if (stage.is_fused()) {
          ++bins[p < 0 ? "clamp.u_low" : p > 4194303 ? "clamp.u_high" : "clamp.u_inside"];
          const std::int64_t u = std::clamp<std::int64_t>(p, 0, 4194303);
          ++bins["step.cell." + std::to_string(u / (4194304 >> stage.fused.cell_bits()))];
          continue;
        }
        const double exact = std::ldexp(static_cast<double>(p), -stage.shift_bits), below = std::floor(exact);
        if (exact - below == 0.5)
          ++bins[std::string("tie.") + (stage.rounding == Rounding::kHalfAway ? "half_away." : "half_even.") +
                 (p < 0 ? "negative." : "positive.") + (std::fmod(below, 2) != 0 ? "odd" : "even")];
        const std::int64_t rounded = spec::round_shift(p, stage.shift_bits, stage.rounding);
        if (rounded < -128) ++bins["clamp.q_low"];
        if (rounded > 127) ++bins["clamp.q_high"];
        ++bins["table.entry." + std::to_string(std::clamp<std::int64_t>(rounded, -128, 127) + 128)];
      }
  return bins;
}

TEST(coverage, counts_are_those_of_the_values_and_of_the_bus) {
  std::mt19937_64 random(kSeed + 6);
  for (int trial = 0; trial < 12; ++trial) {
    const std::size_t channels = trial % 3 == 0 ? lanes() : 2 * lanes() + 1;
    const int taps = 2 + trial % 3;
    const LayerProgram program = trial % 2 == 0
                                     ? random_two_step_program(random, static_cast<int>(channels), taps)
                                     : random_fused_program(random, static_cast<int>(channels), taps);
    const auto input = random_input(random, 2, channels, 60);
    const auto expected = expected_output(program, input);
    testbench().load(program);
    cosim::Job job;
    job.input = &input;
    job.expected = &expected;
    job.stalls = {0.1, 0.2, static_cast<std::uint64_t>(trial + 1)};
    job.bus = {0.3, static_cast<std::uint64_t>(trial + 1)};
    job.coverage = true;
    const cosim::JobResult result = testbench().run(job);
    EXPECT_TRUE(agrees(result));
    count_compared(result.compared());
    for (const auto& [name, count] : bins_of_values(program, input, expected)) {
      const auto found = result.bins.find(name);
      ASSERT_NE(found, result.bins.end()) << name;
      EXPECT_EQ(found->second, count) << name;
    }
    const std::uint64_t elements = input.size();
    const bool fused = program.stage().is_fused();
    EXPECT_EQ(sum_of(result.bins, "table.entry."), fused ? 0 : elements);
    EXPECT_EQ(sum_of(result.bins, "step.cell."), fused ? elements : 0);
    EXPECT_EQ(sum_of(result.bins, "step.near.") - sum_of(result.bins, "step.near.at") -
                  sum_of(result.bins, "step.near.below"),
              sum_of(result.bins, "step.near.at") + sum_of(result.bins, "step.near.below"));
    EXPECT_EQ(sum_of(result.bins, "step.near.at") + sum_of(result.bins, "step.near.below") +
                  sum_of(result.bins, "step.far.at") + sum_of(result.bins, "step.far.below"),
              fused ? elements : 0);
    for (const char* once_a_beat : {"group.", "sequence.", "last.", "history."})
      EXPECT_EQ(sum_of(result.bins, once_a_beat), result.beats) << once_a_beat;
    EXPECT_EQ(result.bins.at("last.at_end"), 2U);
    EXPECT_EQ(result.bins.at("stall.input_waits"), result.input_stalls);
    EXPECT_EQ(result.bins.at("stall.output_one_waits") + result.bins.at("stall.output_two_wait"),
              result.output_stalls);
    std::uint64_t register_reads = 0;
    for (const auto& [name, count] : result.bins)
      if (name.rfind("register.", 0) == 0 && name.find(".read") != std::string::npos) register_reads += count;
    const std::uint64_t register_writes = sum_of(result.bins, "register.") - register_reads;
    EXPECT_EQ(register_reads, result.bus.reads);
    EXPECT_EQ(sum_of(result.bins, "window.") + result.bins.at("bus.unmapped_read") + register_writes +
                  result.bins.at("bus.unmapped_write"),
              result.bus.reads_refused + result.bus.writes_refused + result.bus.writes);
    std::uint64_t written = 0;
    for (const auto& [name, count] : result.bins)
      if (name.find(".written") != std::string::npos) written += count;
    EXPECT_EQ(written, result.bus.writes);
    EXPECT_EQ(sum_of(result.bins, "bus.read_answer_waits."), result.bus.reads + result.bus.reads_refused);
    EXPECT_EQ(sum_of(result.bins, "bus.write_answer_waits."), result.bus.writes + result.bus.writes_refused);
    EXPECT_EQ(sum_of(result.bins, "bus.address_first.") + sum_of(result.bins, "bus.data_first."),
              result.bus.writes + result.bus.writes_refused);
  }
}

TEST(coverage, bins_have_the_names_of_the_smoke_bench) {
  const char* directory = std::getenv("QUASIM_VECTORS");
  ASSERT_NE(directory, nullptr);
  std::ifstream file(directory + std::string("/../docs/coverage.json"));
  const nlohmann::json known = nlohmann::json::parse(file).at("bins");
  cosim::Bins bins;
  const spec::UnitParameters unit = sc::unit_parameters({}, 16);
  cosim::StreamCoverage{}.add_to(bins, unit);
  cosim::BusCoverage{}.add_to(bins, unit);
  for (const auto& [name, count] : bins) EXPECT_TRUE(known.contains(name)) << name;
  // What no stream and no access beside one can meet: resets, configuration, idle windows, counters set by
  // the bench.
  const std::regex elsewhere(
      "reset\\..*|control\\..*|counter\\..*\\.(carry|read_while_cleared)|status\\.(last|config)_error|last\\."
      "wrong|"
      "bus\\.(enable_refused|read_beside_write.*)|window\\..*\\.(read|written|first_word|last_word)|"
      "register\\.0x000000(18|[23].)\\.written");
  for (const auto& [name, count] : known.items())
    EXPECT_NE(bins.count(name) > 0, std::regex_match(name, elsewhere)) << name;
  count_compared(bins.size());
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
