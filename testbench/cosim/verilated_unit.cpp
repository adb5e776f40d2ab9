// RtlUnit over one Verilated class, driven by hand: no generated SystemC ports, two evaluations a cycle.
#include <algorithm>
#include <cstring>

#include "cosim/rtl_unit.hpp"
#include "cosim/verilated_object.hpp"
#include "spec/error.hpp"

namespace quasim::cosim {
namespace {

class VerilatedUnit final : public RtlUnit {
 public:
  VerilatedUnit(const VerilatedAbi& abi, std::size_t lanes, const std::filesystem::path& trace)
      : top_(abi, trace), lanes_(lanes) {
    m_axis_tkeep_bytes_ = std::min(top_.port("m_axis_tkeep").bytes, sizeof(std::uint64_t));
    reset();
  }

  std::size_t lanes() const override { return lanes_; }

  void reset() override {
    std::memset(s_axis_tdata_, 0, lanes_);
    for (BitPort* port : {&s_axis_tvalid_, &s_axis_tuser_, &s_axis_tlast_, &m_axis_tready_, &s_axil_awvalid_,
                          &s_axil_wvalid_, &s_axil_bready_, &s_axil_arvalid_, &s_axil_rready_, &rst_ni_})
      *port = false;
    s_axil_awprot_ = s_axil_arprot_ = 0;
    s_axil_wstrb_ = 0xf;
    for (int i = 0; i < 3; ++i) clock();
    rst_ni_ = true;
    clock();
  }

  Response axil_write(std::uint32_t address, std::uint32_t data) override {
    s_axil_awaddr_ = address;
    s_axil_wdata_ = data;
    s_axil_awvalid_ = s_axil_wvalid_ = s_axil_bready_ = true;
    for (int i = 0; i < kAxilPatienceCycles; ++i) {
      const bool address_taken = s_axil_awvalid_ && s_axil_awready_;
      const bool data_taken = s_axil_wvalid_ && s_axil_wready_;
      const bool answered = s_axil_bvalid_;
      const bool okay = s_axil_bresp_ == 0;
      clock();
      if (address_taken) s_axil_awvalid_ = false;
      if (data_taken) s_axil_wvalid_ = false;
      if (answered) {
        s_axil_bready_ = false;
        return {0, okay};
      }
    }
    throw InputError("RTL: no AXI4-Lite write response");
  }

  Response axil_read(std::uint32_t address) override {
    s_axil_araddr_ = address;
    s_axil_arvalid_ = s_axil_rready_ = true;
    for (int i = 0; i < kAxilPatienceCycles; ++i) {
      const bool address_taken = s_axil_arvalid_ && s_axil_arready_;
      const bool answered = s_axil_rvalid_;
      const Response response{static_cast<std::uint32_t>(s_axil_rdata_), s_axil_rresp_ == 0};
      clock();
      if (address_taken) s_axil_arvalid_ = false;
      if (answered) {
        s_axil_rready_ = false;
        return response;
      }
    }
    throw InputError("RTL: no AXI4-Lite read response");
  }

  void start(const Stream& stream) override {
    stream_ = stream;
    outcome_ = Outcome{};
  }

  void run(const PinBatch& batch) override {
    for (std::size_t i = 0; i < batch.count && !outcome_.diverged; ++i)
      step(batch.cycles[i], batch.s_data.data() + i * lanes_, batch.m_data.data() + i * lanes_,
           batch.bus.empty() ? nullptr : &batch.bus[i]);
  }

  void finish() override {
    s_axis_tvalid_ = false;
    s_axil_awvalid_ = s_axil_wvalid_ = s_axil_bready_ = s_axil_arvalid_ = s_axil_rready_ = false;
    s_axil_wstrb_ = 0xf;
  }

  const Outcome& outcome() const override { return outcome_; }

