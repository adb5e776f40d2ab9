// SystemC elaborates once a process: each test program has one testbench, made before the tests run.
#pragma once

#include <gtest/gtest.h>

#include "cosim/testbench.hpp"

namespace quasim::test {

/// The process's testbench.
cosim::Testbench& testbench();
std::size_t lanes();

/// Loads and streams; adds the elements compared to the process's count.
cosim::JobResult stream(const LayerProgram& program, const TensorBCL<std::int8_t>& input,
                        const TensorBCL<std::int8_t>& expected, const cosim::StallOptions& stalls = {});

/// Everything a result must be, with the reason where it is not.
::testing::AssertionResult agrees(const cosim::JobResult& result);

/// Adds what a test compared otherwise than with stream() to the process's count.
void count_compared(std::uint64_t comparisons);

/// Takes Google Test's options out of the command line. True where they ask for the list of tests, which is
/// then printed: CTest makes an entry of each.
bool lists_tests(int& argc, char** argv);

/// Runs all tests on this unit; fails when nothing was compared.
int run_all_tests(std::size_t lanes, const sc::PipelineConfig& config, std::unique_ptr<cosim::RtlUnit> rtl);

}  // namespace quasim::test
