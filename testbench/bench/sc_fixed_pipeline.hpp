// The same three stages written the way SystemC's own fixed-point types invite: every value an sc_fixed, rounding and
// saturation by the type. A yardstick for speed and a second opinion on values; half_even only.
#pragma once

#define SC_INCLUDE_FX
#include <algorithm>
#include <systemc>
#include <vector>

#include "stages/conv_acc.hpp"
#include "types/program.hpp"

namespace quasim::bench {

/// One beat of `lanes` samples a call, in beat order; every sequence must begin with `first`.
class ScFixedPipeline {
 public:
  ScFixedPipeline(const LayerProgram& program, std::size_t lanes)
      : program_(program), lanes_(lanes), groups_((program.weight.extent<'C'>() + lanes - 1) / lanes),
        history_(groups_ * lanes) {}

  void step(const std::int8_t* x, bool first, std::int8_t* out) {
    for (std::size_t lane = 0; lane < lanes_; ++lane) {
      const std::size_t channel = group_ * lanes_ + lane;
      if (channel >= program_.weight.extent<'C'>()) break;
      History& history = history_[channel];
      if (first) std::fill_n(history.x, stages::kHistoryTaps, Sample(0));
      out[lane] = element(channel, history, x[lane]);
    }
    if (++group_ == groups_) group_ = 0;
  }

 private:
  using Sample = sc_dt::sc_fixed<8, 8>;
  using Acc = sc_dt::sc_fixed<spec::kAccBits, spec::kAccBits>;
  using Product = sc_dt::sc_fixed<spec::kProductBits, spec::kProductBits>;
  using Scaled = sc_dt::sc_fixed<spec::kProductBits + spec::kShiftMax, spec::kProductBits>;
  using Q = sc_dt::sc_fixed<8, 8, sc_dt::SC_RND_CONV, sc_dt::SC_SAT>;
  struct History {
    Sample x[stages::kHistoryTaps];
  };

  std::int8_t element(std::size_t channel, History& history, std::int8_t sample) {
    const auto taps = static_cast<std::size_t>(program_.taps);
    const Sample x = static_cast<int>(sample);
    Acc acc = Sample(static_cast<int>(program_.weight.at(channel, taps - 1))) * x;
    for (std::size_t k = 0; k + 1 < taps; ++k)
      acc += Sample(static_cast<int>(program_.weight.at(channel, k))) *
             history.x[stages::kHistoryTaps - (taps - 1) + k];
    history.x[0] = history.x[1];
    history.x[1] = history.x[2];
    history.x[2] = x;
    const Product p = Product(static_cast<sc_dt::int64>(program_.multiplier)) * acc +
                      Product(static_cast<sc_dt::int64>(program_.bias_words[channel]));
    const Scaled scaled = Scaled(p) >> program_.shift_bits;
    const Q q = scaled;
    return program_.silu_entry(q.to_int64());
  }

  const LayerProgram& program_;
  std::size_t lanes_;
  std::size_t groups_;
  std::size_t group_ = 0;
  std::vector<History> history_;
};

}  // namespace quasim::bench
