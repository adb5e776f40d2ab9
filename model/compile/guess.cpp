#include "compile/guess.hpp"

#include <algorithm>

#include "stages/fused.hpp"

namespace quasim::compile {
namespace {

constexpr int kSteps = 1 << spec::kCellPositionBits;  // parts of a cell that the guess tells apart

class CellSearch {
 public:
  CellSearch(const std::vector<std::int64_t>& thresholds, int cell_bits, std::size_t near)
      : thresholds_(thresholds),
        near_(static_cast<std::int64_t>(near)),
        width_(std::int64_t{1} << (spec::kThresholdBits - cell_bits - spec::kCellPositionBits)) {}

  /// The cell with the fewest wrong positions; among those without any, the one that keeps u closest to the
  /// far thresholds it is compared with.
  GuessCell best(std::int64_t first, std::int64_t& wrong) const {
    const std::int64_t rank = rank_of(first);
    GuessCell chosen;
    Cost least{std::int64_t{1} << spec::kThresholdBits, 0};
    const std::int64_t base_end = std::min<std::int64_t>(2 * (rank + 2), 1 << spec::kCellBaseBits);
    for (std::int64_t base = std::max<std::int64_t>(0, 2 * (rank - 2)); base < base_end; ++base)
      for (int slope = 0; slope < 1 << spec::kCellSlopeBits; ++slope) {
        const GuessCell cell{static_cast<std::uint16_t>(base), static_cast<std::uint8_t>(slope)};
        const Cost cost = cost_of(cell, first, least);
        if (cost < least) {
          least = cost;
          chosen = cell;
        }
      }
    wrong += least.wrong;
    return chosen;
  }

 private:
  struct Cost {
    std::int64_t wrong, distance;
    bool operator<(const Cost& other) const {
      return wrong != other.wrong ? wrong < other.wrong : distance < other.distance;
    }
  };

  std::int64_t rank_of(std::int64_t u) const {
    return std::upper_bound(thresholds_.begin(), thresholds_.end(), u) - thresholds_.begin();
  }

  Cost cost_of(const GuessCell& cell, std::int64_t first, const Cost& limit) const {
    Cost cost{0, 0};
    for (int step = 0; step < kSteps && !(limit < cost); ++step) {
      const std::int64_t low = first + step * width_, high = low + width_ - 1;
      const auto c = static_cast<std::int64_t>(stages::fused_guess(
          &cell, 0, static_cast<std::uint32_t>(step << (spec::kThresholdBits - spec::kCellPositionBits))));
      add(c, low, high, cost);
    }
    return cost;
  }

  /// What a guess of c costs for u from `low` to `high`.
  void add(std::int64_t c, std::int64_t low, std::int64_t high, Cost& cost) const {
    const auto count = static_cast<std::int64_t>(thresholds_.size());
    if (c >= count) {
      cost.wrong += high - low + 1;
      return;
    }
    const auto at = [this](std::int64_t k) { return thresholds_[static_cast<std::size_t>(k)]; };
    if (c > 0) cost.wrong += std::clamp<std::int64_t>(at(c - 1) - low, 0, high - low + 1);
    if (c + 1 < count) cost.wrong += std::clamp<std::int64_t>(high + 1 - at(c + 1), 0, high - low + 1);
    if (c < near_) return;
    constexpr std::int64_t kReach = std::int64_t{1} << (spec::kFarBits - 1);
    cost.wrong += std::clamp<std::int64_t>(at(c) - kReach - low, 0, high - low + 1);
    cost.wrong += std::clamp<std::int64_t>(high + 1 - (at(c) + kReach), 0, high - low + 1);
    cost.distance = std::max({cost.distance, at(c) - low, high + 1 - at(c)});
  }

  const std::vector<std::int64_t>& thresholds_;
  std::int64_t near_, width_;
};

}  // namespace

Guess find_guess(const std::vector<std::int64_t>& thresholds, int cell_bits, std::size_t near) {
  Guess guess;
  const CellSearch search(thresholds, cell_bits, near);
  for (std::int64_t cell = 0; cell < std::int64_t{1} << cell_bits; ++cell)
    guess.cells.push_back(search.best(cell << (spec::kThresholdBits - cell_bits), guess.wrong));
  return guess;
}

}  // namespace quasim::compile
