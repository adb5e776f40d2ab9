// The output end of the pipeline: a two-entry FIFO, so that m_axis_tready reaches no register before it.
#pragma once

#include <systemc>

#include "sc/beat_types.hpp"
#include "sc/elastic.hpp"

namespace quasim::sc {

/// The storage: seen by the out register through ready(), by the receiver as a stream.
template <std::size_t Lanes>
class SpillFifo final : public sc_core::sc_prim_channel, public StreamIn<OutBeat<Lanes>> {
 public:
  explicit SpillFifo(const char* name) : sc_prim_channel(name) {}

  bool ready() const { return count_ < 2; }
  bool valid() const override { return count_ > 0; }
  const OutBeat<Lanes>& payload() const override { return slots_[head_]; }

  /// The slot that push() fills; defined while ready().
  OutBeat<Lanes>& next() { return slots_[(head_ + count_) & 1]; }
  /// What happens at this edge: one beat comes, one goes, both or neither.
  void step(bool push, bool pop) {
    if (!push && !pop) return;
    push_ = push;
    pop_ = pop;
    request_update();
  }

 private:
  void update() override {
    head_ ^= pop_ ? 1U : 0U;
    count_ += (push_ ? 1U : 0U) - (pop_ ? 1U : 0U);
  }

  OutBeat<Lanes> slots_[2]{};
  unsigned head_ = 0;
  unsigned count_ = 0;
  bool push_ = false;
  bool pop_ = false;
};

/// What the receiver offers this cycle: m_axis_tready.
class ReadyIf : public virtual sc_core::sc_interface {
 public:
  virtual bool ready() const = 0;
};

template <std::size_t Lanes>
class Spill final : public sc_core::sc_module {
 public:
  sc_core::sc_port<StreamIn<OutBeat<Lanes>>> in{"in"};
  sc_core::sc_port<ReadyIf> receiver{"receiver"};

  SC_HAS_PROCESS(Spill);
  Spill(sc_core::sc_module_name name, const CycleClock& clock, SpillFifo<Lanes>& fifo)
      : sc_module(name), fifo_(fifo) {
    SC_METHOD(on_edge);
    sensitive << clock.edge();
    dont_initialize();
  }
  std::uint64_t beats_out() const { return beats_out_; }
  /// Live outputs at a limit of int8, counted as they leave the out register.
  std::uint64_t saturated() const { return saturated_; }
  void clear_counters() { beats_out_ = saturated_ = 0; }

 private:
  void on_edge() {
    const bool push = fifo_.ready() && in->valid();
    const bool pop = fifo_.valid() && receiver->ready();
    if (push) {
      fifo_.next() = in->payload();
      saturated_ += in->payload().saturated;
    }
    fifo_.step(push, pop);
    beats_out_ += pop ? 1 : 0;
  }

  SpillFifo<Lanes>& fifo_;
  std::uint64_t beats_out_ = 0, saturated_ = 0;
};

}  // namespace quasim::sc
