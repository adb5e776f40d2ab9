// Numeric options: one parser for every verb, so that nothing wraps, is cut or is silently ignored.
#pragma once

#include <CLI/CLI.hpp>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <limits>
#include <string>
#include <type_traits>
#include <vector>

#include "cosim/lanes.hpp"
#include "spec/error.hpp"

namespace quasim::cli {

/// The numbers that an option takes: from `low` to `high`, both included, finite.
template <class Number>
struct NumberRange {
  Number low = std::numeric_limits<Number>::lowest();
  Number high = std::numeric_limits<Number>::max();

  static std::string text_of(Number number) {
    if constexpr (std::is_integral_v<Number>) return std::to_string(number);
    char text[40];
    std::snprintf(text, sizeof text, "%g", static_cast<double>(number));
    return text;
  }
  bool holds(Number number) const { return number >= low && number <= high; }
  /// "an integer from 1 to 64"
  std::string words() const {
    const std::string kind = std::is_integral_v<Number> ? "an integer" : "a number";
    if (!std::is_integral_v<Number> && low == std::numeric_limits<Number>::min() &&
        high == std::numeric_limits<Number>::max())
      return kind + " above 0";
    return kind + " from " + text_of(low) + " to " + text_of(high);
  }
  /// The number that the whole of `text` is. Throws UsageError naming the option `name` and the range.
  Number parse(const std::string& name, const std::string& text) const {
    Number number{};
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    const bool whole = error == std::errc() && end == text.data() + text.size();
    if (!whole || !holds(number)) throw UsageError(name + ": expected " + words() + "; got '" + text + "'");
    return number;
  }
};

/// The parts of `text` between separators; one where there is none.
inline std::vector<std::string> split(const std::string& text, char separator) {
  std::vector<std::string> parts(1);
  for (const char c : text)
    if (c == separator)
      parts.emplace_back();
    else
      parts.back() += c;
  return parts;
}

/// Numbers above 0.
inline constexpr NumberRange<double> kPositive{std::numeric_limits<double>::min(),
                                               std::numeric_limits<double>::max()};

/// Widths that the streaming verbs may have; which of them are built is the test bench's to say.
inline constexpr NumberRange<std::size_t> kStreamLanes{cosim::kTestbenchLanes.front(),
                                                       cosim::kTestbenchLanes.back()};

/// True where `value` is a multiple of `step`, or where there is no step to keep: 0, or numbers with a
/// fraction.
template <class Number>
bool is_multiple([[maybe_unused]] Number value, [[maybe_unused]] Number step) {
  if constexpr (std::is_integral_v<Number>)
    return step == 0 || value % step == 0;
  else
    return true;
}

/// Adds the option `name` (for instance --seed) that sets `value`. The help says the range, and the default
/// where it lies within. Where `step` is given, only its multiples are taken.
template <class Number>
CLI::Option* add_number(CLI::App& verb, const std::string& name, Number& value, NumberRange<Number> range,
                        const std::string& description, Number step = Number{}) {
  CLI::Option* option = verb.add_option_function<std::string>(
      name,
      [&value, name, range, step](const std::string& text) {
        value = range.parse(name, text);
        if (!is_multiple(value, step))
          throw UsageError(name + ": expected a multiple of " + std::to_string(step) + "; got '" + text +
                           "'");
      },
      description + "; " + range.words());
  option->type_name(std::is_integral_v<Number> ? "INTEGER" : "NUMBER");
  if (range.holds(value)) option->default_str(NumberRange<Number>::text_of(value));
  return option;
}

}  // namespace quasim::cli
