// The whole unit: conv_acc, requant and silu between an input and an output stream, cycle for cycle as
// docs/microarchitecture.md says.
#pragma once

#include <systemc>

#include "sc/beat_types.hpp"
#include "sc/config.hpp"
#include "sc/conv_acc.hpp"
#include "sc/counters.hpp"
#include "sc/elastic.hpp"
#include "sc/requant.hpp"
#include "sc/silu.hpp"
#include "sc/spill.hpp"
#include "types/program.hpp"

namespace quasim::sc {

template <std::size_t Lanes>
class Pipeline final : public sc_core::sc_module {
 public:
  /// m_axis_tready of the environment.
  sc_core::sc_port<ReadyIf> receiver{"receiver"};
  /// s_axis of the environment.
  sc_core::sc_port<StreamIn<SampleBeat<Lanes>>> source{"source"};

  Pipeline(sc_core::sc_module_name name, const CycleClock& clock, const PipelineConfig& config)
      : sc_module(name),
        config_(config),
        conv_acc_("conv_acc", clock),
        requant_("requant", clock),
        silu_("silu", clock),
        spill_("spill", clock, fifo_) {
    validate(config, Lanes);
    conv_acc_.in.bind(source);
    conv_acc_.fetch_out.bind(fetch_);
    conv_acc_.fetch_in.bind(fetch_);
    conv_acc_.out.bind(acc_);
    requant_.in.bind(acc_);
    requant_.product_out.bind(product_);
    requant_.product_in.bind(product_);
    requant_.out.bind(q_);
    silu_.in.bind(q_);
    silu_.out.bind(out_);
    spill_.in.bind(out_);
    spill_.receiver.bind(receiver);
  }

  /// Becomes the model of a unit that was built with other parameters. Only while no beat is inside.
  void rebuild(const PipelineConfig& config) {
    validate(config, Lanes);
    config_ = config;
  }

  /// Loads a layer and enables the unit. Only while no beat is inside; history reads as zero afterwards.
  void load(const LayerProgram& program) {
    require_fits(program, config_);
    if (busy()) throw InputError("pipeline: a layer can be loaded only while no beat is inside");
    conv_acc_.load(program);
    requant_.load(program);
    silu_.load(program);
    spill_.clear_counters();
    conv_acc_.enable = true;
  }

  /// s_axis_tready.
  bool ready() const { return conv_acc_.enable && fetch_.ready(); }
  /// m_axis.
  const StreamIn<OutBeat<Lanes>>& output() const { return fifo_; }
  /// Two beats wait there, and there is no place for a third.
  bool output_is_full() const { return !fifo_.ready(); }
  bool busy() const {
    return fetch_.valid() || acc_.valid() || product_.valid() || q_.valid() || out_.valid() || fifo_.valid();
  }
  Counters counters() const {
    return {conv_acc_.beats_in(), spill_.beats_out(), silu_.saturated(), spill_.saturated()};
  }
  // The registers between the stages, for observers.
  const StreamIn<FetchBeat<Lanes>>& fetch() const { return fetch_; }
  const StreamIn<AccBeat<Lanes>>& acc() const { return acc_; }
  const StreamIn<ProductBeat<Lanes>>& product() const { return product_; }
  const StreamIn<QBeat<Lanes>>& q() const { return q_; }
  const StreamIn<OutBeat<Lanes>>& out() const { return out_; }
  /// Of each register between the stages: whether it holds a beat, and whether that moves on at this edge.
  struct Flow {
    enum Place { kFetch, kAcc, kProduct, kQ, kOut, kPlaces };
    bool holds[kPlaces], moves[kPlaces];
  };
  Flow flow() const {
    Flow flow{{fetch_.valid(), acc_.valid(), product_.valid(), q_.valid(), out_.valid()}, {}};
    bool next_is_ready = fifo_.ready();
    for (int place = Flow::kOut; place >= Flow::kFetch; --place) {
      flow.moves[place] = flow.holds[place] && next_is_ready;
      next_is_ready = !flow.holds[place] || next_is_ready;
    }
    return flow;
  }
  /// The stored sample of a channel, position 0 the oldest of three.
  std::int8_t& history(std::size_t channel, std::size_t position) {
    return conv_acc_.history(channel, position);
  }

 private:
  using OutRegister = ElasticRegister<OutBeat<Lanes>, SpillFifo<Lanes>>;
  using QRegister = ElasticRegister<QBeat<Lanes>, OutRegister>;
  using ProductRegister = ElasticRegister<ProductBeat<Lanes>, QRegister>;
  using AccRegister = ElasticRegister<AccBeat<Lanes>, ProductRegister>;
  using FetchRegister = ElasticRegister<FetchBeat<Lanes>, AccRegister>;

  PipelineConfig config_;
  SpillFifo<Lanes> fifo_{"fifo"};
  OutRegister out_{"out", fifo_};
  QRegister q_{"q", out_};
  ProductRegister product_{"product", q_};
  AccRegister acc_{"acc", product_};
  FetchRegister fetch_{"fetch", acc_};
  ConvAcc<Lanes> conv_acc_;
  Requant<Lanes> requant_;
  Silu<Lanes> silu_;
  Spill<Lanes> spill_;
};

}  // namespace quasim::sc
