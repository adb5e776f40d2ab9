// Stage silu as a module: it fills the out register and holds the table or the thresholds.
#pragma once

#include <systemc>

#include "sc/beat_types.hpp"
#include "sc/elastic.hpp"
#include "stages/evaluate.hpp"
#include "types/program.hpp"

namespace quasim::sc {

template <std::size_t Lanes>
class Silu final : public sc_core::sc_module {
 public:
  sc_core::sc_port<StreamIn<QBeat<Lanes>>> in{"in"};
  sc_core::sc_port<StreamOut<OutBeat<Lanes>>> out{"out"};

  SC_HAS_PROCESS(Silu);
  Silu(sc_core::sc_module_name name, const CycleClock& clock) : sc_module(name) {
    SC_METHOD(on_edge);
    sensitive << clock.edge();
    dont_initialize();
  }

  void load(const LayerProgram& program) {
    stage_ = program.stage();
    saturated_ = 0;
  }

  /// Live elements that the clamp of requant changed, counted as they leave the q register.
  std::uint64_t saturated() const { return saturated_; }

 private:
  void on_edge() {
    transfer(in, out, [this](const QBeat<Lanes>& from, OutBeat<Lanes>& to) {
      to.saturated = 0;
      if (stage_.is_fused())
        for (std::size_t lane = 0; lane < Lanes; ++lane)
          to.data[lane] = stages::fused_silu(stage_.fused, from.q[lane]);
      else
        for (std::size_t lane = 0; lane < Lanes; ++lane)
          to.data[lane] = stage_.silu_table[stages::silu_index(from.q[lane], stage_.conv_bits)];
      for (std::size_t lane = 0; lane < Lanes; ++lane) {
        if (lane >= from.tag.live_lanes) to.data[lane] = 0;
        to.saturated += stages::silu_saturated(to.data[lane]) ? 1U : 0U;
      }
      to.tag = from.tag;
      saturated_ += from.saturated;
    });
  }

  StageProgram stage_;
  std::uint64_t saturated_ = 0;
};

}  // namespace quasim::sc
