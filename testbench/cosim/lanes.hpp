// The lane counts that the testbench is built for. The tests of testbench/tests/cosim run each of them.
#pragma once

#include <array>
#include <cstddef>
#include <string>

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

}  // namespace quasim::cosim
