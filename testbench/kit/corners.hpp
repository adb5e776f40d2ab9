// Corner streams: what a layer's own program may never reach. Each has a program of its own for the same
// unit: ties under both rules, no shift, both clamps, every entry of the table, other taps than the layer's.
#pragma once

#include <string>
#include <vector>

#include "types/program.hpp"

namespace quasim::kit {

struct Corner {
  std::string name;     ///< of the stream
  std::string meaning;  ///< for the manifest
  LayerProgram program;
  TensorBCL<std::int8_t> windows;  ///< [window, C, K]; each window is a sequence of its own
};

/// The corners of a unit that holds `program`: as many channels, the same widths, dataflow and depths. In
/// two_step every p from below the low clamp to above the high one, in steps of 2^S/4; in fused, which keeps
/// the tables of `program`, both sides of each step of out and of both clamps. `folded` keeps silu_table,
/// which must fold; otherwise no two entries near each other are alike.
std::vector<Corner> corner_streams(const LayerProgram& program, bool folded);

}  // namespace quasim::kit
