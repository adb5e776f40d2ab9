// The guess of a fused program: for each cell of u a base and a slope that give the rank but for one.
#pragma once

#include <cstdint>
#include <vector>

#include "types/program.hpp"

namespace quasim::compile {

struct Guess {
  std::vector<GuessCell> cells;
  std::int64_t wrong = 0;  ///< positions of u whose rank one comparison with the guessed threshold misses
};

/// The guess for 2^cell_bits cells and `near` full-width thresholds, by trying every slope and every base
/// near the cell's first rank. `thresholds`, one at least, ascend from 0 to below 2^ThresholdBits.
Guess find_guess(const std::vector<std::int64_t>& thresholds, int cell_bits, std::size_t near);

}  // namespace quasim::compile
