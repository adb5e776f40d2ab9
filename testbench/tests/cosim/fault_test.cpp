// Every planted RTL fault must be seen. Usage: FAULT [PROBABILITY], of bus traffic beside the streams;
// without an argument it lists them. none_checked has no fault, and checkers bound to it.
#include <cstdlib>
#include <iostream>
#include <systemc>

#include "cosim/testbench.hpp"
#include "tests/cosim/faults/faulty_units.hpp"
#include "tests/cosim/random_layer.hpp"

namespace quasim::test {
namespace {

constexpr std::size_t kLanes = cosim::kFaultyUnitLanes;

/// Layers that between them reach ties, both clamps, one group and several, several sequences and
/// backpressure; beats that are alone in the pipeline, too.
int catch_fault(const std::string& fault, double traffic) {
  sc::PipelineConfig config;
  config.max_channels = 4096;  // as the units of faults/CMakeLists.txt
  const auto testbench = cosim::make_testbench(kLanes, config, cosim::make_faulty_unit(fault));
  std::mt19937_64 random(20260402);
  std::uint64_t compared = 0, accesses = 0;
  for (int attempt = 0; attempt < 40; ++attempt) {
    const int channels = attempt % 2 == 0 ? 3 : 18;
    const LayerProgram program = random_program(random, channels, 4);
    const auto input = random_input(random, 2, static_cast<std::size_t>(channels), 30);
    const auto expected = expected_output(program, input);
    cosim::Job job;
    job.input = &input;
    job.expected = &expected;
    const auto seed = static_cast<std::uint64_t>(attempt + 1);
    job.stalls = {0.2, 0.4, seed};
    if (attempt % 4 == 3) job.stalls = {0.9, 0.1, seed};  // beats far apart
    job.bus = {traffic, seed};
    testbench->load(program);
    const cosim::JobResult result = testbench->run(job);
    compared += result.compared();
    accesses += result.bus.all();
    if (result.model_golden.mismatches != 0) {
      std::cout << fault << ": the SystemC model is at fault, not the RTL\n";
      return 1;
    }
    if (!result.agrees()) {
      // What a failed job leaves behind must not take the next layer with it: the same job again is told the
      // same.
      testbench->load(program);
      const cosim::JobResult again = testbench->run(job);
      if (again.failure != result.failure || again.agrees()) {
        std::cout << fault << ": the job after it ended otherwise: '" << again.failure << "'\n";
        return 1;
      }
      std::cout << fault << ": caught in stream " << attempt << ": "
                << (result.failure.empty() ? std::to_string(result.rtl_golden.mismatches) + " values differ"
                                           : result.failure)
                << "\n";
      return 0;
    }
  }
  std::cout << fault << ": NOT caught in " << compared << " comparisons and " << accesses
            << " accesses over the bus\n";
  return 1;
}

}  // namespace
}  // namespace quasim::test

int sc_main(int argc, char** argv) {
  if (argc == 2 || argc == 3) return quasim::test::catch_fault(argv[1], argc == 3 ? std::atof(argv[2]) : 0.0);
  for (const std::string& fault : quasim::cosim::fault_names()) std::cout << fault << "\n";
  return 2;
}
