#include "stages/fused_row.hpp"

#include <algorithm>
#include <cstdlib>

#include "stages/evaluate.hpp"

namespace quasim::stages {
namespace {

std::uint32_t rank_at(const StageProgram& stage, std::int64_t bias_word, std::int32_t acc) {
  const std::uint32_t u = fused_position(requant_product(stage.multiplier, acc) + bias_word).u;
  const std::uint32_t c = fused_guess(stage.fused.guess.data(), stage.fused.cell_bits(), u);
  return c + (fused_reached(stage.fused, c, u) ? 1U : 0U);
}

/// Where accumulator first + offset lies.
struct Place {
  std::uint32_t bucket, part;
};
Place place_of(std::uint32_t offset, std::uint16_t scale) {
  const std::uint32_t scaled = offset * scale;
  return {scaled >> 16, scaled >> 8 & 0xFF};
}

/// Fills the buckets from the rank of each accumulator. False where they cannot hold them.
bool fill_buckets(FusedRow& row, const std::vector<std::uint32_t>& ranks) {
  constexpr std::uint32_t kBuckets = 255;
  if (ranks.size() > 0xFFFF || ranks.back() > 0xFF) return false;
  row.scale =
      static_cast<std::uint16_t>(std::min<std::size_t>(0xFFFF, (std::size_t{kBuckets} << 16) / ranks.size()));
  std::array<int, 256> used{};
  std::uint32_t bucket = 0;
  row.rank[0] = static_cast<std::uint8_t>(ranks[0]);
  for (std::uint32_t offset = 1; offset < ranks.size(); ++offset) {
    if (ranks[offset] < ranks[offset - 1]) return false;
    const Place place = place_of(offset, row.scale);
    for (; bucket < place.bucket; ++bucket) row.rank[bucket + 1] = static_cast<std::uint8_t>(ranks[offset]);
    const auto counted = row.rank[bucket] + static_cast<std::uint32_t>(used[bucket]);
    for (std::uint32_t step = counted; step < ranks[offset]; ++step) {
      if (used[bucket] == FusedRow::kMostSteps) return false;
      row.part[static_cast<std::size_t>(used[bucket]++)][bucket] = static_cast<std::uint8_t>(place.part);
    }
  }
  row.steps = *std::max_element(used.begin(), used.end());
  for (std::size_t b = 0; b < used.size(); ++b)
    row.rank[b] = static_cast<std::uint8_t>(row.rank[b] - (row.steps - used[b]));
  return true;
}

/// What a kernel reads out of the buckets.
int out_of_buckets(const FusedRow& row, std::uint32_t offset) {
  const Place place = place_of(offset, row.scale);
  int rank = row.rank[place.bucket];
  for (int step = 0; step < row.steps; ++step)
    rank += place.part >= row.part[static_cast<std::size_t>(step)][place.bucket] ? 1 : 0;
  return std::abs((rank & 0xFF) - row.turn) - row.turn;
}

}  // namespace

FusedRow make_fused_row(const StageProgram& stage, std::int64_t bias_word, std::int32_t acc_min,
                        std::int32_t acc_max) {
  std::vector<std::uint32_t> ranks;
  FusedRow row;
  for (std::int32_t acc = acc_min; acc <= acc_max; ++acc) {
    ranks.push_back(rank_at(stage, bias_word, acc));
    row.out.push_back(fused_output(ranks.back(), stage.fused.turn));
  }
  // Only what lies between the first and the last change is kept.
  const auto changed_first =
      std::find_if(ranks.begin(), ranks.end(), [&](std::uint32_t rank) { return rank != ranks.front(); });
  const auto head = std::max<std::ptrdiff_t>(0, changed_first - ranks.begin() - 1);
  const auto changed_last =
      std::find_if(ranks.rbegin(), ranks.rend(), [&](std::uint32_t rank) { return rank != ranks.back(); });
  const auto tail = changed_last == ranks.rend()
                        ? std::ptrdiff_t(ranks.size()) - 1
                        : std::max<std::ptrdiff_t>(0, changed_last - ranks.rbegin() - 1);
  const auto end = static_cast<std::ptrdiff_t>(ranks.size()) - tail;
  ranks = {ranks.begin() + head, ranks.begin() + std::max(end, head + 1)};
  row.out = {row.out.begin() + head, row.out.begin() + std::max(end, head + 1)};
  row.first = acc_min + static_cast<std::int32_t>(head);
  row.turn = stage.fused.turn;
  bool fits = fill_buckets(row, ranks);
  for (std::uint32_t offset = 0; fits && offset < ranks.size(); ++offset)
    fits = out_of_buckets(row, offset) == row.out[offset];
  if (!fits) row.steps = -1;
  return row;
}

}  // namespace quasim::stages
