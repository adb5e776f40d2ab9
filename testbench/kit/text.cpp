#include "kit/text.hpp"

#include <array>
#include <charconv>
#include <cstring>

namespace quasim::kit {
namespace {

constexpr char kDigits[] = "0123456789abcdef";

constexpr std::array<std::array<char, 2>, 256> make_pairs() {
  std::array<std::array<char, 2>, 256> pairs{};
  for (std::size_t i = 0; i < pairs.size(); ++i) pairs[i] = {kDigits[i >> 4], kDigits[i & 15]};
  return pairs;
}
constexpr std::array<std::array<char, 2>, 256> kPairs = make_pairs();

}  // namespace

char* put_hex(char* text, const void* little_endian, std::size_t size_bytes) {
  const auto* bytes = static_cast<const unsigned char*>(little_endian);
  for (std::size_t i = size_bytes; i-- > 0; text += 2) std::memcpy(text, kPairs[bytes[i]].data(), 2);
  return text;
}

std::string hex_digits(std::uint64_t value, int digits) {
  std::string text(static_cast<std::size_t>(digits), '0');
  for (auto digit = text.rbegin(); digit != text.rend(); ++digit, value >>= 4) *digit = kDigits[value & 15];
  return text;
}

char* put_decimal(char* text, std::int64_t value) {
  return std::to_chars(text, text + 20, value).ptr;
}

}  // namespace quasim::kit
