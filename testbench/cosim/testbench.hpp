// The SystemC testbench: driver, pipeline model, monitor, and beside them the RTL, held together pin by pin.
#pragma once

#include <memory>

#include "cosim/job.hpp"
#include "cosim/lanes.hpp"
#include "cosim/rtl_unit.hpp"
#include "sc/config.hpp"
#include "types/program.hpp"

namespace quasim::cosim {

/// One per process: SystemC elaborates once. Layers are loaded one after the other, as into the chip.
class Testbench {
 public:
  virtual ~Testbench() = default;
  /// Loads a layer into the model and the RTL, history zero. After a job that failed the RTL goes through
  /// reset first, so that a unit that stays busy does not take the next layer with it.
  virtual void load(const LayerProgram& program) = 0;
  /// Exchanges the unit, model and RTL, for one of other parameters. Between jobs; a layer must be loaded
  /// next.
  virtual void exchange(const sc::PipelineConfig& config, std::unique_ptr<RtlUnit> rtl) = 0;
  /// Streams one job. Never throws for a difference, nor where the RTL does not answer: that is in the
  /// result.
  virtual JobResult run(const Job& job) = 0;
  /// Decode state of the loaded layer, [C][3] oldest first; with an RTL, both sides are read and must be
  /// equal.
  virtual std::vector<std::int8_t> history() = 0;
  virtual void set_history(const std::vector<std::int8_t>& history) = 0;
};

/// `rtl` may be nullptr: the model alone. Throws InputError for a lane count that is none of kTestbenchLanes.
std::unique_ptr<Testbench> make_testbench(std::size_t lanes, const sc::PipelineConfig& config,
                                          std::unique_ptr<RtlUnit> rtl);

}  // namespace quasim::cosim
