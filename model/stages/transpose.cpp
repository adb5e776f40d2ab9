#include "stages/transpose.hpp"

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

namespace quasim::stages {
namespace {

constexpr std::size_t kTile = 16;

void transpose_part(ByteRows<const std::int8_t> from, ByteRows<std::int8_t> to, std::size_t rows,
                    std::size_t columns) {
  for (std::size_t r = 0; r < rows; ++r)
    for (std::size_t c = 0; c < columns; ++c) *to.at(c, r) = *from.at(r, c);
}

#if defined(__SSE2__)

/// Four rounds, each of which interleaves row i with row i + 8: a byte's row and column numbers together are
/// eight bits, and a round turns them by one. After four they have changed places.
void transpose_tile(ByteRows<const std::int8_t> from, ByteRows<std::int8_t> to) {
  __m128i rows[kTile], turned[kTile];
  for (std::size_t r = 0; r < kTile; ++r)
    rows[r] = _mm_loadu_si128(reinterpret_cast<const __m128i*>(from.at(r, 0)));
  for (int round = 0; round < 4; ++round) {
    for (std::size_t r = 0; r < kTile / 2; ++r) {
      turned[2 * r] = _mm_unpacklo_epi8(rows[r], rows[r + kTile / 2]);
      turned[2 * r + 1] = _mm_unpackhi_epi8(rows[r], rows[r + kTile / 2]);
    }
    for (std::size_t r = 0; r < kTile; ++r) rows[r] = turned[r];
  }
  for (std::size_t r = 0; r < kTile; ++r) _mm_storeu_si128(reinterpret_cast<__m128i*>(to.at(r, 0)), rows[r]);
}

#else

void transpose_tile(ByteRows<const std::int8_t> from, ByteRows<std::int8_t> to) {
  transpose_part(from, to, kTile, kTile);
}

#endif

}  // namespace

void transpose(ByteRows<const std::int8_t> from, ByteRows<std::int8_t> to, std::size_t rows,
               std::size_t columns) {
  const std::size_t whole_rows = rows - rows % kTile, whole_columns = columns - columns % kTile;
  for (std::size_t c = 0; c < whole_columns; c += kTile)
    for (std::size_t r = 0; r < whole_rows; r += kTile)
      transpose_tile({from.at(r, c), from.pitch}, {to.at(c, r), to.pitch});
  transpose_part({from.at(0, whole_columns), from.pitch}, {to.at(whole_columns, 0), to.pitch}, whole_rows,
                 columns - whole_columns);
  transpose_part({from.at(whole_rows, 0), from.pitch}, {to.at(0, whole_rows), to.pitch}, rows - whole_rows,
                 columns);
}

}  // namespace quasim::stages
