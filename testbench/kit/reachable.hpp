// Which accumulators the weights of one channel can produce, and with which samples.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "spec/contract.hpp"

namespace quasim::kit {

/// The exact set {sum over k of w[k]*x[k] : x in int8^K}, not an interval: its gaps are known.
class ReachableSet {
 public:
  /// `weights` [taps], oldest tap first.
  ReachableSet(const std::int8_t* weights, std::size_t taps);

  bool contains(std::int32_t acc) const { return has(bits_.back(), acc - low_); }
  /// The least reachable accumulator that is at least `acc`, the largest that is at most `acc`.
  std::optional<std::int32_t> at_or_above(std::int32_t acc) const;
  std::optional<std::int32_t> at_or_below(std::int32_t acc) const;
  /// Samples [taps], oldest first, that give exactly `acc`, which must be reachable. `pivot` 0 ... 255
  /// chooses among the solutions.
  void solve(std::int32_t acc, unsigned pivot, std::int8_t* samples) const;

 private:
  /// Bit i stands for the sum that is i above the least one.
  using Bits = std::vector<std::uint64_t>;
  static bool has(const Bits& bits, std::int64_t index) {
    return index >= 0 && index < static_cast<std::int64_t>(bits.size() * 64) &&
           (bits[static_cast<std::size_t>(index) / 64] >> (index % 64) & 1) != 0;
  }

  std::vector<std::int8_t> weights_;
  std::vector<Bits> bits_;  ///< after 0, 1, ... taps
  std::int32_t low_ = 0;    ///< the least accumulator
};

}  // namespace quasim::kit
