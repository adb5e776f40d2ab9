// Bytes of a matrix, rows to columns.
#pragma once

#include <cstddef>
#include <cstdint>

namespace quasim::stages {

/// A matrix of bytes: where it begins, and how far apart its rows are.
template <class Byte>
struct ByteRows {
  Byte* begin;
  std::size_t pitch;

  Byte* at(std::size_t row, std::size_t column) const { return begin + row * pitch + column; }
};

/// to[c][r] = from[r][c] for `rows` rows and `columns` columns of `from`. The two lie apart.
void transpose(ByteRows<const std::int8_t> from, ByteRows<std::int8_t> to, std::size_t rows,
               std::size_t columns);

}  // namespace quasim::stages
