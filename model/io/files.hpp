// Reading files: whether one is there, whole reads with a size limit, reads by offset, read-only maps, and
// SHA-256.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

struct stat;

namespace quasim {

namespace signals {
class Faultable;
}

/// True where the path is there, false where nothing is. A link that leads nowhere or to itself, and what may
/// not be looked at, is neither: that throws InputError, because a file that cannot be read must not pass for
/// one that was never written.
bool is_present(const std::filesystem::path& path);

/// What lies in a directory, in no order; nothing where there is no such directory. Throws InputError where
/// it cannot be listed.
std::vector<std::filesystem::path> entries_of(const std::filesystem::path& directory);
/// Everything below a directory that is not itself one. Links to directories are not followed. Throws
/// InputError.
std::vector<std::filesystem::path> files_below(const std::filesystem::path& directory);

/// A regular file, read by offset. It is not mapped: where another process shortens it, a read throws.
class InputFile {
 public:
  /// Throws InputError when it cannot be opened or is not a regular file.
  explicit InputFile(std::filesystem::path path);
  ~InputFile();
  InputFile(const InputFile&) = delete;
  InputFile& operator=(const InputFile&) = delete;

  const std::filesystem::path& path() const { return path_; }
  /// As it was when it was opened.
  std::size_t size_bytes() const { return size_bytes_; }
  /// Throws InputError where the file has become shorter or the system refuses.
  void read(std::size_t offset_bytes, void* bytes, std::size_t size_bytes) const;

 private:
  std::filesystem::path path_;
  int descriptor_ = -1;
  std::size_t size_bytes_ = 0;
};

/// Whole file; throws InputError when it cannot be read or is longer than `limit_bytes`.
std::string read_text_file(const std::filesystem::path& path,
                           std::size_t limit_bytes = std::size_t{64} << 20);

/// A read-only map of a regular file. Throws InputError when it cannot be opened. Where another process
/// shortens the file, an access beyond its new end raises SIGBUS, which the command's handler turns into one
/// line; require_unchanged() finds every other change.
class MappedFile {
 public:
  explicit MappedFile(const std::filesystem::path& path);
  ~MappedFile();
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;

  const std::filesystem::path& path() const { return path_; }
  const std::byte* data() const { return data_; }
  std::size_t size_bytes() const { return size_bytes_; }
  /// Throws InputError where the file was written or shortened since it was mapped.
  void require_unchanged() const;

 private:
  /// What stays the same as long as nobody writes.
  struct Version {
    std::uint64_t device, inode;
    std::int64_t size_bytes, seconds, nanoseconds;
  };
  static Version version_of(const struct stat& status);

  std::filesystem::path path_;
  Version version_{};
  const std::byte* data_ = nullptr;
  std::size_t size_bytes_ = 0;
  std::unique_ptr<signals::Faultable> faultable_;
};

/// SHA-256 of bytes that come piece by piece.
class Sha256 {
 public:
  Sha256();
  ~Sha256();
  Sha256(Sha256&&) noexcept;
  Sha256& operator=(Sha256&&) noexcept;

  void update(const void* bytes, std::size_t size_bytes);
  /// Lower-case hexadecimal digest of all pieces; nothing may be added afterwards.
  std::string finish();

 private:
  struct Context;
  std::unique_ptr<Context> context_;
};

/// Lower-case hexadecimal SHA-256.
std::string sha256_of_bytes(const void* bytes, std::size_t size_bytes);
/// Reads piece by piece, so that a file of any size takes little memory.
std::string sha256_of_file(const std::filesystem::path& path);

}  // namespace quasim
