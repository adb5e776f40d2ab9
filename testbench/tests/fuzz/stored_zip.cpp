#include "tests/fuzz/stored_zip.hpp"

#include <array>
#include <cstdint>

namespace quasim::fuzz {
namespace {

std::uint32_t crc32(const std::string& bytes) {
  static const auto table = [] {
    std::array<std::uint32_t, 256> entries{};
    for (std::uint32_t i = 0; i < entries.size(); ++i) {
      std::uint32_t value = i;
      for (int bit = 0; bit < 8; ++bit) value = value >> 1U ^ ((value & 1U) != 0 ? 0xedb88320U : 0U);
      entries[i] = value;
    }
    return entries;
  }();
  std::uint32_t crc = 0xffffffffU;
  for (const char c : bytes) crc = crc >> 8U ^ table[(crc ^ static_cast<std::uint8_t>(c)) & 0xffU];
  return ~crc;
}

void put(std::string& out, std::uint64_t value, int bytes) {
  for (int i = 0; i < bytes; ++i) out += static_cast<char>(value >> (8 * i) & 0xffU);
}

/// What the local and the central header of a member share, from "version needed" to the lengths.
void put_description(std::string& out, const std::string& name, const std::string& data) {
  put(out, 20, 2);     // version needed
  put(out, 0, 2 + 2);  // flags, stored
  put(out, 0x21, 4);   // 1 January 1980
  put(out, crc32(data), 4);
  put(out, data.size(), 4);
  put(out, data.size(), 4);
  put(out, name.size(), 2);
  put(out, 0, 2);  // no extra field
}

}  // namespace

std::string stored_zip(const std::vector<std::pair<std::string, std::string>>& members) {
  std::string out, directory;
  for (const auto& [name, data] : members) {
    const std::size_t offset = out.size();
    put(out, 0x04034b50, 4);
    put_description(out, name, data);
    out += name + data;
    put(directory, 0x02014b50, 4);
    put(directory, 20, 2);  // version made by
    put_description(directory, name, data);
    put(directory, 0, 2 + 2 + 2 + 4);  // no comment, first disk, no attributes
    put(directory, offset, 4);
    directory += name;
  }
  const std::size_t offset = out.size();
  out += directory;
  put(out, 0x06054b50, 4);
  put(out, 0, 2 + 2);
  put(out, members.size(), 2);
  put(out, members.size(), 2);
  put(out, directory.size(), 4);
  put(out, offset, 4);
  put(out, 0, 2);
  return out;
}

}  // namespace quasim::fuzz
