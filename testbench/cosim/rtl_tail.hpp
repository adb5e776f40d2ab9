// The RTL's requant and silu stages as an implementation to enumerate.
#pragma once

#include <memory>

#include "cosim/verilated_abi.hpp"
#include "exact/steps.hpp"
#include "sc/config.hpp"
#include "types/program.hpp"

namespace quasim::cosim {

/// The stages of a Verilated quasim_tail_harness, of that configuration, loaded with the program. Covers
/// slices that have a channel. The program must outlive it. Throws InputError where the program does not fit
/// it.
std::unique_ptr<exact::PointSource> make_rtl_tail(const VerilatedAbi& abi, const sc::PipelineConfig& config,
                                                  const LayerProgram& program);

}  // namespace quasim::cosim
