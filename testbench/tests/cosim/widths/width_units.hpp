// Verilated units of other widths than the default's.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "cosim/rtl_unit.hpp"
#include "sc/config.hpp"

namespace quasim::cosim {

constexpr std::size_t kWidthUnitLanes = QUASIM_WIDTH_LANES;

struct WidthUnit {
  std::string name;
  sc::PipelineConfig config;  ///< what it was verilated with
  const VerilatedAbi& (*abi)();
};
const std::vector<WidthUnit>& width_units();

}  // namespace quasim::cosim
