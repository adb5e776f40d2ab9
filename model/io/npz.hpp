// NumPy .npz archives: zip files of .npy members, stored or deflated.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "io/npy.hpp"

namespace quasim {

/// A whole archive in memory. Anything but plain, unencrypted, intact .npy members with distinct names is
/// refused, and so is an archive of more than 64 members or more than 256 MiB unpacked; sizes are checked
/// before memory is taken.
class NpzFile {
 public:
  /// Throws InputError.
  explicit NpzFile(const std::filesystem::path& path);

  const std::filesystem::path& path() const { return path_; }
  bool has(const std::string& name) const { return members_.count(name) != 0; }
  /// Whole .npy files by name without suffix.
  const std::map<std::string, std::vector<std::byte>>& members() const { return members_; }
  /// The elements of a one-dimensional integer member as int32; int8, int16 and int32 members are accepted.
  /// Throws InputError.
  std::vector<std::int32_t> integers(const std::string& name) const;
  /// As above; the member must have `length_elems` elements.
  std::vector<std::int32_t> integers(const std::string& name, std::size_t length_elems) const;

 private:
  std::filesystem::path path_;
  std::map<std::string, std::vector<std::byte>> members_;
};

}  // namespace quasim
