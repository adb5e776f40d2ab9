#include "cosim/coverage.hpp"

#include <cstdio>

namespace quasim::cosim {
namespace {

/// NAME.0, NAME.1, ... from `first` on.
template <class Counts>
void add_each(Bins& bins, const std::string& name, const Counts& counts, std::size_t size,
              std::size_t first = 0) {
  for (std::size_t i = first; i < size; ++i) bins[name + "." + std::to_string(i)] += counts[i];
}

std::string hex(std::uint32_t address) {
  char text[16];
  std::snprintf(text, sizeof text, "0x%08x", address);
  return text;
}

}  // namespace

void StreamCoverage::add_to(Bins& bins, const spec::UnitParameters& unit) const {
  if ((unit.dataflows & 1) != 0) {
    for (unsigned i = 0; i < tie.size(); ++i)
      bins[std::string("tie.") + (i & 4 ? "half_away." : "half_even.") + (i & 2 ? "negative." : "positive.") +
           (i & 1 ? "odd" : "even")] += tie[i];
    bins["clamp.q_low"] += clamp_q[0];
    bins["clamp.q_high"] += clamp_q[1];
    if (unit.conv_bits == spec::kSampleBits) add_each(bins, "table.entry", entry, entry.size());
  }
  bins["clamp.out_low"] += clamp_out[0];
  bins["clamp.out_high"] += clamp_out[1];
  if ((unit.dataflows & 2) != 0) {
    bins["clamp.u_low"] += clamp_u[0];
    bins["clamp.u_inside"] += clamp_u[1];
    bins["clamp.u_high"] += clamp_u[2];
    for (unsigned i = 0; i < threshold.size(); ++i)
      bins[std::string("step.") + (i & 4 ? "far." : "near.") + (i & 2 ? "at_or_above." : "below.") +
           (i & 1 ? "rising" : "falling")] += threshold[i];
    add_each(bins, "step.cell", cell, std::size_t{1} << unit.cell_bits);
    add_each(bins, "step.near", near, static_cast<std::size_t>(unit.near_blocks * spec::kNearBlockRows));
    add_each(bins, "step.far", far, far.size());
  }
  add_each(bins, "stall.place", place, place.size());
  bins["stall.output_one_waits"] += edge[0];
  bins["stall.output_two_wait"] += edge[1];
  bins["stall.input_waits"] += edge[2];
  bins["stall.input_absent"] += edge[3];
  static constexpr const char* kGroups[] = {"only.full",    "only.partial", "last.full",
                                            "last.partial", "first",        "middle"};
  for (std::size_t i = 0; i < group.size(); ++i)
    if (unit.lanes > 1 || (i != 1 && i != 3)) bins[std::string("group.") + kGroups[i]] += group[i];
  bins["sequence.begins"] += sequence[0];
  bins["sequence.continues"] += sequence[1];
  bins["sequence.later_group"] += sequence[2];
  bins["last.absent_at_end"] += last[0];
  bins["last.at_end"] += last[1];
  bins["last.absent_before"] += last[2];
  bins["history.stored"] += history[0];
  bins["history.forwarded"] += history[1];
}

void BusCoverage::add_to(Bins& bins, const spec::UnitParameters& unit) const {
  for (std::size_t i = 0; i < registers.size(); ++i) {
    const spec::RegisterEntry& entry = spec::kRegisters[i];
    const std::string name = "register." + hex(entry.address);
    bins[name + ".read"] += registers[i][kRead];
    bins[name + ".partial_strobe"] += registers[i][kPartialStrobe];
    if (spec::register_mask(i, unit) != ~std::uint32_t{0})
      bins[name + ".refused_bits"] += registers[i][kRefusedBits];
    if (entry.always)
      bins[name + ".written"] += registers[i][kWritten];
    else if (entry.writable)
      bins[name + ".refused_running"] += registers[i][kRefusedRunning];
    for (std::size_t counter = 0; counter < std::size(spec::kCounterRegisters); ++counter)
      if (entry.address == spec::kCounterRegisters[counter][0])
        bins["counter." + std::to_string(counter) + ".read"] += registers[i][kRead];
  }
  for (std::size_t i = 0; i < windows.size(); ++i) {
    if (spec::window_bytes(i, unit) == 0) continue;
    const std::string name = "window." + hex(spec::kWindowBases[i]);
    bins[name + ".read_refused_running"] += windows[i][kRead];
    bins[name + ".write_refused_running"] += windows[i][kRefusedRunning];
    bins[name + ".partial_strobe"] += windows[i][kPartialStrobe];
  }
  bins["status.busy"] += busy[0];
  bins["status.mid_token"] += busy[1];
  bins["bus.unmapped_read"] += unmapped_read;
  bins["bus.unmapped_write"] += unmapped_write;
  bins["bus.unaligned_read"] += unaligned_read;
  bins["bus.unaligned_write"] += unaligned_write;
  bins["bus.refused_in_a_stream"] += refused_in_a_stream;
  add_each(bins, "bus.address_first", address_first, kWaits);
  add_each(bins, "bus.data_first", data_first, kWaits, 1);
  add_each(bins, "bus.write_answer_waits", write_answer, kWaits);
  add_each(bins, "bus.read_answer_waits", read_answer, kWaits);
}

}  // namespace quasim::cosim
