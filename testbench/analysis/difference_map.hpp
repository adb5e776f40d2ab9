// Where two int8 tensors differ, as a small picture: channel down, time across.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>

#include "types/tensor.hpp"

namespace quasim::analysis {

/// Larger tensors are drawn with several elements a cell, the largest difference winning.
inline constexpr std::size_t kMapCells = 1024;

/// a - b of every sequence: {"title", "a", "b", "compared", "differing", "histogram", and where anything
/// differs "sequence" (the one with the most differences), "rows", "columns", "channels_per_row",
/// "times_per_column", "cells"}. cells is base64 of two bits a cell, row by row, lowest bits first: 0 equal,
/// 1 a is one above b, 2 one below, 3 further away. Throws InputError for different shapes.
nlohmann::ordered_json difference_map(const std::string& name_a, const TensorBCL<std::int8_t>& a,
                                      const std::string& name_b, const TensorBCL<std::int8_t>& b);

/// RFC 4648 base64 with padding.
std::string base64(const std::string& bytes);

}  // namespace quasim::analysis
