#include "tests/cosim/cosim_test_main.hpp"

#include <cstdio>

namespace quasim::test {
namespace {

std::unique_ptr<cosim::Testbench> the_testbench;
std::size_t the_lanes = 0;
std::uint64_t compared = 0;

}  // namespace

cosim::Testbench& testbench() {
  return *the_testbench;
}
std::size_t lanes() {
  return the_lanes;
}

cosim::JobResult stream(const LayerProgram& program, const TensorBCL<std::int8_t>& input,
                        const TensorBCL<std::int8_t>& expected, const cosim::StallOptions& stalls) {
  testbench().load(program);
  cosim::Job job;
  job.input = &input;
  job.expected = &expected;
  job.stalls = stalls;
  job.bus = {0.2, stalls.seed};
  cosim::JobResult result = testbench().run(job);
  compared += result.compared();
  return result;
}

void count_compared(std::uint64_t comparisons) {
  compared += comparisons;
}

::testing::AssertionResult agrees(const cosim::JobResult& result) {
  if (result.agrees()) return ::testing::AssertionSuccess();
  return ::testing::AssertionFailure() << "compared " << result.compared() << ", mismatches "
                                       << result.mismatches() << ", failure '" << result.failure << "'";
}

bool lists_tests(int& argc, char** argv) {
  ::testing::InitGoogleTest(&argc, argv);
  return ::testing::GTEST_FLAG(list_tests) && RUN_ALL_TESTS() == 0;
}

int run_all_tests(std::size_t lane_count, const sc::PipelineConfig& config,
                  std::unique_ptr<cosim::RtlUnit> rtl) {
  the_lanes = lane_count;
  the_testbench = cosim::make_testbench(lane_count, config, std::move(rtl));
  const int code = RUN_ALL_TESTS();
  the_testbench.reset();  // before the statics of Verilator, which it needs
  std::printf("compared: %llu\n", static_cast<unsigned long long>(compared));
  return code != 0 || compared == 0 ? 1 : 0;
}

}  // namespace quasim::test
