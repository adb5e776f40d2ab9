// Random layers from their scales to the RTL: compiled for the golden, certified on every reachable input,
// and streamed through SystemC model and RTL with stalls and in decode, against the golden's own outputs.
//
//   random_layers_test LAYERS [SEED [ONLY]]
//
// Layer N of a seed is drawn from these two numbers alone, so that ONLY repeats one layer.
#include <cmath>
#include <cstdlib>
#include <iostream>
#include <map>

#include "compile/compiler.hpp"
#include "compile/program_source.hpp"
#include "cosim/rtl_tail.hpp"
#include "cosim/testbench.hpp"
#include "cosim/unit_builder.hpp"
#include "prove/certify.hpp"
#include "reference/targets.hpp"
#include "tests/cosim/random_layer.hpp"
#include "tests/exact/layers.hpp"

namespace quasim::test {
namespace {

constexpr std::size_t kLanes = 4;
constexpr std::uint64_t kTailEvery =
    7;  // of so many layers, certify --rtl enumerates one as well; no multiple of 2

struct Drawn {
  std::string kind;
  Bundle bundle;
};

float uniform(std::mt19937_64& random, float low, float high) {
  return std::uniform_real_distribution<float>(low, high)(random);
}

/// An output scale at which SiLU's least value lies `turn` steps below 0: 127 + 2*turn steps in all.
float scale_of_turn(std::mt19937_64& random, int low, int high) {
  constexpr float kDepth = 0.27846F;
  const int turn = low + static_cast<int>(random() % static_cast<std::uint64_t>(high - low + 1));
  return kDepth / (static_cast<float>(turn) + uniform(random, -0.45F, 0.45F));
}

/// Weights that leave little to decide: none, one, all of them at an end, one for all channels.
void degrade(std::mt19937_64& random, Bundle& bundle) {
  const auto taps = static_cast<std::size_t>(bundle.layer.taps);
  std::int8_t* weight = bundle.weight.data();
  const std::uint64_t how = random() % 6;
  for (std::size_t i = 0; i < bundle.weight.size(); ++i) {
    if (how == 0) weight[i] = 0;
    if (how == 1 && i % taps != 0) weight[i] = 0;
    if (how == 2) weight[i] = -128;
    if (how == 3) weight[i] = 127;
    if (how == 4) weight[i] = weight[i % taps];
    if (how == 5) weight[i] = static_cast<std::int8_t>(weight[i] % 2);
  }
  if (random() % 2 == 0)
    for (std::int8_t& bias : bundle.bias) bias = bundle.bias.front();
}

Drawn draw(std::uint64_t seed, std::uint64_t number) {
  std::seed_seq sequence{static_cast<std::uint32_t>(seed), static_cast<std::uint32_t>(seed >> 32),
                         static_cast<std::uint32_t>(number)};
  std::mt19937_64 random(sequence);
  random.discard(8);
  const bool fused = number % 2 == 0;
  Drawn drawn;
  LayerParams layer = fused ? random_fused_layer(random) : random_layer(random);
  layer.conv_bits = 8;
  switch (number / 2 % 4) {
    case 0:
      drawn.kind = "calibrated";
      break;
    case 1:  // percentiles make the scale small and the steps many
      drawn.kind = "145 to 163 steps";
      layer.output_scale = scale_of_turn(random, 9, 18);
      if (!fused && random() % 2 == 0) layer.conv_scale.reset();
      break;
    case 2:
      drawn.kind = "enlarged output scale";
      layer.output_scale = scale_of_turn(random, 1, 4);
      break;
    default:
      drawn.kind = "degenerate";
  }
  drawn.kind = (fused ? "fused, " : "two_step, ") + drawn.kind;
  const int channels = 1 + static_cast<int>(random() % 12);
  drawn.bundle = random_bundle(random, layer, channels, random() % 2 == 0 ? 127 : 60);
  if (number / 2 % 4 == 3) degrade(random, drawn.bundle);
  return drawn;
}

struct Totals {
  std::int64_t layers = 0, exact = 0, points = 0, golden_leaves_oracle = 0, tail_points = 0;
  std::uint64_t elements = 0, cycles = 0;
};

/// Empty when all is as it must be.
std::string check_layer(cosim::Testbench& testbench, const Drawn& drawn, std::uint64_t seed,
                        std::uint64_t number, Totals& totals) {
  const Bundle& bundle = drawn.bundle;
  const Variant variant = default_variant(bundle.layer);
  const auto twin = make_twin_source(bundle.layer, variant);
  const exact::Domain domain = make_domain(exact::DomainKind::kReachable, bundle);
  const sc::PipelineConfig unit;
  compile::Options options;
  options.mult_bits = unit.mult_bits;
  options.bias_bits = unit.bias_bits;
  const compile::Compiled compiled =
      compile::compile_program(bundle, domain, {"golden", "CPU twin", enumerate(*twin, domain)}, options);
  const LayerProgram& program = compiled.program;

  const exact::Domain by_word = make_domain(exact::DomainKind::kReachable, bundle, program.bias_words);
  std::vector<compile::Implementation> sides{
      {"model", std::nullopt, enumerate(compile::ProgramSource(program), by_word), 0},
      {"oracle", std::nullopt, exact::Oracle(bundle.layer).steps(by_word), 0},
      {"cpu_twin", variant, enumerate(*twin, by_word), 0}};
  if (number % kTailEvery == 0) {
    const cosim::UnitRequest tail{cosim::UnitRequest::Top::kTail, spec::kLanesDefault, {}, {}};
    sides.push_back({"rtl", std::nullopt,
                     enumerate(*cosim::make_rtl_tail(cosim::verilated(tail), {}, program), by_word), 0});
    totals.tail_points += by_word.points();
  }
  const bool match_q = compiled.match == compile::Match::kQ && !program.stage().is_fused();
  const compile::Certificate certificate =
      compile::certify(bundle.layer, by_word, sides, "cpu_twin", match_q);
  ++totals.layers;
  totals.exact += compiled.exact();
  totals.points += by_word.points();
  totals.golden_leaves_oracle += certificate.differing_points;
  if (certificate.unexplained != 0 || certificate.examined != certificate.differing_points)
    return std::to_string(certificate.unexplained) + " differences of the golden are unexplained";
  if (compiled.exact() != (certificate.model_differing == 0))
    return "the compiler calls it " + std::string(compiled.exact() ? "exact" : "not exact") + ", " +
           std::to_string(certificate.model_differing) + " points differ";
  if (certificate.rtl_differing != 0)
    return "the RTL differs from the model in " + std::to_string(certificate.rtl_differing) + " points";

  // The golden's outputs, window by window; the program's own where it could not follow the golden.
  std::mt19937_64 random(seed ^ (number << 20));
  const auto channels = static_cast<std::size_t>(program.channels()), taps = std::size_t(program.taps);
  const auto input = random_input(random, 2, channels, 2 + random() % 30);
  auto expected = expected_output(program, input);
  if (compiled.exact())
    for (std::size_t b = 0; b < 2; ++b)
      for (std::size_t c = 0; c < channels; ++c)
        for (std::size_t t = 0; t < input.extent<'L'>(); ++t) {
          std::int32_t acc = 0;
          for (std::size_t k = 0; k < taps; ++k)
            if (t + k + 1 >= taps)
              acc += std::int32_t{program.weight.at(c, k)} * input.at(b, c, t + k + 1 - taps);
          std::int16_t q = 0;
          std::int8_t golden = 0;
          twin->evaluate({bundle.bias[c], acc, acc, static_cast<int>(c)}, acc, 1, &q, &golden);
          if (golden != expected.at(b, c, t)) return "the page's arithmetic leaves the golden";
        }

  constexpr double kProbabilities[] = {0.0, 0.1, 0.5, 0.9};
  const auto probability = [&] { return kProbabilities[random() % std::size(kProbabilities)]; };
  testbench.load(program);
  // Whole sequences, then the first of them again as decode, in pieces of any length.
  const auto run = [&](const TensorBCL<std::int8_t>& x, const TensorBCL<std::int8_t>& out, bool continues) {
    cosim::Job job;
    job.input = &x;
    job.expected = &out;
    job.continues = continues;
    job.stalls = {probability(), probability(), random()};
    const cosim::JobResult result = testbench.run(job);
    totals.elements += result.compared();
    totals.cycles += result.cycles_compared;
    return result.agrees()
               ? std::string()
               : std::to_string(result.mismatches()) + " of " + std::to_string(result.compared()) +
                     " values differ in the co-simulation; " + result.failure;
  };
  if (const std::string why = run(input, expected, false); !why.empty()) return why;
  const std::size_t length = input.extent<'L'>();
  const auto first_sequence = [&](const TensorBCL<std::int8_t>& tensor) {
    return TensorBCL<std::int8_t>({1, channels, length}, {tensor.data(), tensor.data() + channels * length});
  };
  const auto first = first_sequence(input), first_out = first_sequence(expected);
  for (std::size_t begin = 0; begin < length;) {
    const std::size_t end = std::min<std::size_t>(length, begin + 1 + random() % 12);
    const std::string why = run(slice_time(first, begin, end), slice_time(first_out, begin, end), begin > 0);
    if (!why.empty()) return "decode from time " + std::to_string(begin) + ": " + why;
    begin = end;
  }
  return "";
}

int run(std::uint64_t layers, std::uint64_t seed, std::uint64_t only) {
  const auto testbench = cosim::make_testbench(kLanes, {}, cosim::make_unit(kLanes, {}, {}, {}));
  std::map<std::string, Totals> kinds;
  std::uint64_t failures = 0;
  for (std::uint64_t number = 0; number < layers; ++number) {
    if (only != UINT64_MAX && number != only) continue;
    const Drawn drawn = draw(seed, number);
    const std::string why = check_layer(*testbench, drawn, seed, number, kinds[drawn.kind]);
    if (why.empty()) continue;
    std::cout << "layer " << number << " of seed " << seed << " (" << drawn.kind << "): " << why
              << "; again: random_layers_test " << layers << " " << seed << " " << number << "\n";
    ++failures;
  }
  std::int64_t exact = 0, all = 0;
  for (const auto& [kind, t] : kinds) {
    std::cout << kind << ": " << t.layers << " layers, " << t.exact << " exact; " << t.points
              << " points certified (" << t.tail_points
              << " through the RTL as well), the golden leaves exact "
              << "arithmetic in " << t.golden_leaves_oracle << "; " << t.elements << " values and "
              << t.cycles << " cycles compared\n";
    exact += t.exact;
    all += t.layers;
    if (t.points == 0 || t.elements == 0) ++failures;
  }
  std::cout << all << " layers of seed " << seed << ", " << exact << " exact, " << failures << " failures\n";
  return failures == 0 && all > 0 ? 0 : 1;
}

}  // namespace
}  // namespace quasim::test

extern "C" int sc_main(int argc, char** argv) {  // as the SystemC library expects it
  if (argc < 2 || argc > 4) {
    std::cerr << "usage: random_layers_test LAYERS [SEED [ONLY]]\n";
    return 2;
  }
  const auto word = [&](int i, std::uint64_t otherwise) {
    return i < argc ? std::strtoull(argv[i], nullptr, 10) : otherwise;
  };
  return quasim::test::run(word(1, 0), word(2, 1), word(3, UINT64_MAX));
}
