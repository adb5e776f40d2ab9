// Scratch files and directories: what an output is written into before it gets its name.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "io/signals.hpp"

namespace quasim {

/// What unfinished outputs are called after their target's name, before six random characters.
inline constexpr char kScratchMark[] = ".tmp.quasim-";

/// A file or directory TARGET.tmp.quasim-XXXXXX beside its target. It disappears at the end of its scope and
/// at a signal that ends the process. Where the process is killed it stays, and is removed by the next
/// scratch of the same target: it is locked while its process lives, so that nothing in use is taken for such
/// a leftover.
class Scratch {
 public:
  enum class Kind { kFile, kDirectory };
  /// Removes leftovers of `target` and creates. Throws InputError naming the target.
  Scratch(const std::filesystem::path& target, Kind kind);
  ~Scratch();
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;

  const std::filesystem::path& path() const { return path_; }
  int descriptor() const { return descriptor_; }
  /// For the owner that has given it another name: there is nothing to remove.
  void release() { mine_ = false; }

 private:
  /// False where the name is taken or the new file was mistaken for a leftover; another name is tried then.
  bool create(Kind kind);

  std::filesystem::path path_;
  int descriptor_ = -1;
  bool mine_ = false;
  signals::Unfinished unfinished_;
};

/// A name that does not exist yet, TARGET followed by `mark` and six random characters.
std::filesystem::path unused_name(const std::filesystem::path& target, const std::string& mark);
/// What unused_name() gave for the same target and mark, as far as it exists and belongs to this user.
std::vector<std::filesystem::path> used_names(const std::filesystem::path& target, const std::string& mark);

}  // namespace quasim
