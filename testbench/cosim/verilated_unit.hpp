// RtlUnit over one Verilated class, driven by hand: no generated SystemC ports, two evaluations a cycle.
#pragma once

#include <verilated.h>
#include <verilated_fst_c.h>
#include <verilated_sym_props.h>
#include <verilated_syms.h>

#include <algorithm>
#include <cstring>
#include <string>
#include <type_traits>

#include "cosim/rtl_unit.hpp"
#include "spec/error.hpp"

namespace quasim::cosim {

/// Traced: the class was verilated with FST support.
template <class Top, std::size_t Lanes, bool Traced>
class VerilatedUnit final : public RtlUnit {
 public:
  explicit VerilatedUnit(std::filesystem::path trace = {}) : trace_path_(std::move(trace)) {
    context_.traceEverOn(!trace_path_.empty());
    top_ = std::make_unique<Top>(&context_, "TOP");
    if (!trace_path_.empty()) open_trace();
    reset();
  }
  ~VerilatedUnit() override {
    top_->final();
    if constexpr (Traced)
      if (trace_ != nullptr) trace_->close();
  }

  std::size_t lanes() const override { return Lanes; }

  void reset() override {
    std::memset(&top_->s_axis_tdata, 0, sizeof top_->s_axis_tdata);
    top_->s_axis_tvalid = top_->s_axis_tuser = top_->s_axis_tlast = top_->m_axis_tready = 0;
    top_->s_axil_awvalid = top_->s_axil_wvalid = top_->s_axil_bready = 0;
    top_->s_axil_arvalid = top_->s_axil_rready = 0;
    top_->s_axil_awprot = top_->s_axil_arprot = 0;
    top_->s_axil_wstrb = 0xf;
    top_->rst_ni = 0;
    for (int i = 0; i < 3; ++i) clock();
    top_->rst_ni = 1;
    clock();
  }

  Response axil_write(std::uint32_t address, std::uint32_t data) override {
    top_->s_axil_awaddr = address;
    top_->s_axil_wdata = data;
    top_->s_axil_awvalid = top_->s_axil_wvalid = top_->s_axil_bready = 1;
    for (int i = 0; i < kAxilPatienceCycles; ++i) {
      const bool address_taken = top_->s_axil_awvalid != 0 && top_->s_axil_awready != 0;
      const bool data_taken = top_->s_axil_wvalid != 0 && top_->s_axil_wready != 0;
      const bool answered = top_->s_axil_bvalid != 0;
      const bool okay = top_->s_axil_bresp == 0;
      clock();
      if (address_taken) top_->s_axil_awvalid = 0;
      if (data_taken) top_->s_axil_wvalid = 0;
      if (answered) {
        top_->s_axil_bready = 0;
        return {0, okay};
      }
    }
    throw InputError("RTL: no AXI4-Lite write response");
  }

  Response axil_read(std::uint32_t address) override {
    top_->s_axil_araddr = address;
    top_->s_axil_arvalid = top_->s_axil_rready = 1;
    for (int i = 0; i < kAxilPatienceCycles; ++i) {
      const bool address_taken = top_->s_axil_arvalid != 0 && top_->s_axil_arready != 0;
      const bool answered = top_->s_axil_rvalid != 0;
      const Response response{top_->s_axil_rdata, top_->s_axil_rresp == 0};
      clock();
      if (address_taken) top_->s_axil_arvalid = 0;
      if (answered) {
        top_->s_axil_rready = 0;
        return response;
      }
    }
    throw InputError("RTL: no AXI4-Lite read response");
  }

  void start(const std::int8_t* expected_beats, std::size_t beats, std::size_t max_mismatches) override {
    expected_ = expected_beats;
    beats_ = beats;
    max_mismatches_ = max_mismatches;
    outcome_ = Outcome{};
  }

  void run(const PinBatch& batch) override {
    for (std::size_t i = 0; i < batch.count && !outcome_.diverged; ++i)
      step(batch.cycles[i], batch.s_data.data() + i * Lanes, batch.m_data.data() + i * Lanes);
  }

  const Outcome& outcome() const override { return outcome_; }

  std::uint64_t run_bare(const std::int8_t* samples, std::size_t beats,
                         std::size_t beats_per_token) override {
    std::uint64_t cycles = 0;
    top_->m_axis_tready = 1;
    for (std::size_t beat = 0; beat < beats; ++cycles) {
      std::memcpy(&top_->s_axis_tdata, samples + beat * Lanes, Lanes);
      top_->s_axis_tvalid = 1;
      top_->s_axis_tuser = beat < beats_per_token;
      beat += top_->s_axis_tready;
      clock();
    }
    top_->s_axis_tvalid = 0;
    for (int i = 0; i < spec::kPipelineLatency; ++i) clock();
    return cycles + spec::kPipelineLatency;
  }

 private:
  static constexpr int kAxilPatienceCycles = 1000;

