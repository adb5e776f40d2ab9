#include "stages/fused_row.hpp"

#include <algorithm>
#include <cstdlib>
#include <limits>

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

constexpr int kRowBuckets = 16;
constexpr std::size_t kParts = 256;  // of a bucket

/// Fills the first `count` buckets from the rank of each accumulator. False where they cannot hold them.
template <std::size_t Count>
bool fill_buckets(RankBuckets<Count>& buckets, std::size_t count, const std::vector<std::uint32_t>& ranks) {
  if (ranks.size() > 0xFFFF || ranks.back() > 0xFF) return false;
  buckets.scale =
      static_cast<std::uint16_t>(std::min<std::size_t>(0xFFFF, ((count - 1) << 16) / ranks.size()));
  std::array<int, Count> used{};
  std::uint32_t bucket = 0;
  buckets.rank[0] = static_cast<std::uint8_t>(ranks[0]);
  for (std::uint32_t offset = 1; offset < ranks.size(); ++offset) {
    if (ranks[offset] < ranks[offset - 1]) return false;
    const Place place = place_of(offset, buckets.scale);
    for (; bucket < place.bucket; ++bucket)
      buckets.rank[bucket + 1] = static_cast<std::uint8_t>(ranks[offset]);
    const auto counted = buckets.rank[bucket] + static_cast<std::uint32_t>(used[bucket]);
    for (std::uint32_t step = counted; step < ranks[offset]; ++step) {
      if (used[bucket] == RankBuckets<Count>::kMostSteps) return false;
      buckets.part[static_cast<std::size_t>(used[bucket]++)][bucket] = static_cast<std::uint8_t>(place.part);
    }
  }
  buckets.steps = *std::max_element(used.begin(), used.end());
  buckets.rows = static_cast<int>(bucket) / kRowBuckets + 1;
  const auto more = std::find_if(used.begin(), used.end(), [](int steps) { return steps > 1; });
  buckets.more = std::min(buckets.rows, static_cast<int>(more - used.begin()) / kRowBuckets);
  for (std::size_t b = 0; b < used.size(); ++b)
    buckets.rank[b] = static_cast<std::uint8_t>(buckets.rank[b] - (buckets.steps - used[b]));
  return true;
}

/// What a kernel reads out of the buckets.
template <std::size_t Count>
int out_of_buckets(const RankBuckets<Count>& buckets, int turn, std::uint32_t offset) {
  const Place place = place_of(offset, buckets.scale);
  const int row = static_cast<int>(place.bucket) / kRowBuckets;
  int rank = buckets.rank[place.bucket];
  for (int step = 0; step < buckets.steps; ++step) {
    const bool read = step == 0 || row >= buckets.more;
    rank += !read || place.part >= buckets.part[static_cast<std::size_t>(step)][place.bucket] ? 1 : 0;
  }
  return std::abs((rank & 0xFF) - turn) - turn;
}

/// Instructions that read the tables for one vector: two for each row of a table, one for each row, three for
/// each step.
template <std::size_t Count>
int reading_cost(const RankBuckets<Count>& buckets) {
  const int tables_of_all_rows = std::min(buckets.steps, 1) + 1, others = std::max(0, buckets.steps - 1);
  const int lookups = tables_of_all_rows * buckets.rows + others * (buckets.rows - buckets.more);
  return 2 * lookups + buckets.rows + 3 * buckets.steps;
}

/// The same where 128 bytes of a table are one instruction: one for each half of a table of 256, three to
/// join the halves, three for each step.
template <std::size_t Count>
int whole_table_cost(const RankBuckets<Count>& buckets) {
  return (buckets.steps + 1) * (Count > 128 ? 5 : 2) + 3 * buckets.steps;
}

/// The fastest to read of `least` buckets, and more by rows, up to Count: more buckets hold fewer steps each,
/// in longer tables. They are held against the list of outputs; steps = -1 where none gives it.
template <std::size_t Count>
RankBuckets<Count> make_buckets(std::size_t least, const FusedRow& row,
                                const std::vector<std::uint32_t>& ranks) {
  RankBuckets<Count> best;
  for (std::size_t count = Count; count >= least; count -= kRowBuckets) {
    if (count < Count && count * kParts < ranks.size()) break;  // a part would hold two accumulators
    RankBuckets<Count> buckets;
    bool fits =
        fill_buckets(buckets, count, ranks) && (best.steps < 0 || reading_cost(buckets) < reading_cost(best));
    for (std::uint32_t offset = 0; fits && offset < ranks.size(); ++offset)
      fits = out_of_buckets(buckets, row.turn, offset) == row.out[offset];
    if (fits) best = buckets;
  }
  return best;
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
  row.many = make_buckets<256>(256, row, ranks);
  row.half = make_buckets<128>(128, row, ranks);
  if (row.many.steps >= 0 && whole_table_cost(row.many) <= whole_table_cost(row.half)) row.half.steps = -1;
  const std::int64_t last = row.first + static_cast<std::int64_t>(row.out.size()) - 1;
  if (row.first >= std::numeric_limits<std::int16_t>::min() &&
      last <= std::numeric_limits<std::int16_t>::max())
    row.few = make_buckets<128>(kRowBuckets, row, ranks);
  return row;
}

}  // namespace quasim::stages
