// The same pipeline the way SystemC's own types invite to write it: an sc_clock, a signal a lane and
// register, every value an sc_fixed, rounding and saturation by the type. The yardstick of the model's speed;
// half_even, conv_bits 8, no backpressure.
#pragma once

#define SC_INCLUDE_FX
#include <cstdint>
#include <systemc>
#include <vector>

#include "stages/conv_acc.hpp"
#include "types/program.hpp"

namespace quasim::bench {

using FxSample = sc_dt::sc_fixed<8, 8>;
using FxAcc = sc_dt::sc_fixed<spec::kAccBits, spec::kAccBits>;
using FxProduct = sc_dt::sc_fixed<spec::kProductBits, spec::kProductBits>;
using FxScaled = sc_dt::sc_fixed<spec::kProductBits + spec::kShiftMax, spec::kProductBits>;
using FxQ = sc_dt::sc_fixed<8, 8, sc_dt::SC_RND_CONV, sc_dt::SC_SAT>;

/// What travels beside the lanes.
struct FxTag {
  std::uint32_t group = 0;
  bool valid = false, first = false;
  friend bool operator==(const FxTag& a, const FxTag& b) {
    return a.group == b.group && a.valid == b.valid && a.first == b.first;
  }
  friend std::ostream& operator<<(std::ostream& out, const FxTag& tag) { return out << tag.group; }
  friend void sc_trace(sc_core::sc_trace_file*, const FxTag&, const std::string&) {}
};

/// One value a lane, and the tag.
template <class Value>
struct FxRegister {
  FxRegister(const char* name, std::size_t lanes) : lane(name, lanes) {}
  sc_core::sc_vector<sc_core::sc_signal<Value>> lane;
  sc_core::sc_signal<FxTag> tag;
};

/// All stages; takes one beat a cycle from `samples` and counts what comes out. C must be a multiple of the
/// lanes.
class ScFixedPipeline final : public sc_core::sc_module {
 public:
  SC_HAS_PROCESS(ScFixedPipeline);
  ScFixedPipeline(sc_core::sc_module_name name, const LayerProgram& program, std::size_t lanes,
                  const std::int8_t* samples)
      : sc_module(name),
        program_(program),
        lanes_(lanes),
        groups_(program.weight.extent<'C'>() / lanes),
        samples_(samples),
        x_("x", lanes),
        acc_("acc", lanes),
        product_("product", lanes),
        q_("q", lanes),
        out_("out", lanes),
        history_(groups_ * lanes * stages::kHistoryTaps) {
    for (const std::int8_t w : program.weight.elements()) weight_.emplace_back(static_cast<int>(w));
    for (const std::int64_t b : program.bias_words) bias_.emplace_back(static_cast<sc_dt::int64>(b));
    SC_METHOD(fetch);
    on_clock();
    SC_METHOD(conv_acc);
    on_clock();
    SC_METHOD(multiply);
    on_clock();
    SC_METHOD(requant);
    on_clock();
    SC_METHOD(silu);
    on_clock();
    SC_METHOD(take);
    on_clock();
  }

  std::uint64_t beats_out() const { return beats_out_; }

 private:
  void on_clock() {
    sensitive << clock_.posedge_event();
    dont_initialize();
  }

  void fetch() {
    for (std::size_t lane = 0; lane < lanes_; ++lane)
      x_.lane[lane].write(FxSample(static_cast<int>(samples_[beat_ * lanes_ + lane])));
    x_.tag.write({static_cast<std::uint32_t>(beat_ % groups_), true, beat_ < groups_});
    ++beat_;
  }
  void conv_acc() {
    const FxTag tag = x_.tag.read();
    acc_.tag.write(tag);
    if (!tag.valid) return;
    const auto taps = static_cast<std::size_t>(program_.taps);
    for (std::size_t lane = 0; lane < lanes_; ++lane) {
      const std::size_t channel = tag.group * lanes_ + lane;
      FxSample* history = &history_[channel * stages::kHistoryTaps];
      if (tag.first) history[0] = history[1] = history[2] = FxSample(0);
      const FxSample x = x_.lane[lane].read();
      FxAcc acc = weight_[channel * taps + taps - 1] * x;
      for (std::size_t k = 0; k + 1 < taps; ++k)
        acc += weight_[channel * taps + k] * history[stages::kHistoryTaps - (taps - 1) + k];
      history[0] = history[1];
      history[1] = history[2];
      history[2] = x;
      acc_.lane[lane].write(acc);
    }
  }
  void multiply() {
    const FxTag tag = acc_.tag.read();
    product_.tag.write(tag);
    if (!tag.valid) return;
    const FxProduct multiplier(static_cast<sc_dt::int64>(program_.stage().multiplier));
    for (std::size_t lane = 0; lane < lanes_; ++lane)
      product_.lane[lane].write(FxProduct(multiplier * acc_.lane[lane].read()));
  }
  void requant() {
    const FxTag tag = product_.tag.read();
    q_.tag.write(tag);
    if (!tag.valid) return;
    for (std::size_t lane = 0; lane < lanes_; ++lane) {
      const FxScaled p = FxProduct(product_.lane[lane].read() + bias_[tag.group * lanes_ + lane]);
      q_.lane[lane].write(FxQ(FxScaled(p >> program_.stage().shift_bits)));
    }
  }
  void silu() {
    const FxTag tag = q_.tag.read();
    out_.tag.write(tag);
    if (!tag.valid) return;
    for (std::size_t lane = 0; lane < lanes_; ++lane)
      out_.lane[lane].write(
          FxSample(static_cast<int>(program_.stage().silu_entry(q_.lane[lane].read().to_int64()))));
  }
  void take() { beats_out_ += out_.tag.read().valid ? 1U : 0U; }

  const LayerProgram& program_;
  std::size_t lanes_, groups_;
  const std::int8_t* samples_;
  sc_core::sc_clock clock_{"clock", sc_core::sc_time(1, sc_core::SC_NS)};
  FxRegister<FxSample> x_;
  FxRegister<FxAcc> acc_;
  FxRegister<FxProduct> product_;
  FxRegister<FxQ> q_;
  FxRegister<FxSample> out_;
  std::vector<FxSample> weight_, history_;
  std::vector<FxProduct> bias_;
  std::size_t beat_ = 0;
  std::uint64_t beats_out_ = 0;
};

}  // namespace quasim::bench
