#include "kit/formats.hpp"

#include <array>
#include <utility>

#include "spec/error.hpp"

namespace quasim::kit {
namespace {

constexpr std::array<std::pair<Format, std::string_view>, 7> kFormats{{{Format::kHex, "hex"},
                                                                       {Format::kMem, "mem"},
                                                                       {Format::kBin, "bin"},
                                                                       {Format::kNpy, "npy"},
                                                                       {Format::kCsv, "csv"},
                                                                       {Format::kCoe, "coe"},
                                                                       {Format::kMif, "mif"}}};

Format parse_format(std::string_view word) {
  for (const auto& [format, name] : kFormats)
    if (word == name) return format;
  throw InputError("format: expected all or a list of hex, mem, bin, npy, csv, coe, mif; got '" +
                   std::string(word) + "'");
}

}  // namespace

std::string_view to_string(Format format) {
  for (const auto& [known, name] : kFormats)
    if (known == format) return name;
  throw InputError("format out of range");
}

FormatSet parse_formats(std::string_view text) {
  FormatSet formats;
  if (text == "all") {
    for (const auto& row : kFormats) formats.insert(row.first);
    return formats;
  }
  for (std::size_t begin = 0; begin <= text.size();) {
    const std::size_t end = std::min(text.find(',', begin), text.size());
    formats.insert(parse_format(text.substr(begin, end - begin)));
    begin = end + 1;
  }
  return formats;
}

}  // namespace quasim::kit
