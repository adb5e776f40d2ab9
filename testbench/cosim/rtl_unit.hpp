// The RTL as the testbench sees it: pins, AXI4-Lite, and nothing of the simulator that runs it.
#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>

#include "cosim/job.hpp"
#include "cosim/pin_log.hpp"
#include "cosim/verilated_abi.hpp"
#include "sc/counters.hpp"
#include "types/program.hpp"

namespace quasim::cosim {

/// Where the RTL's pins were not what the SystemC model's were.
struct PinDifference {
  std::string pin;
  std::uint64_t cycle = 0;  ///< of the run, from 0
  std::uint64_t rtl = 0, model = 0;
};

class RtlUnit {
 public:
  virtual ~RtlUnit() = default;

  virtual std::size_t lanes() const = 0;
  /// Puts the unit through reset.
  virtual void reset() = 0;

  /// AXI4-Lite. Throws InputError when the unit does not answer within 1000 cycles; an error response is an
  /// answer.
  struct Response {
    std::uint32_t data;
    bool okay;
  };
  virtual Response axil_write(std::uint32_t address, std::uint32_t data) = 0;
  virtual Response axil_read(std::uint32_t address) = 0;

  /// A run: what the following batches are compared with.
  struct Stream {
    const std::int8_t* expected_beats = nullptr;  ///< nullptr: nothing to compare with
    std::size_t beats = 0;
    std::size_t max_mismatches = 0;
  };
  virtual void start(const Stream& stream) = 0;
  /// Drives one batch of cycles; stops at the first pin that is not the model's.
  virtual void run(const PinBatch& batch) = 0;
  /// Leaves the bus alone. After the last batch.
  virtual void finish() = 0;

  struct Mismatch {
    std::size_t beat;
    std::uint64_t cycle;
    bool against_golden;  ///< otherwise against the model
  };
  struct Outcome {
    ElementCounts rtl_golden, rtl_model;
    std::uint64_t cycles_compared = 0;
    std::size_t beats = 0;
    bool diverged = false;
    PinDifference divergence;
    std::vector<Mismatch> mismatches;
    /// For each watched beat: acc, p, q, out, a value a lane.
    std::vector<std::array<std::vector<std::int64_t>, 4>> watched;
  };
  virtual const Outcome& outcome() const = 0;

  /// Streams `beats` at full rate and looks at nothing; returns the cycles it took. The yardstick of bench.
  virtual std::uint64_t run_bare(const std::int8_t* samples, std::size_t beats,
                                 std::size_t beats_per_token) = 0;
};

/// A Verilated quasim_top, after reset. `trace` empty: no waveform.
std::unique_ptr<RtlUnit> make_verilated_unit(const VerilatedAbi& abi, std::size_t lanes,
                                             const std::filesystem::path& trace);

// What a driver does over AXI4-Lite, with any unit.

/// Stops the unit, waits until it is empty, loads the layer and enables it. Throws InputError when the unit
/// refuses or is not what the register map says.
void load_program(RtlUnit& unit, const LayerProgram& program);
sc::Counters read_counters(RtlUnit& unit);
/// Stored samples, [C][3], oldest first. The unit is stopped for it and enabled again.
std::vector<std::int8_t> read_history(RtlUnit& unit, std::size_t channels);
void write_history(RtlUnit& unit, const std::vector<std::int8_t>& history);

}  // namespace quasim::cosim
