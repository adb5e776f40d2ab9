// Words in messages and tables: foreign text made printable, and what a misspelt word was probably meant to
// be.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace quasim {

/// Text that came from outside (a name, a path, a key), as it may stand in one line for people. Line breaks
/// of every kind, control characters, terminal escapes, marks that change the direction of writing and bytes
/// that are not UTF-8 become \n, \r, \t, \xNN or \uNNNN; everything else stays as it is. Printable text is
/// returned unchanged, so applying it twice does no harm.
std::string printable(std::string_view text);

/// At most `limit_bytes` bytes of `text`, the rest replaced by "...".
std::string shortened(std::string_view text, std::size_t limit_bytes);

/// Characters of UTF-8 text: the columns it takes, as far as each takes one.
std::size_t display_width(std::string_view text);

/// "; did you mean WORD?" with the nearest of `known`; empty where none is near.
std::string did_you_mean(std::string_view word, const std::vector<std::string>& known);

/// 12345678 -> "12,345,678".
std::string group_digits(std::uint64_t value);

}  // namespace quasim