  void clock() {
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

  void step(const PinCycle& pins, const std::int8_t* s_data, const std::int8_t* m_data) {
    top_->s_axis_tvalid = pins.s_valid;
    if (pins.s_valid) std::memcpy(&top_->s_axis_tdata, s_data, Lanes);
    top_->s_axis_tuser = pins.s_first;
    top_->s_axis_tlast = pins.s_last;
    top_->m_axis_tready = pins.m_ready;

    for (std::size_t stage = 0; stage < pins.watched.size(); ++stage)
      if (pins.watched[stage] != 0) watch(pins.watched[stage] - 1U, stage);
    ++outcome_.cycles_compared;
    if (top_->s_axis_tready != pins.s_ready)
      return diverge("s_axis_tready", top_->s_axis_tready, pins.s_ready);
    if (top_->m_axis_tvalid != pins.m_valid)
      return diverge("m_axis_tvalid", top_->m_axis_tvalid, pins.m_valid);
    if (pins.m_valid) {
      if (top_->m_axis_tlast != pins.m_last) return diverge("m_axis_tlast", top_->m_axis_tlast, pins.m_last);
      std::uint64_t keep = 0;
      std::memcpy(&keep, &top_->m_axis_tkeep, sizeof top_->m_axis_tkeep);
      if (keep != pins.m_keep) return diverge("m_axis_tkeep", keep, pins.m_keep);
      const auto* data = reinterpret_cast<const std::int8_t*>(&top_->m_axis_tdata);
      compare(data, m_data, outcome_.rtl_model, false, pins.m_ready, keep);
      if (pins.m_ready) take(data, keep);
    }
    clock();
  }

  void take(const std::int8_t* data, std::uint64_t keep) {
    if (expected_ != nullptr && outcome_.beats < beats_)
      compare(data, expected_ + outcome_.beats * Lanes, outcome_.rtl_golden, true, true, keep);
    ++outcome_.beats;
  }

  /// Elements count once, when the beat is taken; a waiting beat must show the same all the time.
  void compare(const std::int8_t* data, const std::int8_t* want, Comparison& comparison, bool against_golden,
               bool counts, std::uint64_t keep) {
    if (counts) comparison.compared += static_cast<std::uint64_t>(__builtin_popcountll(keep));
    if (std::memcmp(data, want, Lanes) == 0) return;
    count_differences(data, want, Lanes, comparison);
    if (outcome_.mismatches.size() < max_mismatches_)
      outcome_.mismatches.push_back({outcome_.beats, outcome_.cycles_compared - 1, against_golden});
  }

  void diverge(const char* pin, std::uint64_t rtl, std::uint64_t model) {
    outcome_.diverged = true;
    outcome_.divergence = {pin, outcome_.cycles_compared - 1, rtl, model};
  }

  void watch(std::size_t target, std::size_t stage) {
    static constexpr const char* kModules[] = {"u_conv_acc", "u_requant", "u_requant", "u_silu"};
    static constexpr const char* kNames[] = {"acc_q", "product_q", "q_q", "out_q"};
    if (outcome_.watched.size() <= target) outcome_.watched.resize(target + 1);
    auto& values = outcome_.watched[target][stage];
    values.clear();
    for (std::size_t lane = 0; lane < Lanes; ++lane) {
      const std::string generate = "gen_lane[" + std::to_string(lane) + "]";
      const std::string scope =
          std::string("TOP.quasim_top.") +
          (stage == 3 ? std::string(kModules[stage]) + "." + generate : generate + "." + kModules[stage]);
      values.push_back(peek(scope, kNames[stage]));
    }
  }

  /// A public register of the RTL as a signed number.
  std::int64_t peek(const std::string& scope, const char* name) const {
    const VerilatedScope* found = context_.scopeFind(scope.c_str());
    const VerilatedVar* variable = found == nullptr ? nullptr : found->varFind(name);
    if (variable == nullptr) throw InputError("RTL: no register " + scope + "." + name);
    std::uint64_t raw = 0;
    std::memcpy(&raw, variable->datap(), std::min<std::size_t>(variable->entSize(), sizeof raw));
    const int unused = 64 - variable->elements(0);
    return static_cast<std::int64_t>(raw << unused) >> unused;
  }

  void open_trace() {
    if constexpr (Traced) {
      trace_ = std::make_unique<VerilatedFstC>();
      top_->trace(trace_.get(), 99);
      trace_->open(trace_path_.c_str());
      if (!trace_->isOpen()) throw InputError(trace_path_.string() + ": cannot create the waveform");
    } else {
      throw InputError(trace_path_.string() + ": this unit was verilated without waveforms");
    }
  }

  VerilatedContext context_;
  std::unique_ptr<Top> top_;
  std::filesystem::path trace_path_;
  std::conditional_t<Traced, std::unique_ptr<VerilatedFstC>, std::nullptr_t> trace_{};
  std::uint64_t edges_ = 0;
  const std::int8_t* expected_ = nullptr;
  std::size_t beats_ = 0, max_mismatches_ = 0;
  Outcome outcome_;
};

}  // namespace quasim::cosim
