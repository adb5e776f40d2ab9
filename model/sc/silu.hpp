// Stage silu as a module: it fills the out register and holds the table.
#pragma once

#include <systemc>
#include <vector>

#include "sc/beat_types.hpp"
#include "sc/elastic.hpp"
#include "stages/silu.hpp"
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
    conv_bits_ = program.conv_bits;
    table_ = program.silu_table;
    saturated_ = 0;
  }

  /// Live outputs at a limit of int8.
  std::uint64_t saturated() const { return saturated_; }

 private:
  void on_edge() {
    transfer(*in.operator->(), *out.operator->(), [this](const QBeat<Lanes>& from, OutBeat<Lanes>& to) {
      std::uint32_t saturated = 0;
      for (std::size_t lane = 0; lane < Lanes; ++lane) {
        const bool live = lane < from.tag.live_lanes;
        to.data[lane] = live ? table_[stages::silu_index(from.q[lane], conv_bits_)] : std::int8_t{0};
        saturated += stages::silu_saturated(to.data[lane]) ? 1U : 0U;
      }
      to.tag = from.tag;
      saturated_ += saturated;
    });
  }

  int conv_bits_ = spec::kConvBitsDefault;
  std::vector<std::int8_t> table_;
  std::uint64_t saturated_ = 0;
};

}  // namespace quasim::sc
