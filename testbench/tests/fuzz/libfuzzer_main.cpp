// One reader as a libFuzzer target: compiled once for each, with QUASIM_FUZZ_TARGET its name.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <exception>
#include <iostream>

#include "tests/fuzz/targets.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const quasim::fuzz::Target& target = quasim::fuzz::target_of(QUASIM_FUZZ_TARGET);
  try {
    quasim::fuzz::run(target, {reinterpret_cast<const char*>(data), size});
  } catch (const std::exception& finding) {
    std::cerr << "FINDING: " << finding.what() << "\n";
    std::abort();
  }
  return 0;
}
