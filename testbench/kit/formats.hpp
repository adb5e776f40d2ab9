// The file formats a kit can hold.
#pragma once

#include <array>
#include <set>
#include <string>
#include <string_view>

namespace quasim::kit {

/// hex and mem: text for $readmemh, mem with an address line first; bin: raw little-endian; npy; csv; coe and
/// mif: memory images of two FPGA vendors.
enum class Format { kHex, kMem, kBin, kNpy, kCsv, kCoe, kMif };

/// Where a format is used. A new one needs a row here, and a way to write it in stream_writer.cpp or
/// memory_image.cpp.
struct FormatRow {
  Format format;
  std::string_view word;  ///< on the command line, and the end of the file's name
  bool vectors, memories;
};
inline constexpr std::array<FormatRow, 7> kFormats{{{Format::kHex, "hex", true, true},
                                                    {Format::kMem, "mem", true, true},
                                                    {Format::kBin, "bin", true, false},
                                                    {Format::kNpy, "npy", true, false},
                                                    {Format::kCsv, "csv", true, false},
                                                    {Format::kCoe, "coe", false, true},
                                                    {Format::kMif, "mif", false, true}}};

/// "hex, mem, bin, ..."
std::string format_words();
std::string_view to_string(Format format);
using FormatSet = std::set<Format>;
/// "all" or a comma-separated list. Throws InputError naming the legal words.
FormatSet parse_formats(std::string_view text);

}  // namespace quasim::kit
