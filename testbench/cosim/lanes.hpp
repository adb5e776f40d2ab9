// The lane counts that the testbench is built for. The tests of testbench/tests/cosim run each of them.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <string>

#include "spec/error.hpp"

namespace quasim::cosim {

inline constexpr std::array<std::size_t, 4> kTestbenchLanes{1, 4, 16, 64};

/// "1, 4, 16 or 64"
inline std::string testbench_lanes_words() {
  std::string words;
  for (std::size_t i = 0; i < kTestbenchLanes.size(); ++i)
    words += (i == 0                            ? ""
              : i + 1 == kTestbenchLanes.size() ? " or "
                                                : ", ") +
             std::to_string(kTestbenchLanes[i]);
  return words;
}

/// Before anything is built for them. Raises InputError.
inline void require_testbench_lanes(std::size_t lanes) {
  if (std::find(kTestbenchLanes.begin(), kTestbenchLanes.end(), lanes) == kTestbenchLanes.end())
    throw InputError("lanes: expected " + testbench_lanes_words() + "; got " + std::to_string(lanes));
}

}  // namespace quasim::cosim
