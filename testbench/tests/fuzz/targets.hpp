// The readers of foreign files, each as a function of bytes: what a fuzzer feeds.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace quasim::fuzz {

struct Target {
  const char* name;
  /// Reads the bytes with the reader that the commands use. Throws InputError where it refuses them; throws
  /// std::logic_error where it accepts them and something is wrong with what it made of them.
  void (*read)(std::string_view bytes);
  /// Well-formed inputs to begin with.
  std::vector<std::string> (*seeds)();
};

const std::vector<Target>& targets();

/// Throws std::invalid_argument naming the targets there are.
const Target& target_of(std::string_view name);

/// Feeds one input and tells whether it was accepted. Whatever is no InputError, or an InputError that is not
/// one printable line naming the file, is thrown: a finding.
bool run(const Target& target, std::string_view bytes);

}  // namespace quasim::fuzz
