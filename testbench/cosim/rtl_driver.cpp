// What a driver does with the unit over AXI4-Lite.
#include <string>

#include "cosim/rtl_unit.hpp"
#include "spec/error.hpp"
#include "stages/conv_acc.hpp"
#include "types/register_writes.hpp"

namespace quasim::cosim {
namespace {

void write(RtlUnit& unit, std::uint32_t address, std::uint32_t data) {
  if (!unit.axil_write(address, data).okay)
    throw InputError("RTL: refused the write of " + std::to_string(data) + " to address " +
                     std::to_string(address));
}

std::uint32_t read(RtlUnit& unit, std::uint32_t address) {
  const RtlUnit::Response response = unit.axil_read(address);
  if (!response.okay) throw InputError("RTL: refused the read of address " + std::to_string(address));
  return response.data;
}

void stop(RtlUnit& unit) {
  write(unit, spec::kRegControl, 0);
  for (int i = 0; i < 1000; ++i)
    if ((read(unit, spec::kRegStatus) >> spec::kStatusBusyLsb & 1) == 0) return;
  throw InputError("RTL: stays busy after Control.Enable = 0");
}

void enable(RtlUnit& unit) {
  write(unit, spec::kRegControl, 1U << spec::kControlEnableLsb);
}

std::uint64_t read_counter(RtlUnit& unit, std::uint32_t low, std::uint32_t high) {
  const std::uint64_t value = read(unit, low);
  return value | static_cast<std::uint64_t>(read(unit, high)) << 32;
}

}  // namespace

void load_program(RtlUnit& unit, const LayerProgram& program) {
  if (read(unit, spec::kRegId) != spec::kIdWord)
    throw InputError("RTL: the identification register is not QSM1");
  if (read(unit, spec::kRegVersion) != spec::kVersionWord)
    throw InputError("RTL: another register map version");
  const bool folded = (read(unit, spec::kRegCapability2) >> spec::kCapability2FoldedLsb & 1) != 0;
  const std::vector<RegisterWrite> writes = register_writes(program, folded);
  stop(unit);
  for (const RegisterWrite& step : writes) write(unit, step.address, step.data);
}

sc::Counters read_counters(RtlUnit& unit) {
  return {read_counter(unit, spec::kRegBeatsInLo, spec::kRegBeatsInHi),
          read_counter(unit, spec::kRegBeatsOutLo, spec::kRegBeatsOutHi),
          read_counter(unit, spec::kRegSatConvLo, spec::kRegSatConvHi),
          read_counter(unit, spec::kRegSatOutLo, spec::kRegSatOutHi)};
}

std::vector<std::int8_t> read_history(RtlUnit& unit, std::size_t channels) {
  stop(unit);
  std::vector<std::int8_t> history;
  for (std::uint32_t channel = 0; channel < channels; ++channel) {
    const std::uint32_t word = read(unit, spec::kHistoryBase + 4 * channel);
    for (std::size_t i = 0; i < stages::kHistoryTaps; ++i)
      history.push_back(static_cast<std::int8_t>(word >> (8 * i)));
  }
  enable(unit);
  return history;
}

void write_history(RtlUnit& unit, const std::vector<std::int8_t>& history) {
  stop(unit);
  for (std::uint32_t channel = 0; channel * stages::kHistoryTaps < history.size(); ++channel)
    write(unit, spec::kHistoryBase + 4 * channel,
          word_of(history.data() + channel * stages::kHistoryTaps, stages::kHistoryTaps));
  enable(unit);
}

}  // namespace quasim::cosim
