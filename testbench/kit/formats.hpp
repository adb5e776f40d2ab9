// The file formats a kit can hold.
#pragma once

#include <set>
#include <string>
#include <string_view>

namespace quasim::kit {

/// hex and mem: text for $readmemh, mem with an address line first; bin: raw little-endian; npy; csv; coe and
/// mif: memory images of two FPGA vendors.
enum class Format { kHex, kMem, kBin, kNpy, kCsv, kCoe, kMif };

std::string_view to_string(Format format);
using FormatSet = std::set<Format>;
/// "all" or a comma-separated list. Throws InputError naming the legal words.
FormatSet parse_formats(std::string_view text);

}  // namespace quasim::kit
