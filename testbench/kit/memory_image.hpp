// Initial contents of a memory as .hex, .mem, Xilinx .coe and Intel .mif.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "kit/formats.hpp"
#include "types/program.hpp"

namespace quasim::kit {

struct MemoryImage {
  std::string name;
  std::string meaning;
  int width_bits;
  std::vector<std::uint64_t> words;  ///< the low width_bits of each
};

/// weight (one 32-bit word a channel), bias (bias_bits a channel), silu_table (8 bits an entry) and, folded,
/// fold (FoldBits an entry); of fused guess, near and far.
std::vector<MemoryImage> memory_images(const LayerProgram& program, bool folded);

/// Text of an image in one of hex, mem, coe and mif.
std::string memory_text(const MemoryImage& image, Format format);

}  // namespace quasim::kit
