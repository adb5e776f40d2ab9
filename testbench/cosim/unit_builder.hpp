// Verilated units by their parameters: the default one is part of the program, any other is built when it is
// first asked for and kept.
#pragma once

#include <cstddef>
#include <filesystem>
#include <memory>

#include "cosim/rtl_tail.hpp"
#include "cosim/rtl_unit.hpp"
#include "cosim/verilated_abi.hpp"
#include "sc/config.hpp"

namespace quasim::cosim {

/// A Verilated module: quasim_top, or quasim_tail_harness for the stages alone.
struct UnitRequest {
  enum class Top { kUnit, kTail };

  Top top = Top::kUnit;
  std::size_t lanes = spec::kLanesDefault;  ///< of the unit; the tail has its own
  sc::PipelineConfig config;
  /// A directory with a quasim_top of the same ports and parameters, in SystemVerilog files of its own or of
  /// a folder generated/ below it; empty: the project's RTL.
  std::filesystem::path rtl;
};

/// Builds it first where it is not at hand, which takes Verilator, a C++ compiler and some seconds. What was
/// built is found again by everything that went into it, the text of the RTL included, so that a unit never
/// belongs to an older text. It is kept in $QUASIM_UNIT_CACHE, or in quasim/units of the user's cache
/// directory. Throws InputError where a parameter is out of range, and with the tool's own first complaint
/// where the RTL cannot be built.
const VerilatedAbi& verilated(const UnitRequest& request);

/// A quasim_top of those parameters, after reset. `rtl` and `trace` may be empty.
std::unique_ptr<RtlUnit> make_unit(std::size_t lanes, const sc::PipelineConfig& config,
                                   const std::filesystem::path& rtl, const std::filesystem::path& trace);
/// The stages alone, as wide as the program needs, configured with it; `folded`: those of a folded unit. The
/// program must outlive it.
std::unique_ptr<exact::PointSource> make_tail(const LayerProgram& program, const std::filesystem::path& rtl,
                                              bool folded = false);

}  // namespace quasim::cosim
