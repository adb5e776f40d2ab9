#include "prove/mac_check.hpp"

#include <algorithm>
#include <array>
#include <cstdlib>

#include "stages/conv_acc.hpp"

namespace quasim::compile {

namespace {

using Taps = std::array<std::int8_t, spec::kTapsMax>;

/// The stage with one lane.
std::int32_t conv_acc_of(const Taps& weights, const Taps& window) {
  std::int8_t w[spec::kTapsMax][1]{}, history[stages::kHistoryTaps][1]{}, x[1]{window.back()};
  std::int32_t acc[1];
  for (std::size_t j = 0; j < weights.size(); ++j) w[j][0] = weights[j];
  for (std::size_t j = 0; j < stages::kHistoryTaps; ++j) history[j][0] = window[j];
  stages::conv_acc(w, history, x, acc);
  return acc[0];
}

}  // namespace

MacCheck check_mac() {
  MacCheck check;
  for (std::size_t tap = 0; tap < spec::kTapsMax; ++tap) {
    Taps weights{}, window{};
    for (int w = -128; w <= 127; ++w)
      for (int x = -128; x <= 127; ++x) {
        weights[tap] = static_cast<std::int8_t>(w);
        window[tap] = static_cast<std::int8_t>(x);
        ++check.products;
        check.differing += conv_acc_of(weights, window) != w * x;
      }
  }
  constexpr std::array<std::array<int, 2>, 3> kExtremes{{{-128, 127}, {-128, -128}, {0, 0}}};
  for (int choice = 0; choice < 81; ++choice) {
    Taps weights{}, window{};
    std::int64_t sum = 0;
    for (int tap = 0, rest = choice; tap < spec::kTapsMax; ++tap, rest /= 3) {
      const auto& [w, x] = kExtremes[static_cast<std::size_t>(rest % 3)];
      weights[static_cast<std::size_t>(tap)] = static_cast<std::int8_t>(w);
      window[static_cast<std::size_t>(tap)] = static_cast<std::int8_t>(x);
      sum += std::int64_t{w} * x;
    }
    const std::int32_t acc = conv_acc_of(weights, window);
    ++check.corner_sums;
    check.differing += acc != sum;
    check.largest = std::max(check.largest, std::abs(acc));
  }
  check.fits = check.largest <= spec::max_of_bits(spec::kAccBits);
  return check;
}

}  // namespace quasim::compile
