// Numbers and lists from outside, held against the specification: what is wrong becomes one line that names
// the field, what was expected and what was found.
#pragma once

#include <cstdint>
#include <string>

#include "spec/error.hpp"

namespace quasim {

inline void require_range(const std::string& field, std::int64_t value, std::int64_t low, std::int64_t high) {
  if (value < low || value > high)
    throw InputError(field + ": expected " + std::to_string(low) + " to " + std::to_string(high) + "; got " +
                     std::to_string(value));
}

inline void require_length(const std::string& field, std::size_t have, std::size_t want) {
  if (have != want)
    throw InputError(field + ": expected " + std::to_string(want) + " entries; got " + std::to_string(have));
}

/// The greatest number of an unsigned field.
constexpr std::int64_t max_of_unsigned(int bits) {
  return (std::int64_t{1} << bits) - 1;
}

}  // namespace quasim
