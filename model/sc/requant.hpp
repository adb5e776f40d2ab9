// Stage requant as a module: it fills the product and q registers and holds the multiplier, the shift or the
// guess, and the bias words.
#pragma once

#include <array>
#include <systemc>
#include <vector>

#include "sc/beat_types.hpp"
#include "sc/elastic.hpp"
#include "stages/evaluate.hpp"
#include "types/program.hpp"

namespace quasim::sc {

template <std::size_t Lanes>
class Requant final : public sc_core::sc_module {
 public:
  sc_core::sc_port<StreamIn<AccBeat<Lanes>>> in{"in"};
  sc_core::sc_port<StreamOut<ProductBeat<Lanes>>> product_out{"product_out"};
  sc_core::sc_port<StreamIn<ProductBeat<Lanes>>> product_in{"product_in"};
  sc_core::sc_port<StreamOut<QBeat<Lanes>>> out{"out"};

  SC_HAS_PROCESS(Requant);
  Requant(sc_core::sc_module_name name, const CycleClock& clock) : sc_module(name) {
    SC_METHOD(on_edge);
    sensitive << clock.edge();
    dont_initialize();
  }

  void load(const LayerProgram& program) {
    stage_ = program.stage();
    bias_words_.assign((program.bias_words.size() + Lanes - 1) / Lanes, {});
    for (std::size_t channel = 0; channel < program.bias_words.size(); ++channel)
      bias_words_[channel / Lanes][channel % Lanes] = program.bias_words[channel];
  }

 private:
  void on_edge() {
    transfer(product_in, out, [this](const ProductBeat<Lanes>& from, QBeat<Lanes>& to) {
      to.saturated = stage_.is_fused() ? positions(from, to) : levels(from, to);
      to.tag = from.tag;
    });
    transfer(in, product_out, [this](const AccBeat<Lanes>& from, ProductBeat<Lanes>& to) {
      const std::int64_t* bias = bias_words_[from.tag.group].data();
      for (std::size_t lane = 0; lane < Lanes; ++lane)
        to.p[lane] = stages::requant_product(stage_.multiplier, from.acc[lane]) + bias[lane];
      to.tag = from.tag;
    });
  }

  /// two_step: q. Returns how many live lanes the clamp changed.
  std::uint32_t levels(const ProductBeat<Lanes>& from, QBeat<Lanes>& to) const {
    const int shift_bits = stage_.shift_bits, conv_bits = stage_.conv_bits;
    const Rounding rounding = stage_.rounding;
    std::uint32_t saturated = 0;
    for (std::size_t lane = 0; lane < Lanes; ++lane) {
      const auto [q, clamped] = stages::requant_round(from.p[lane], 0, shift_bits, rounding, conv_bits);
      to.q[lane] = q;
      saturated += clamped && lane < from.tag.live_lanes ? 1 : 0;
    }
    return saturated;
  }

  /// fused: u and the guessed rank.
  std::uint32_t positions(const ProductBeat<Lanes>& from, QBeat<Lanes>& to) const {
    const GuessCell* cells = stage_.fused.guess.data();
    const int cell_bits = stage_.fused.cell_bits();
    std::uint32_t saturated = 0;
    for (std::size_t lane = 0; lane < Lanes; ++lane) {
      const auto [u, clamped] = stages::fused_position(from.p[lane]);
      to.q[lane] = stages::fused_index(u, stages::fused_guess(cells, cell_bits, u));
      saturated += clamped && lane < from.tag.live_lanes ? 1 : 0;
    }
    return saturated;
  }

  StageProgram stage_;
  std::vector<std::array<std::int64_t, Lanes>> bias_words_;
};

}  // namespace quasim::sc
