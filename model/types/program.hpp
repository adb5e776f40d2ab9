// The layer program: all that the integer datapath of two_step needs, and the file that carries it.
#pragma once

#include <cstdint>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "spec/contract.hpp"
#include "types/tensor.hpp"

namespace quasim {

/// p = M*acc + B[c];  q = clamp_N(round_shift(p, S));  out = silu_table[q + 2^(N-1)].
struct LayerProgram {
  std::string name;
  int taps = spec::kTapsMax;                ///< K
  int conv_bits = spec::kConvBitsDefault;   ///< N
  int mult_bits = spec::kMultBitsDefault;   ///< width of M
  int bias_bits = spec::kBiasBitsDefault;   ///< width of B
  Rounding rounding = Rounding::kHalfEven;  ///< tie rule of round_shift
  std::uint32_t multiplier = 0;             ///< M, below 2^mult_bits
  int shift_bits = 0;                       ///< S, at most spec::kShiftMax
  TensorCK<std::int8_t> weight;             ///< [C, K]
  std::vector<std::int64_t> bias_words;     ///< B, [C], signed bias_bits wide
  std::vector<std::int8_t> silu_table;      ///< 2^N entries; entry i is for q = i - 2^(N-1)
  nlohmann::ordered_json compiled_from;     ///< target and hashes of what the program was compiled from
  nlohmann::ordered_json certificate;       ///< what was proven of it; null where nothing was

  int channels() const { return static_cast<int>(weight.extent<'C'>()); }
  std::int8_t silu_entry(std::int64_t q) const {
    return silu_table[static_cast<std::size_t>(q - spec::min_of_bits(conv_bits))];
  }
  /// Throws InputError naming the first field that is out of range, its value and the range.
  void validate() const;
};

/// Strict reader: `quasim.program/1` JSON; unknown keys, wrong lengths and values out of range are refused.
LayerProgram read_program(const std::filesystem::path& file);
/// The file as text; validated.
std::string program_text(const LayerProgram& program);
void write_program(const std::filesystem::path& file, const LayerProgram& program);

}  // namespace quasim
