// VerilatedAbi over one Verilated class.
#pragma once

#include <verilated.h>
#include <verilated_fst_c.h>
#include <verilated_sym_props.h>
#include <verilated_syms.h>

#include <algorithm>
#include <cstring>
#include <memory>
#include <type_traits>

#include "cosim/fst_errors.hpp"
#include "cosim/verilated_abi.hpp"

namespace quasim::cosim {

// Ports other than the clock, which clock() moves.
#define QUASIM_TOP_PORTS(PORT)                                                                          \
  PORT(rst_ni)                                                                                          \
  PORT(s_axis_tdata)                                                                                    \
  PORT(s_axis_tvalid)                                                                                   \
  PORT(s_axis_tready) PORT(s_axis_tuser) PORT(s_axis_tlast) PORT(m_axis_tdata) PORT(m_axis_tvalid)      \
      PORT(m_axis_tready) PORT(m_axis_tlast) PORT(m_axis_tkeep) PORT(s_axil_awaddr) PORT(s_axil_awprot) \
          PORT(s_axil_awvalid) PORT(s_axil_awready) PORT(s_axil_wdata) PORT(s_axil_wstrb)               \
              PORT(s_axil_wvalid) PORT(s_axil_wready) PORT(s_axil_bresp) PORT(s_axil_bvalid)            \
                  PORT(s_axil_bready) PORT(s_axil_araddr) PORT(s_axil_arprot) PORT(s_axil_arvalid)      \
                      PORT(s_axil_arready) PORT(s_axil_rdata) PORT(s_axil_rresp) PORT(s_axil_rvalid)    \
                          PORT(s_axil_rready)
#define QUASIM_TAIL_PORTS(PORT)                                                                           \
  PORT(fused_i)                                                                                           \
  PORT(turn_i)                                                                                            \
  PORT(acc_base_i) PORT(multiplier_i) PORT(shift_i) PORT(half_away_i) PORT(bias_wen_i) PORT(bias_wdata_i) \
      PORT(table_wen_i) PORT(guess_wen_i) PORT(near_wen_i) PORT(windex_i) PORT(wdata_i) PORT(q_o)         \
          PORT(out_o)

/// Traced: the class was verilated with FST support.
template <class Top, bool Traced>
class VerilatedClass {
 public:
  using ListPorts = std::size_t (*)(Top&, VerilatedPort*, std::size_t);

  template <ListPorts kPorts>
  static VerilatedAbi abi() {
    return {VerilatedAbi::kLayout,
            [](const char* trace_file) -> void* {
              auto unit = std::make_unique<VerilatedClass>(trace_file != nullptr);
              if (trace_file != nullptr && !unit->open_trace(trace_file)) return nullptr;
              return unit.release();
            },
            [](void* unit, VerilatedPort* ports, std::size_t room) {
              return kPorts(*static_cast<VerilatedClass*>(unit)->top_, ports, room);
            },
            [](void* unit) { static_cast<VerilatedClass*>(unit)->settle(); },
            [](void* unit) { static_cast<VerilatedClass*>(unit)->clock(); },
            [](void* unit, const char* scope, const char* name, std::int64_t* value) {
              return static_cast<VerilatedClass*>(unit)->peek(scope, name, *value);
            },
            [] { return fst_error(); },
            [](void* unit) { delete static_cast<VerilatedClass*>(unit); }};
  }

  explicit VerilatedClass(bool traced) {
    context_.traceEverOn(traced);
    top_ = std::make_unique<Top>(&context_, "TOP");
  }
  ~VerilatedClass() {
    enter();
    top_->final();
    if constexpr (Traced)
      if (trace_ != nullptr) trace_->close();
    top_.reset();
    Verilated::threadContextp(Verilated::defaultContextp());
  }

 private:
  /// Verilator's runtime takes whatever context this thread touched last for the unit's own: its time, its
  /// assertions, and the names that go with the unit. With two units that is the other's, which may be gone.
  void enter() { Verilated::threadContextp(&context_); }

  bool open_trace([[maybe_unused]] const char* file) {
    if constexpr (Traced) {
      enter();
      trace_ = std::make_unique<VerilatedFstC>();
      top_->trace(trace_.get(), 99);
      trace_->open(file);
      return trace_->isOpen();
    } else {
      return false;
    }
  }

  void settle() {
    enter();
    top_->clk_i = 0;
    top_->eval();
  }

  void clock() {
    enter();
    top_->clk_i = 1;
    top_->eval();
    dump(2 * edges_);
    top_->clk_i = 0;
    top_->eval();
    dump(2 * edges_ + 1);
    ++edges_;
  }

  void dump([[maybe_unused]] std::uint64_t time) {
    if constexpr (Traced)
      if (trace_ != nullptr) trace_->dump(time);
  }

  bool peek(const char* scope, const char* name, std::int64_t& value) const {
    const VerilatedScope* found = context_.scopeFind(scope);
    const VerilatedVar* variable = found == nullptr ? nullptr : found->varFind(name);
    if (variable == nullptr) return false;
    std::uint64_t raw = 0;
    std::memcpy(&raw, variable->datap(), std::min<std::size_t>(variable->entSize(), sizeof raw));
    const int unused = 64 - variable->elements(0);
    value = static_cast<std::int64_t>(raw << unused) >> unused;
    return true;
  }

  VerilatedContext context_;
  std::unique_ptr<Top> top_;
  std::conditional_t<Traced, std::unique_ptr<VerilatedFstC>, std::nullptr_t> trace_{};
  std::uint64_t edges_ = 0;
};

namespace verilated_ports {

#define QUASIM_NOTE_PORT(NAME) \
  if (count++ < room) ports[count - 1] = {#NAME, &top.NAME, sizeof top.NAME};

/// quasim_top.
template <class Top>
std::size_t of_unit(Top& top, VerilatedPort* ports, std::size_t room) {
  std::size_t count = 0;
  QUASIM_TOP_PORTS(QUASIM_NOTE_PORT)
  return count;
}

/// quasim_tail_harness.
template <class Top>
std::size_t of_tail(Top& top, VerilatedPort* ports, std::size_t room) {
  std::size_t count = 0;
  QUASIM_TAIL_PORTS(QUASIM_NOTE_PORT)
  return count;
}

#undef QUASIM_NOTE_PORT

}  // namespace verilated_ports

}  // namespace quasim::cosim
