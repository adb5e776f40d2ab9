// AXI4-Lite beside a stream: a master that asks at random, and what every answer pin must be in every cycle.
//
// While a stream runs the unit is enabled, so that no configuration changes: registers can be read, Control
// can be written 1 again, and everything else is refused.
#pragma once

#include <array>
#include <cstdint>
#include <iterator>
#include <optional>
#include <random>

#include "cosim/coverage.hpp"
#include "cosim/job.hpp"
#include "cosim/pin_log.hpp"
#include "sc/counters.hpp"
#include "types/program.hpp"

namespace quasim::cosim {

/// What a read of each register says that changes by a write alone; entry n belongs to register n of the map.
class RegisterFile {
 public:
  /// Of a unit after reset.
  explicit RegisterFile(const spec::UnitParameters& unit);
  /// What remains of the writes that load the program. Registers that it does not need keep what they held.
  void load(const LayerProgram& program);

  const spec::UnitParameters& unit() const { return unit_; }
  std::uint32_t operator[](std::size_t number) const { return values_[number]; }
  void write(std::size_t number, std::uint32_t value) { values_[number] = value; }

 private:
  spec::UnitParameters unit_{};
  std::array<std::uint32_t, std::size(spec::kRegisters)> values_{};
};

/// The unit's side, cycle by cycle as docs/timing says.
class BusModel {
 public:
  /// Of a unit that holds what `registers` says and counted so far what `counters` says. `groups`: beats of a
  /// time step.
  BusModel(const RegisterFile& registers, const sc::Counters& counters, std::size_t groups);

  const BusAnswer& answer() const { return answer_; }
  /// One rising edge, with what the stream did before it.
  void step(const BusRequest& request, const PinCycle& pins);
  const BusCounts& counts() const { return counts_; }
  const BusCoverage& coverage() const { return coverage_; }

 private:
  enum class Read { kNone, kDecode, kAccess, kAnswer };

  void access(bool streams);
  std::uint32_t read_register(std::size_t number);
  void execute();
  BusCoverage::Kind kind_of_write(std::size_t number) const;
  void cover_write(std::optional<std::size_t> number, BusCoverage::Kind kind);
  std::optional<std::size_t> window_at(std::uint32_t address) const;
  void count(const PinCycle& pins);

  RegisterFile registers_;
  std::array<std::uint64_t, 4> counters_{};
  std::array<std::uint32_t, 4> high_{};
  std::size_t groups_ = 1, group_ = 0;  ///< beats of a time step, and those of it that came
  std::uint64_t inside_ = 0;            ///< beats in the pipeline
  Read read_ = Read::kNone;
  std::uint32_t ar_addr_ = 0;
  bool aw_held_ = false, w_held_ = false;
  std::uint32_t aw_addr_ = 0, w_data_ = 0, w_strb_ = 0;
  BusAnswer answer_;
  BusCounts counts_;
  BusCoverage coverage_;
  std::size_t address_waits_ = 0, data_waits_ = 0, write_waits_ = 0, read_waits_ = 0;  ///< cycles, 9 at most
};

/// A master that begins accesses at random: registers, windows, addresses where nothing is; address and data
/// of a write in any order, answers taken early or late, the next write before the last one's answer.
class BusMaster {
 public:
  explicit BusMaster(const BusTraffic& traffic)
      : coin_(traffic.probability, traffic.seed), random_(traffic.seed) {}

  /// What it drives in the next cycle. A valid bit stays until it was answered.
  const BusRequest& drive();
  /// The cycle's rising edge, with what the unit answered.
  void step(const BusAnswer& answer);
  /// Begins nothing new and takes every answer.
  void end() { ending_ = true; }
  bool has_ended() const;

 private:
  struct Write {
    std::uint32_t address, data, strobes;
  };

  Write some_write();
  std::uint32_t some_address();
  std::uint32_t below(std::uint32_t bound) { return static_cast<std::uint32_t>(random_() % bound); }

  StallPattern coin_;
  std::mt19937_64 random_;
  bool ending_ = false, reading_ = false;
  BusRequest request_;
  std::array<Write, 2> writes_{};  ///< the last two, by number
  /// Writes whose address, whose data was put on the bus, and that were answered.
  std::uint64_t addressed_ = 0, filled_ = 0, answered_ = 0;
};

/// A master and the unit's side, which answers as the RTL must: the bus of a run, cycle by cycle.
class BusTalk {
 public:
  BusTalk(const BusTraffic& traffic, const BusModel& unit) : master_(traffic), unit_(unit) {}

  /// The next cycle's bus pins, beside those of the stream.
  BusCycle cycle(const PinCycle& pins) {
    const BusCycle made{master_.drive(), unit_.answer()};
    master_.step(made.answer);
    unit_.step(made.request, pins);
    return made;
  }
  /// The master begins nothing new and takes every answer.
  void end() { master_.end(); }
  bool has_ended() const { return master_.has_ended(); }
  const BusModel& unit() const { return unit_; }

 private:
  BusMaster master_;
  BusModel unit_;
};

}  // namespace quasim::cosim
