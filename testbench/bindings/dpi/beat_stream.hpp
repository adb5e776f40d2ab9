// Beats of s_axis through the model, in stream order: which channel group a beat holds and whether it starts
// a sequence.
#pragma once

#include <array>
#include <cstdint>

#include "bindings/dpi/layer_model.hpp"

namespace quasim::dpi {

struct BeatResult {
  std::array<std::int8_t, spec::kLanesMax> data{};  ///< 0 in lanes without a channel
  int live_lanes = 0;                               ///< lanes below this hold a channel: m_axis_tkeep
};

class BeatStream {
 public:
  /// What the unit puts out for the next accepted beat of `lanes` samples. `user` counts on the first group
  /// of a time step only, as in the unit. Throws InputError for a lane count out of range or changed within a
  /// time step.
  BeatResult next(LayerModel& model, int lanes, const std::int8_t* samples, bool user);

  /// The next beat is the first group of a time step, as after ClearCounters.
  void restart() { group_ = 0; }

 private:
  int group_ = 0;
  int lanes_ = 0;
  bool first_ = false;
};

}  // namespace quasim::dpi
