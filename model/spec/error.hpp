// The one exception type for what a caller or a file got wrong. It becomes one line on stderr and exit
// code 2.
#pragma once

#include <filesystem>
#include <stdexcept>
#include <string>

namespace quasim {

class InputError : public std::runtime_error {
 public:
  explicit InputError(const std::string& message) : std::runtime_error(message) {}
  /// "FILE: FIELD: expected EXPECTATION"
  InputError(const std::filesystem::path& file, const std::string& field, const std::string& expectation)
      : std::runtime_error(file.string() + ": " + field + ": expected " + expectation) {}
};

}  // namespace quasim
