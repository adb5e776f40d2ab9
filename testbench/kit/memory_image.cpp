#include "kit/memory_image.hpp"

#include "kit/text.hpp"
#include "types/register_writes.hpp"

namespace quasim::kit {

std::vector<MemoryImage> memory_images(const LayerProgram& program, bool folded) {
  MemoryImage weight{"weight", "word c: byte k is w[c,k], byte K-1 multiplies the newest sample", 32, {}};
  MemoryImage bias{"bias", "word c: bias word B[c], two's complement", program.bias_bits, {}};
  const auto taps = static_cast<std::size_t>(program.taps);
  const std::uint64_t bias_mask = (std::uint64_t{1} << program.bias_bits) - 1;
  for (std::size_t channel = 0; channel < program.bias_words.size(); ++channel) {
    weight.words.push_back(word_of(program.weight.data() + channel * taps, taps));
    bias.words.push_back(static_cast<std::uint64_t>(program.bias_words[channel]) & bias_mask);
  }
  std::vector<MemoryImage> images{std::move(weight), std::move(bias)};
  const StageProgram& stage = program.stage();
  if (!stage.is_fused()) {
    MemoryImage table{"silu_table", "word i: out for q = i - 2^(N-1), two's complement", 8, {}};
    for (const std::int8_t entry : stage.silu_table) table.words.push_back(static_cast<std::uint8_t>(entry));
    images.push_back(std::move(table));
    if (folded) {
      MemoryImage fold{"fold",
                       "word i: g, out = max(q, 0) - g, for q = i and q = -i; word 0 for q = -2^(N-1)",
                       spec::kFoldBits,
                       {}};
      for (const std::uint8_t entry : stage.folded_table()) fold.words.push_back(entry);
      images.push_back(std::move(fold));
    }
    return images;
  }
  MemoryImage guess{"guess", "word i: cell i, base K in the low bits, slope G above", spec::kCellWidth, {}};
  MemoryImage near{"near", "word i: threshold of rank i", spec::kThresholdBits, {}};
  MemoryImage far{
      "far", "word i: low bits of the threshold of rank i + the number of near ones", spec::kFarBits, {}};
  for (const GuessCell& cell : stage.fused.guess) guess.words.push_back(word_of(cell));
  for (const std::uint32_t threshold : stage.fused.near) near.words.push_back(threshold);
  for (const std::uint16_t threshold : stage.fused.far) far.words.push_back(threshold);
  images.push_back(std::move(guess));
  images.push_back(std::move(near));
  images.push_back(std::move(far));
  return images;
}

std::string memory_text(const MemoryImage& image, Format format) {
  const int digits = (image.width_bits + 3) / 4;
  std::string text;
  switch (format) {
    case Format::kHex:
    case Format::kMem:
      if (format == Format::kMem) text = "@0\n";
      for (const std::uint64_t word : image.words) text += hex_digits(word, digits) + "\n";
      return text;
    case Format::kCoe:
      text = "memory_initialization_radix=16;\nmemory_initialization_vector=\n";
      for (std::size_t i = 0; i < image.words.size(); ++i)
        text += hex_digits(image.words[i], digits) + (i + 1 < image.words.size() ? ",\n" : ";\n");
      return text;
    case Format::kMif:
      text = "WIDTH=" + std::to_string(image.width_bits) + ";\nDEPTH=" + std::to_string(image.words.size()) +
             ";\nADDRESS_RADIX=HEX;\nDATA_RADIX=HEX;\nCONTENT BEGIN\n";
      for (std::size_t i = 0; i < image.words.size(); ++i)
        text += "  " + hex_digits(i, 4) + " : " + hex_digits(image.words[i], digits) + ";\n";
      return text + "END;\n";
    default:
      throw InputError("memory image: expected one of hex, mem, coe, mif");
  }
}

}  // namespace quasim::kit
