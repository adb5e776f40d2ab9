// Stage requant as a module: it fills the product and q registers and holds the multiplier, the shift and the
// bias words.
#pragma once

#include <array>
#include <systemc>
#include <vector>

#include "sc/beat_types.hpp"
#include "sc/elastic.hpp"
#include "stages/requant.hpp"
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
    multiplier_ = program.multiplier;
    shift_bits_ = program.shift_bits;
    rounding_ = program.rounding;
    conv_bits_ = program.conv_bits;
    bias_words_.assign((program.bias_words.size() + Lanes - 1) / Lanes, {});
    for (std::size_t channel = 0; channel < program.bias_words.size(); ++channel)
      bias_words_[channel / Lanes][channel % Lanes] = program.bias_words[channel];
    saturated_ = 0;
  }

  /// Live elements that the clamp changed.
  std::uint64_t saturated() const { return saturated_; }

 private:
  void on_edge() {
    transfer(*product_in.operator->(), *out.operator->(),
             [this](const ProductBeat<Lanes>& from, QBeat<Lanes>& to) {
               const std::int64_t* bias = bias_words_[from.tag.group].data();
               std::uint32_t saturated = 0;
               for (std::size_t lane = 0; lane < Lanes; ++lane) {
                 const auto [q, clamped] = stages::requant_round(from.product[lane], bias[lane], shift_bits_,
                                                                 rounding_, conv_bits_);
                 to.q[lane] = q;
                 saturated += clamped && lane < from.tag.live_lanes ? 1 : 0;
               }
               to.tag = from.tag;
               saturated_ += saturated;
             });
    transfer(*in.operator->(), *product_out.operator->(),
             [this](const AccBeat<Lanes>& from, ProductBeat<Lanes>& to) {
               for (std::size_t lane = 0; lane < Lanes; ++lane)
                 to.product[lane] = stages::requant_product(multiplier_, from.acc[lane]);
               to.tag = from.tag;
             });
  }

  std::uint32_t multiplier_ = 0;
  int shift_bits_ = 0;
  Rounding rounding_ = Rounding::kHalfEven;
  int conv_bits_ = spec::kConvBitsDefault;
  std::vector<std::array<std::int64_t, Lanes>> bias_words_;
  std::uint64_t saturated_ = 0;
};

}  // namespace quasim::sc
