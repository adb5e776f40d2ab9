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

void StreamCoverage::add_to(Bins& bins, const sc::PipelineConfig& config) const {
  if (config.two_step) {
    for (unsigned i = 0; i < tie.size(); ++i)
      bins[std::string("tie.") + (i & 4 ? "half_away." : "half_even.") + (i & 2 ? "negative." : "positive.") +
           (i & 1 ? "odd" : "even")] += tie[i];
    bins["clamp.q_low"] += clamp_q[0];
    bins["clamp.q_high"] += clamp_q[1];
    if (config.conv_bits == spec::kSampleBits) add_each(bins, "table.entry", entry, entry.size());
  }
  bins["clamp.out_low"] += clamp_out[0];
  bins["clamp.out_high"] += clamp_out[1];
  if (config.fused) {
    bins["clamp.u_low"] += clamp_u[0];
    bins["clamp.u_inside"] += clamp_u[1];
    bins["clamp.u_high"] += clamp_u[2];
    for (unsigned i = 0; i < threshold.size(); ++i)
      bins[std::string("step.") + (i & 4 ? "far." : "near.") + (i & 2 ? "at_or_above." : "below.") +
           (i & 1 ? "rising" : "falling")] += threshold[i];
    add_each(bins, "step.cell", cell, std::size_t{1} << config.cell_bits);
    add_each(bins, "step.near", near, static_cast<std::size_t>(config.near_rows));
    add_each(bins, "step.far", far, far.size());
  }
  add_each(bins, "stall.place", place, place.size());
  bins["stall.output_one_waits"] += edge[0];
  bins["stall.output_two_wait"] += edge[1];
  bins["stall.input_waits"] += edge[2];
  bins["stall.input_absent"] += edge[3];
  static constexpr const char* kGroups[] = {"only.full",    "only.partial", "last.full",
                                            "last.partial", "first",        "middle"};
  for (std::size_t i = 0; i < group.size(); ++i) bins[std::string("group.") + kGroups[i]] += group[i];
  bins["sequence.begins"] += sequence[0];
  bins["sequence.continues"] += sequence[1];
  bins["sequence.later_group"] += sequence[2];
  bins["last.absent_at_end"] += last[0];
  bins["last.at_end"] += last[1];
  bins["last.absent_before"] += last[2];
  bins["history.stored"] += history[0];
  bins["history.forwarded"] += history[1];
}

void BusCoverage::add_to(Bins& bins, const sc::PipelineConfig& config) const {
  const auto add_register = [&](std::uint32_t address, Kind only_here, const char* name) {
    const std::string prefix = "register." + hex(address);
    const auto& met = word[address / 4];
    bins[prefix + ".read"] += met[kRead];
    bins[prefix + ".partial_strobe"] += met[kPartialStrobe];
    bins[prefix + name] += met[only_here];
  };
  for (const std::uint32_t address : spec::kReadOnlyRegisters)
    add_register(address, kRefusedBits, ".refused_bits");
  for (const std::uint32_t address : spec::kWritableRegisters) {
    const bool always = address == spec::kRegControl;
    add_register(address, always ? kWritten : kRefusedRunning, always ? ".written" : ".refused_running");
  }
  for (std::size_t i = 0; i < kWindows; ++i) {
    const std::uint32_t base = spec::kWindowBases[i];
    if (!config.fused && (base == spec::kGuessBase || base == spec::kNearBase)) continue;
    const std::string name = "window." + hex(base);
    bins[name + ".read_refused_running"] += window[i][kRead];
    bins[name + ".write_refused_running"] += window[i][kRefusedRunning];
    bins[name + ".partial_strobe"] += window[i][kPartialStrobe];
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
  for (std::size_t i = 0; i < std::size(spec::kCounterRegisters); ++i)
    bins["counter." + std::to_string(i) + ".read"] += word[spec::kCounterRegisters[i][0] / 4][kRead];
}

}  // namespace quasim::cosim