  std::uint64_t run_bare(const std::int8_t* samples, std::size_t beats,
                         std::size_t beats_per_token) override {
    std::uint64_t cycles = 0;
    m_axis_tready_ = true;
    for (std::size_t beat = 0; beat < beats; ++cycles) {
      std::memcpy(s_axis_tdata_, samples + beat * lanes_, lanes_);
      s_axis_tvalid_ = true;
      s_axis_tuser_ = beat < beats_per_token;
      beat += s_axis_tready_;
      clock();
    }
    s_axis_tvalid_ = false;
    for (int i = 0; i < spec::kPipelineLatency; ++i) clock();
    return cycles + spec::kPipelineLatency;
  }

 private:
  static constexpr int kAxilPatienceCycles = 1000;

  void clock() { top_.clock(); }

  /// `bus` may be nullptr: nobody asks.
  void step(const PinCycle& pins, const std::int8_t* s_data, const std::int8_t* m_data, const BusCycle* bus) {
    s_axis_tvalid_ = pins.s_valid;
    if (pins.s_valid) std::memcpy(s_axis_tdata_, s_data, lanes_);
    s_axis_tuser_ = pins.s_first;
    s_axis_tlast_ = pins.s_last;
    m_axis_tready_ = pins.m_ready;
    if (bus != nullptr) ask(bus->request);

    for (std::size_t stage = 0; stage < pins.watched.size(); ++stage)
      if (pins.watched[stage] != 0) watch(pins.watched[stage] - 1U, stage);
    ++outcome_.cycles_compared;
    if (s_axis_tready_ != pins.s_ready) return diverge("s_axis_tready", s_axis_tready_, pins.s_ready);
    if (m_axis_tvalid_ != pins.m_valid) return diverge("m_axis_tvalid", m_axis_tvalid_, pins.m_valid);
    if (pins.m_valid) {
      if (m_axis_tlast_ != pins.m_last) return diverge("m_axis_tlast", m_axis_tlast_, pins.m_last);
      std::uint64_t keep = 0;
      std::memcpy(&keep, m_axis_tkeep_, m_axis_tkeep_bytes_);
      if (keep != pins.m_keep) return diverge("m_axis_tkeep", keep, pins.m_keep);
      const auto* data = m_axis_tdata_;
      compare(data, m_data, outcome_.rtl_model, false, pins.m_ready, keep);
      if (pins.m_ready) take(data, keep);
    }
    if (bus == nullptr || bus_agrees(bus->answer)) clock();
  }

  void ask(const BusRequest& request) {
    s_axil_awvalid_ = request.aw_valid;
    if (request.aw_valid) s_axil_awaddr_ = request.aw_addr;
    s_axil_wvalid_ = request.w_valid;
    if (request.w_valid) {
      s_axil_wdata_ = request.w_data;
      s_axil_wstrb_ = request.w_strb;
    }
    s_axil_bready_ = request.b_ready;
    s_axil_arvalid_ = request.ar_valid;
    if (request.ar_valid) s_axil_araddr_ = request.ar_addr;
    s_axil_rready_ = request.r_ready;
  }

  bool bus_agrees(const BusAnswer& want) {
    const auto equal = [this](const char* pin, std::uint64_t rtl, std::uint64_t model) {
      if (rtl != model) diverge(pin, rtl, model);
      return rtl == model;
    };
    return equal("s_axil_awready", s_axil_awready_, want.aw_ready) &&
           equal("s_axil_wready", s_axil_wready_, want.w_ready) &&
           equal("s_axil_bvalid", s_axil_bvalid_, want.b_valid) &&
           equal("s_axil_arready", s_axil_arready_, want.ar_ready) &&
           equal("s_axil_rvalid", s_axil_rvalid_, want.r_valid) &&
           (!want.b_valid || equal("s_axil_bresp", s_axil_bresp_, want.b_resp)) &&
           (!want.r_valid || (equal("s_axil_rresp", s_axil_rresp_, want.r_resp) &&
                              equal("s_axil_rdata", s_axil_rdata_, want.r_data)));
  }

