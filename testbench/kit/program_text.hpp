// The layer program as source text: a SystemVerilog package, a C header, and the list of AXI4-Lite writes.
#pragma once

#include <string>
#include <vector>

#include "types/program.hpp"
#include "types/register_writes.hpp"

namespace quasim::kit {

/// Package quasim_layer_pkg: sizes, scalars, the register addresses that a bench needs, and functions for the
/// memories. `lanes` as the kit's streams have them; `folded`: for a unit that holds silu_table folded.
std::string systemverilog_package(const LayerProgram& program, std::size_t lanes, std::size_t writes,
                                  bool folded);

/// Header quasim_layer.h: scalars, memories and the write list.
std::string c_header(const LayerProgram& program, std::size_t lanes, bool folded);

/// One write a line, 16 digits: address, data.
std::string writes_hex(const std::vector<RegisterWrite>& writes);
/// index,address,data,register
std::string writes_csv(const std::vector<RegisterWrite>& writes);

}  // namespace quasim::kit
