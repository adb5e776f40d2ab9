// Numbers as text, fast: everything a kit prints by the gigabyte goes through here.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

namespace quasim::kit {

/// Writes a little-endian integer of `size_bytes` bytes as 2 * size_bytes lower-case digits, most significant
/// first; returns the end. A beat is such an integer: lane 0 is its least significant part.
char* put_hex(char* text, const void* little_endian, std::size_t size_bytes);

/// The low `digits` hexadecimal digits of a value.
std::string hex_digits(std::uint64_t value, int digits);

/// Writes a decimal integer; returns the end. At most 20 characters.
char* put_decimal(char* text, std::int64_t value);

}  // namespace quasim::kit
