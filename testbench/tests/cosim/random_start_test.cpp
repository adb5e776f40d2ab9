// The unit from random beginnings: every flip-flop and memory word that nothing resets starts at random, and
// so does every value that the RTL leaves open; the same streams must come out. Usage: SEEDS.
// Verilator's headers come first: after SystemC's they take its time for theirs.
#include "Vrandom_start.h"
#include "cosim/verilated_class.hpp"

#include <cstdlib>
#include <iostream>
#include <systemc>

#include "cosim/testbench.hpp"
#include "tests/cosim/forwarding_unit.hpp"
#include "tests/cosim/random_layer.hpp"

namespace quasim::test {
namespace {

constexpr std::size_t kLanes = 4;
int start_seed = 1;

/// Verilated with --x-initial unique and --x-assign unique; the context is told to draw before the class is
/// made.
class RandomTop final : public Vrandom_start {
 public:
  RandomTop(VerilatedContext* context, const char* name) : Vrandom_start(drawing(context), name) {}

 private:
  static VerilatedContext* drawing(VerilatedContext* context) {
    context->randReset(2);
    context->randSeed(start_seed);
    return context;
  }
};

std::unique_ptr<cosim::RtlUnit> unit_from(int seed) {
  start_seed = seed;
  static const cosim::VerilatedAbi abi =
      cosim::VerilatedClass<RandomTop, false>::abi<cosim::verilated_ports::of_unit<RandomTop>>();
  return cosim::make_verilated_unit(abi, kLanes, {});
}

int run(int seeds) {
  auto forwarding = std::make_unique<ForwardingUnit>(unit_from(1));
  ForwardingUnit& unit = *forwarding;
  const auto testbench = cosim::make_testbench(kLanes, {}, std::move(forwarding));
  std::mt19937_64 random(20261201);
  std::uint64_t compared = 0, cycles = 0;
  bool drawn = false;
  for (int seed = 1; seed <= seeds; ++seed) {
    unit.exchange(unit_from(seed));
    // A memory that nobody wrote holds what was drawn.
    drawn = drawn || unit.axil_read(spec::kWeightBase).data != 0;
    for (int layer = 0; layer < 2; ++layer) {
      const int channels = 1 + static_cast<int>(random() % 11);
      const LayerProgram program = layer == 0 ? random_two_step_program(random, channels, 4)
                                              : random_fused_program(random, channels, 3);
      const auto input = random_input(random, 2, static_cast<std::size_t>(channels), 12);
      const auto expected = expected_output(program, input);
      testbench->load(program);
      for (const bool continues : {true, false}) {
        cosim::Job job;
        job.input = &input;
        job.expected = continues ? nullptr : &expected;
        job.continues = continues;
        job.stalls = {0.3, 0.3, static_cast<std::uint64_t>(seed)};
        const cosim::JobResult result = testbench->run(job);
        if (!result.agrees()) {
          std::cout << "seed " << seed << ": " << result.mismatches() << " values differ; " << result.failure
                    << "\n";
          return 1;
        }
        compared += result.compared();
        cycles += result.cycles_compared;
      }
      testbench->history();
    }
  }
  std::cout << seeds << " beginnings: " << compared << " values and " << cycles << " cycles compared\n";
  if (!drawn) std::cout << "nothing began at random\n";
  return drawn && compared > 0 ? 0 : 1;
}

}  // namespace
}  // namespace quasim::test

int sc_main(int argc, char** argv) {
  return quasim::test::run(argc > 1 ? std::atoi(argv[1]) : 16);
}
