// A histogram of signed differences in ticks (ticks.hpp): exact in the middle, by powers of two outside.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <vector>

namespace quasim::analysis {

class TickHistogram {
 public:
  /// Differences up to this magnitude have a bin of their own; an int8 difference never leaves it.
  static constexpr std::int64_t kExact = 255;

  struct Row {
    std::int64_t from;  ///< least difference of the row
    std::int64_t to;    ///< largest difference of the row
    std::uint64_t count;
  };

  void add(std::int64_t ticks, std::uint64_t count = 1) { bins_[bin_of(ticks)] += count; }
  void merge(const TickHistogram& other) {
    for (std::size_t bin = 0; bin < kBins; ++bin) bins_[bin] += other.bins_[bin];
  }
  std::uint64_t at(std::int64_t ticks) const { return bins_[bin_of(ticks)]; }
  /// Rows with a count, in rising order.
  std::vector<Row> rows() const;

 private:
  static constexpr int kFirstPower = 8;  // 2^8 is the first difference beyond kExact
  static constexpr int kPowers = 63 - kFirstPower;
  static constexpr std::size_t kBins = 2 * (kExact + kPowers) + 1;
  static std::size_t bin_of(std::int64_t ticks) {
    // The most negative int64 has no magnitude; it shares the outermost bin.
    const std::int64_t bounded = std::max(ticks, -INT64_MAX);
    const std::int64_t magnitude = bounded < 0 ? -bounded : bounded;
    // Both ways are cheap and neither is rare: no branch to mispredict.
    const int power = 63 - __builtin_clzll(static_cast<std::uint64_t>(magnitude) | 1);
    const std::int64_t beyond = kExact + 1 - kFirstPower + power;
    const std::int64_t distance = magnitude <= kExact ? magnitude : beyond;
    return static_cast<std::size_t>((kExact + kPowers) + (bounded < 0 ? -distance : distance));
  }

  std::array<std::uint64_t, kBins> bins_{};
};

/// [{"from":..,"to":..,"count":..}, ...]
nlohmann::ordered_json to_json(const TickHistogram& histogram);

}  // namespace quasim::analysis
