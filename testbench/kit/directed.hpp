// Boundary-complete directed vectors: for each channel and each step of q, or of out in fused, a window on
// either side of it.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "types/program.hpp"

namespace quasim::kit {

/// One step of a channel's function: from `threshold` on, q is at least `level`; in fused, out is `level`.
struct DirectedStep {
  int channel;
  int level;
  /// The least such accumulator between -K*2^14 and K*2^14; one more than that where none is.
  std::int32_t threshold;
  bool in_out;  ///< silu_table changes from level-1 to level, so out has a step here too
  /// The reachable accumulators next to the step and the windows that give them; none where the weights reach
  /// only one side.
  struct Side {
    std::int32_t acc;
    std::size_t window;
  };
  std::optional<Side> below, above;

  bool covered() const { return below && above; }
};

struct DirectedCounts {
  std::uint64_t q_steps = 0, q_covered = 0;
  std::uint64_t out_steps = 0, out_covered = 0;
  std::uint64_t windows = 0;  ///< of all channels together
};

struct DirectedVectors {
  TensorBCL<std::int8_t> windows;  ///< [window, C, K]; each window is a sequence of its own
  DirectedCounts counts;
};

/// In two_step q is monotone in the accumulator, so an implementation whose threshold lies elsewhere for any
/// reachable accumulator differs in q on one of the two windows of that step. `visit` sees every step, by
/// channel and level.
DirectedVectors solve_directed(const LayerProgram& program,
                               const std::function<void(const DirectedStep&)>& visit);

}  // namespace quasim::kit
