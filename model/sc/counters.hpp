// What the unit counts, in the model as in the RTL's registers. Needs no SystemC.
#pragma once

#include <cstdint>

namespace quasim::sc {

/// All since the layer was loaded: beats, and live elements that clamp_N changed or that are at a limit of
/// int8.
struct Counters {
  std::uint64_t beats_in = 0, beats_out = 0, saturated_conv = 0, saturated_out = 0;
  friend bool operator==(const Counters& a, const Counters& b) {
    return a.beats_in == b.beats_in && a.beats_out == b.beats_out && a.saturated_conv == b.saturated_conv &&
           a.saturated_out == b.saturated_out;
  }
};

}  // namespace quasim::sc
