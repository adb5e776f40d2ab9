// The one exception type for what a caller or a file got wrong. It becomes one line on stderr and exit
// code 2.
#pragma once

#include <filesystem>
#include <stdexcept>
#include <string>

#include "spec/words.hpp"

namespace quasim {

/// Whatever names and paths a message holds, what() is one printable line of bounded length.
class InputError : public std::runtime_error {
 public:
  explicit InputError(const std::string& message)
      : std::runtime_error(shortened(printable(message), kLongestMessage)) {}
  /// "FILE: FIELD: expected EXPECTATION"
  InputError(const std::filesystem::path& file, const std::string& field, const std::string& expectation)
      : InputError(file.string() + ": " + field + ": expected " + expectation) {}

 private:
  static constexpr std::size_t kLongestMessage = 8192;
};

/// What the command line itself got wrong, whatever the bundles hold: nothing is gained by trying the next
/// bundle.
class UsageError : public InputError {
 public:
  using InputError::InputError;
};

}  // namespace quasim
