// The RTL's requant and silu stages as an implementation to enumerate.
#pragma once

#include <memory>

#include "exact/steps.hpp"
#include "types/program.hpp"

namespace quasim::cosim {

/// The Verilated stages, configured with the program. Covers slices that have a channel. The program must
/// outlive it. Throws InputError for widths or table sizes that were not verilated.
std::unique_ptr<exact::PointSource> make_rtl_tail(const LayerProgram& program);

}  // namespace quasim::cosim
