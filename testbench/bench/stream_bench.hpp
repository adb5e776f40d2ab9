// How fast the cycle-accurate sides run, in one sitting.
#pragma once

#include "io/bundle.hpp"
#include "types/program.hpp"

namespace quasim::bench {

/// Medians over interleaved rounds: cycles a second, and the ratios of what ran in the same round.
struct StreamRates {
  double bare_rtl = 0;  ///< Verilated model in a plain loop, nothing checked
  double cosim = 0;     ///< RTL, SystemC model and every checker
  double systemc = 0;   ///< SystemC model with driver and monitor
  double cosim_over_bare = 0;
  double cosim_with_bus_over_bare =
      0;  ///< with bus traffic, every pin of the bus compared, and functional coverage
  double systemc_over_sc_fixed =
      0;  ///< the same pipeline with sc_clock, signals and sc_fixed; 0: not measured
  std::size_t lanes = 0;
  std::uint64_t cycles = 0;  ///< of one measured run
};

/// Throws InputError when a side disagrees with the golden: a wrong result has no speed.
StreamRates measure_streams(const Bundle& bundle, const LayerProgram& program, std::size_t lanes, int rounds);

}  // namespace quasim::bench
