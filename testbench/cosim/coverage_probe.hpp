// Counts functional coverage in the SystemC pipeline, from what its registers hold at each edge.
#pragma once

#include "cosim/coverage.hpp"
#include "cosim/driver.hpp"
#include "sc/pipeline.hpp"
#include "stages/fused.hpp"

namespace quasim::cosim {

template <std::size_t Lanes>
class CoverageProbe {
 public:
  using Pipeline = sc::Pipeline<Lanes>;
  using Flow = typename Pipeline::Flow;

  explicit CoverageProbe(const LayerProgram& program)
      : stage_(program.stage()),
        groups_((static_cast<std::size_t>(program.channels()) + Lanes - 1) / Lanes),
        last_is_full_(static_cast<std::size_t>(program.channels()) % Lanes == 0) {}

  void note(const Flow& flow, const SourceLink<Lanes>& link, const Pipeline& pipeline, bool m_ready) {
    const bool s_ready = pipeline.ready();
    note_waits(flow, link.valid(), s_ready, pipeline.output().valid(), pipeline.output_is_full(), m_ready);
    if (link.valid() && s_ready) note_input(link.payload());
    if (flow.moves[Flow::kFetch]) note_history(pipeline.fetch().payload().tag.group);
    if (flow.moves[Flow::kProduct]) note_product(pipeline.product().payload());
    if (flow.moves[Flow::kQ]) note_index(pipeline.q().payload());
    if (flow.moves[Flow::kOut]) note_output(pipeline.out().payload());
    ++cycle_;
  }
  const StreamCoverage& counts() const { return counts_; }

 private:
  void note_waits(const Flow& flow, bool s_valid, bool s_ready, bool m_valid, bool full, bool m_ready) {
    for (std::size_t i = 0; i < counts_.place.size(); ++i)
      counts_.place[i] += flow.holds[i] && !flow.moves[i];
    counts_.edge[0] += m_valid && !m_ready && !full;
    counts_.edge[1] += m_valid && !m_ready && full;
    counts_.edge[2] += s_valid && !s_ready;
    counts_.edge[3] += !s_valid;
  }

  void note_input(const sc::SampleBeat<Lanes>& beat) {
    const bool is_last = group_ + 1 == groups_;
    const bool full = !is_last || last_is_full_;
    counts_.group[group_ == 0 && is_last ? (full ? 0 : 1)
                  : is_last              ? (full ? 2 : 3)
                  : group_ == 0          ? 4
                                         : 5] += 1;
    counts_.sequence[group_ != 0 ? 2 : beat.first ? 0 : 1] += 1;
    counts_.last[(is_last ? 0U : 2U) + (beat.last ? 1U : 0U)] += 1;
    group_ = is_last ? 0 : group_ + 1;
  }

  void note_history(std::uint32_t group) {
    counts_.history[fetched_cycle_ + 1 == cycle_ && fetched_group_ == group ? 1 : 0] += 1;
    fetched_cycle_ = cycle_;
    fetched_group_ = group;
  }

  void note_product(const sc::ProductBeat<Lanes>& beat) {
    if (stage_.is_fused()) {
      for (std::size_t lane = 0; lane < beat.tag.live_lanes; ++lane)
        counts_.clamp_u[beat.p[lane] < 0 ? 0 : beat.p[lane] >> spec::kThresholdBits == 0 ? 1 : 2] += 1;
      return;
    }
    const int shift = stage_.shift_bits;
    const std::int64_t half = shift > 0 ? std::int64_t{1} << (shift - 1) : 0;
    const std::int64_t mask = (std::int64_t{1} << shift) - 1;
    const unsigned half_away = stage_.rounding == Rounding::kHalfAway ? 4 : 0;
    const std::int64_t greatest = (std::int64_t{1} << (stage_.conv_bits - 1)) - 1;
    for (std::size_t lane = 0; lane < beat.tag.live_lanes; ++lane) {
      const std::int64_t p = beat.p[lane], below = p >> shift;
      if (shift > 0 && (p & mask) == half)
        counts_.tie[half_away + (p < 0 ? 2U : 0U) + static_cast<unsigned>(below & 1)] += 1;
      if (below >= greatest || below < -greatest - 1) note_clamp(p, greatest);
    }
  }

  void note_clamp(std::int64_t p, std::int64_t greatest) {
    const std::int64_t rounded = spec::round_shift(p, stage_.shift_bits, stage_.rounding);
    counts_.clamp_q[0] += rounded < -greatest - 1;
    counts_.clamp_q[1] += rounded > greatest;
  }

  void note_index(const sc::QBeat<Lanes>& beat) {
    if (!stage_.is_fused()) {
      if (stage_.conv_bits != spec::kSampleBits) return;
      for (std::size_t lane = 0; lane < beat.tag.live_lanes; ++lane)
        counts_.entry[static_cast<std::uint8_t>(beat.q[lane] + 128)] += 1;
      return;
    }
    const FusedTables& tables = stage_.fused;
    const int cell_shift = spec::kThresholdBits - tables.cell_bits();
    for (std::size_t lane = 0; lane < beat.tag.live_lanes; ++lane) {
      const auto [u, guess] = stages::fused_parts(beat.q[lane]);
      const bool is_near = guess < tables.near.size(), reached = stages::fused_reached(tables, guess, u);
      const bool rising = static_cast<int>(guess) + (reached ? 1 : 0) > tables.turn;
      counts_.cell[u >> cell_shift] += 1;
      if (is_near)
        counts_.near[guess] += 1;
      else
        counts_.far[(guess - tables.near.size()) % spec::kFarRows] += 1;
      counts_.threshold[(is_near ? 0U : 4U) + (reached ? 2U : 0U) + (rising ? 1U : 0U)] += 1;
    }
  }

  void note_output(const sc::OutBeat<Lanes>& beat) {
    if (beat.saturated == 0) return;
    for (std::size_t lane = 0; lane < beat.tag.live_lanes; ++lane) {
      counts_.clamp_out[0] += beat.data[lane] == -128;
      counts_.clamp_out[1] += beat.data[lane] == 127;
    }
  }

  StageProgram stage_;
  std::size_t groups_, group_ = 0;  ///< beats of a time step, and those of it that came
  bool last_is_full_;               ///< every lane of the last one holds a channel
  std::uint64_t cycle_ = 2, fetched_cycle_ = 0;
  std::uint32_t fetched_group_ = 0;
  StreamCoverage counts_;
};

}  // namespace quasim::cosim