  void take(const std::int8_t* data, std::uint64_t keep) {
    if (stream_.expected_beats != nullptr && outcome_.beats < stream_.beats)
      compare(data, stream_.expected_beats + outcome_.beats * lanes_, outcome_.rtl_golden, true, true, keep);
    ++outcome_.beats;
  }

  /// Elements count once, when the beat is taken; a waiting beat must show the same all the time.
  void compare(const std::int8_t* data, const std::int8_t* want, ElementCounts& comparison,
               bool against_golden, bool counts, std::uint64_t keep) {
    if (counts) comparison.compared += static_cast<std::uint64_t>(__builtin_popcountll(keep));
    if (std::memcmp(data, want, lanes_) == 0) return;
    count_differences(data, want, lanes_, comparison);
    if (outcome_.mismatches.size() < stream_.max_mismatches)
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
    for (std::size_t lane = 0; lane < lanes_; ++lane) {
      const std::string generate = "gen_lane[" + std::to_string(lane) + "]";
      const std::string scope =
          std::string("TOP.quasim_top.") +
          (stage == 3 ? std::string(kModules[stage]) + "." + generate : generate + "." + kModules[stage]);
      std::int64_t value = 0;
      if (!top_.peek(scope, kNames[stage], value)) {  // somebody else's RTL, which has other registers
        values.clear();
        return;
      }
      values.push_back(value);
    }
  }

  VerilatedObject top_;
  std::int8_t* s_axis_tdata_ = static_cast<std::int8_t*>(top_.port("s_axis_tdata").data);
  const std::int8_t* m_axis_tdata_ = static_cast<const std::int8_t*>(top_.port("m_axis_tdata").data);
  const void* m_axis_tkeep_ = top_.port("m_axis_tkeep").data;
  std::size_t m_axis_tkeep_bytes_ = 0;
  BitPort rst_ni_{top_, "rst_ni"};
  BitPort s_axis_tvalid_{top_, "s_axis_tvalid"}, s_axis_tready_{top_, "s_axis_tready"};
  BitPort s_axis_tuser_{top_, "s_axis_tuser"}, s_axis_tlast_{top_, "s_axis_tlast"};
  BitPort m_axis_tvalid_{top_, "m_axis_tvalid"}, m_axis_tready_{top_, "m_axis_tready"};
  BitPort m_axis_tlast_{top_, "m_axis_tlast"};
  BitPort s_axil_awvalid_{top_, "s_axil_awvalid"}, s_axil_awready_{top_, "s_axil_awready"};
  BitPort s_axil_wvalid_{top_, "s_axil_wvalid"}, s_axil_wready_{top_, "s_axil_wready"};
  BitPort s_axil_bvalid_{top_, "s_axil_bvalid"}, s_axil_bready_{top_, "s_axil_bready"};
  BitPort s_axil_arvalid_{top_, "s_axil_arvalid"}, s_axil_arready_{top_, "s_axil_arready"};
  BitPort s_axil_rvalid_{top_, "s_axil_rvalid"}, s_axil_rready_{top_, "s_axil_rready"};
  NumberPort s_axil_awaddr_{top_, "s_axil_awaddr"}, s_axil_araddr_{top_, "s_axil_araddr"};
  NumberPort s_axil_awprot_{top_, "s_axil_awprot"}, s_axil_arprot_{top_, "s_axil_arprot"};
  NumberPort s_axil_wdata_{top_, "s_axil_wdata"}, s_axil_wstrb_{top_, "s_axil_wstrb"};
  NumberPort s_axil_bresp_{top_, "s_axil_bresp"}, s_axil_rresp_{top_, "s_axil_rresp"};
  NumberPort s_axil_rdata_{top_, "s_axil_rdata"};
  std::size_t lanes_;
  Stream stream_;
  Outcome outcome_;
};

}  // namespace

std::unique_ptr<RtlUnit> make_verilated_unit(const VerilatedAbi& abi, std::size_t lanes,
                                             const std::filesystem::path& trace) {
  return std::make_unique<VerilatedUnit>(abi, lanes, trace);
}

}  // namespace quasim::cosim
