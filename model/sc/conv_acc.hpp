// Stage conv_acc as a module: it moves beats into the fetch register and from there, summed up, into the acc
// register. It holds the weights, the history and the counter of channel groups.
#pragma once

#include <algorithm>
#include <systemc>
#include <vector>

#include "sc/beat_types.hpp"
#include "sc/elastic.hpp"
#include "stages/conv_acc.hpp"
#include "types/program.hpp"

namespace quasim::sc {

template <std::size_t Lanes>
class ConvAcc final : public sc_core::sc_module {
 public:
  sc_core::sc_port<StreamIn<SampleBeat<Lanes>>> in{"in"};
  sc_core::sc_port<StreamOut<FetchBeat<Lanes>>> fetch_out{"fetch_out"};
  sc_core::sc_port<StreamIn<FetchBeat<Lanes>>> fetch_in{"fetch_in"};
  sc_core::sc_port<StreamOut<AccBeat<Lanes>>> out{"out"};

  SC_HAS_PROCESS(ConvAcc);
  ConvAcc(sc_core::sc_module_name name, const CycleClock& clock) : sc_module(name) {
    SC_METHOD(on_edge);
    sensitive << clock.edge();
    dont_initialize();
  }

  /// Control.Enable: while false no beat is accepted.
  bool enable = false;

  /// Takes the weights, zeroes the history and starts at channel group 0.
  void load(const LayerProgram& program) {
    const auto channels = static_cast<std::size_t>(program.channels());
    const auto taps = static_cast<std::size_t>(program.taps);
    groups_.assign((channels + Lanes - 1) / Lanes, Group{});
    live_lanes_of_last_group_ = static_cast<std::uint32_t>(channels - (groups_.size() - 1) * Lanes);
    for (std::size_t channel = 0; channel < channels; ++channel)
      for (std::size_t k = 0; k < taps; ++k)
        groups_[channel / Lanes].weight[spec::kTapsMax - taps + k][channel % Lanes] =
            program.weight.at(channel, k);
    group_ = 0;
    beats_in_ = 0;
  }

  /// One of the samples that a channel's next window begins with, position 0 the oldest. Decode saves and
  /// restores them here.
  std::int8_t& history(std::size_t channel, std::size_t position) {
    return groups_[channel / Lanes].history[position][channel % Lanes];
  }
  std::uint64_t beats_in() const { return beats_in_; }

 private:
  struct Group {
    std::int8_t weight[spec::kTapsMax][Lanes];
    std::int8_t history[stages::kHistoryTaps][Lanes];
  };

  void on_edge() {
    accumulate();
    if (enable) accept();
  }

  // The RTL reads the history memory at the edge that accepts a beat, and writes it at the edge that moves
  // the beat from fetch to acc. Where two beats of one channel group follow each other, the second is read
  // before the first is written, so the RTL hands the second what the first leaves (forward_q). Here both
  // happen at the later edge: a beat always finds what the one before it left, and nothing outside can tell.
  void accumulate() {
    transfer(fetch_in, out, [this](const FetchBeat<Lanes>& from, AccBeat<Lanes>& to) {
      Group& group = groups_[from.tag.group];
      if (from.tag.first) std::fill_n(&group.history[0][0], sizeof group.history, std::int8_t{0});
      stages::conv_acc<Lanes>(group.weight, group.history, from.x, to.acc);
      stages::shift_history<Lanes>(group.history, from.x);
      to.tag = from.tag;
    });
  }

  void accept() {
    const bool moved = transfer(in, fetch_out, [this](const SampleBeat<Lanes>& from, FetchBeat<Lanes>& to) {
      std::copy_n(from.data, Lanes, to.x);
      const bool last_group = group_ + 1 == groups_.size();
      if (group_ == 0) first_token_ = from.first;
      const auto lanes = last_group ? live_lanes_of_last_group_ : static_cast<std::uint32_t>(Lanes);
      to.tag = {beats_in_, group_, lanes, first_token_, from.last};
      group_ = last_group ? 0 : group_ + 1;
    });
    beats_in_ += moved ? 1 : 0;
  }

  std::vector<Group> groups_;
  std::uint32_t live_lanes_of_last_group_ = 0;
  std::uint32_t group_ = 0;
  bool first_token_ = false;
  std::uint64_t beats_in_ = 0;
};

}  // namespace quasim::sc
