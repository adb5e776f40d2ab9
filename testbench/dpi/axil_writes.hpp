// The AXI4-Lite writes that load a layer program into the unit, in order.
#pragma once

#include <cstdint>
#include <vector>

#include "types/program.hpp"

namespace quasim::dpi {

struct AxilWrite {
  std::uint32_t address = 0;
  std::uint32_t data = 0;
};

/// From Control = 0 to Control = 1; every history is written as 0. The unit must drain between the first write and the
/// second: wait for Status.Busy = 0.
std::vector<AxilWrite> axil_writes(const LayerProgram& program);

}  // namespace quasim::dpi
