// Stage conv_acc: the causal depthwise dot product, exact in integers.
#pragma once

#include <cstddef>
#include <cstdint>

#include "spec/contract.hpp"

namespace quasim::stages {

/// acc = sum over j of w[j] * window[j]. Both hold kTapsMax samples, oldest first; taps a layer does not have are zero in w.
inline std::int32_t conv_acc(const std::int8_t* w, const std::int8_t* window) {
  std::int32_t acc = 0;
  for (int j = 0; j < spec::kTapsMax; ++j) acc += std::int32_t{w[j]} * std::int32_t{window[j]};
  return acc;
}

}  // namespace quasim::stages
