#include "kit/formats.hpp"

#include "spec/error.hpp"

namespace quasim::kit {
namespace {

Format parse_format(std::string_view word) {
  for (const FormatRow& row : kFormats)
    if (word == row.word) return row.format;
  throw InputError("format: expected all or a list of " + format_words() + "; got '" + std::string(word) +
                   "'");
}

}  // namespace

std::string format_words() {
  std::string words;
  for (const FormatRow& row : kFormats) words += (words.empty() ? "" : ", ") + std::string(row.word);
  return words;
}

std::string_view to_string(Format format) {
  for (const FormatRow& row : kFormats)
    if (row.format == format) return row.word;
  throw InputError("format out of range");
}

FormatSet parse_formats(std::string_view text) {
  FormatSet formats;
  if (text == "all") {
    for (const FormatRow& row : kFormats) formats.insert(row.format);
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
