// Stage conv_acc: the causal depthwise dot product, exact in integers.
#pragma once

#include <cstddef>
#include <cstdint>

#include "spec/contract.hpp"

namespace quasim::stages {

/// Samples of the window before the newest one.
inline constexpr std::size_t kHistoryTaps = spec::kTapsMax - 1;

/// acc[lane] = sum over j of w[j][lane] * window[j][lane] for kTapsMax taps, oldest first; window is history,
/// then x. Taps that a layer does not have are zero in w. |acc| <= 2^16.
template <std::size_t Lanes>
inline void conv_acc(const std::int8_t (&w)[spec::kTapsMax][Lanes],
                     const std::int8_t (&history)[kHistoryTaps][Lanes], const std::int8_t (&x)[Lanes],
                     std::int32_t (&acc)[Lanes]) {
  for (std::size_t lane = 0; lane < Lanes; ++lane)
    acc[lane] = std::int32_t{w[kHistoryTaps][lane]} * std::int32_t{x[lane]};
  for (std::size_t j = 0; j < kHistoryTaps; ++j)
    for (std::size_t lane = 0; lane < Lanes; ++lane)
      acc[lane] += std::int32_t{w[j][lane]} * std::int32_t{history[j][lane]};
}

/// The window one time step later: the oldest sample leaves, x is now the newest of the history.
template <std::size_t Lanes>
inline void shift_history(std::int8_t (&history)[kHistoryTaps][Lanes], const std::int8_t (&x)[Lanes]) {
  for (std::size_t lane = 0; lane < Lanes; ++lane) {
    for (std::size_t j = 0; j + 1 < kHistoryTaps; ++j) history[j][lane] = history[j + 1][lane];
    history[kHistoryTaps - 1][lane] = x[lane];
  }
}

}  // namespace quasim::stages
