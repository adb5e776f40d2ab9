// Elastic registers: the ready/valid building block of the pipeline, with one clock.
//
// During the evaluation phase of a clock edge every process sees the registers as they were before the edge;
// what it writes shows after the update phase. So the order in which SystemC runs the processes does not
// matter, and ready chains may be followed by plain calls.
#pragma once

#include <systemc>

namespace quasim::sc {

/// The consuming end of a stream: what is there to take this cycle.
template <class Payload>
class StreamIn : public virtual sc_core::sc_interface {
 public:
  virtual bool valid() const = 0;
  /// Defined while valid().
  virtual const Payload& payload() const = 0;
};

/// The producing end of a stream. The one process that owns it calls load() or bubble() at most once an edge,
/// and only when ready().
template <class Payload>
class StreamOut : public virtual sc_core::sc_interface {
 public:
  virtual bool ready() const = 0;
  /// The payload to fill before load().
  virtual Payload& next() = 0;
  virtual void load() = 0;
  /// Nothing arrives: the register is empty after the edge.
  virtual void bubble() = 0;
};

/// A register whose content waits until the next one is ready: ready = !valid | ready of the next.
template <class Payload, class Next>
class ElasticRegister final : public sc_core::sc_prim_channel,
                              public StreamIn<Payload>,
                              public StreamOut<Payload> {
 public:
  /// `next` is anything with bool ready() const; it must outlive the register.
  ElasticRegister(const char* name, const Next& next) : sc_prim_channel(name), next_(next) {}

  bool valid() const override { return valid_; }
  const Payload& payload() const override { return slots_[current_]; }
  bool ready() const override { return !valid_ || next_.ready(); }
  Payload& next() override { return slots_[1 - current_]; }
  void load() override {
    valid_next_ = true;
    request_update();
  }
  void bubble() override {
    if (!valid_) return;
    valid_next_ = false;
    request_update();
  }

 private:
  void update() override {
    valid_ = valid_next_;
    if (valid_) current_ = 1 - current_;
  }

  const Next& next_;
  Payload slots_[2]{};
  int current_ = 0;
  bool valid_ = false;
  bool valid_next_ = false;
};

/// Moves one payload from port to port across a stage if it can move: fill(from, to) computes the new
/// content.
template <class From, class To, class Fill>
inline bool transfer(sc_core::sc_port<StreamIn<From>>& from_port, sc_core::sc_port<StreamOut<To>>& to_port,
                     Fill fill) {
  const StreamIn<From>& in = *from_port.operator->();  // looked up once: each use of a port is a check
  StreamOut<To>& out = *to_port.operator->();
  if (!out.ready()) return false;
  if (!in.valid()) {
    out.bubble();
    return false;
  }
  fill(in.payload(), out.next());
  out.load();
  return true;
}

/// A free-running clock: one event a cycle and nothing else, so that a cycle costs one timed notification.
class CycleClock final : public sc_core::sc_module {
 public:
  SC_HAS_PROCESS(CycleClock);
  CycleClock(sc_core::sc_module_name name, const sc_core::sc_time& period)
      : sc_module(name), period_(period) {
    SC_METHOD(tick);
    sensitive << edge_;
    dont_initialize();
    edge_.notify(period_);
  }
  /// The rising edge.
  const sc_core::sc_event& edge() const { return edge_; }
  /// Edges so far.
  std::uint64_t cycles() const { return cycles_; }

 private:
  void tick() {
    ++cycles_;
    edge_.notify(period_);
  }

  sc_core::sc_time period_;
  sc_core::sc_event edge_{"edge"};
  std::uint64_t cycles_ = 0;
};

}  // namespace quasim::sc
