// The fused dataflow of all channels that share a bias word, as tables over the accumulator; see untimed.hpp.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "types/program.hpp"

namespace quasim::stages {

/// Ranks for kernels that look up bytes. The accumulators of a row are cut into buckets,
/// bucket = (acc - first) * scale >> 16, of 256 parts each. A bucket starts with rank[bucket], modulo 256,
/// and from each of its parts on it is one more; a step that a bucket does not have starts at part 0.
template <std::size_t Count>
struct RankBuckets {
  static constexpr int kMostSteps = 4;
  int steps = -1;  ///< used of kMostSteps; -1 where the ranks do not fit
  int rows = 0;    ///< of 16 buckets that are used
  int more = 0;    ///< the first row that has a bucket with more than one step, else `rows`
  std::uint16_t scale = 0;
  std::array<std::uint8_t, Count> rank{};
  std::array<std::array<std::uint8_t, Count>, kMostSteps> part{};
};

struct FusedRow {
  /// out at `first`, first + 1, ...; below and above them its ends repeat.
  std::int32_t first = 0;
  std::vector<std::int8_t> out;

  /// The same by ranks, out = |rank - turn| - turn. Where 128 bytes of a table are an instruction: many
  /// buckets, and half as many, which has steps = -1 where it is not read faster. Where 16 bytes are: few, as
  /// many as are read fastest; used only where the row also lies within 16-bit accumulators, and steps = -1
  /// elsewhere.
  int turn = 0;
  RankBuckets<256> many;
  RankBuckets<128> half;
  RankBuckets<128> few;

  /// Whether many or half are there.
  bool fast() const { return many.steps >= 0 || half.steps >= 0; }
};

/// The row for accumulators acc_min to acc_max, checked against the scalar stages at each of them.
FusedRow make_fused_row(const StageProgram& stage, std::int64_t bias_word, std::int32_t acc_min,
                        std::int32_t acc_max);

}  // namespace quasim::stages
