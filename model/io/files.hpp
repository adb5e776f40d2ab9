// Files: whole reads with a size limit, read-only maps, writes that are never half done, and SHA-256.
#pragma once

#include <cstddef>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <string>

namespace quasim {

/// True where the path is there, false where nothing is. A link that leads nowhere or to itself, and what may
/// not be looked at, is neither: that throws InputError, because a file that cannot be read must not pass for
/// one that was never written.
bool is_present(const std::filesystem::path& path);

/// Whole file; throws InputError when it cannot be read or is longer than `limit_bytes`.
std::string read_text_file(const std::filesystem::path& path,
                           std::size_t limit_bytes = std::size_t{64} << 20);

/// A read-only map of a regular file. Throws InputError when it cannot be opened.
class MappedFile {
 public:
  explicit MappedFile(const std::filesystem::path& path);
  ~MappedFile();
  MappedFile(MappedFile&& other) noexcept;
  MappedFile& operator=(MappedFile&&) = delete;
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;

  const std::byte* data() const { return data_; }
  std::size_t size_bytes() const { return size_bytes_; }

 private:
  const std::byte* data_ = nullptr;
  std::size_t size_bytes_ = 0;
};

/// A file that appears under its name only when commit() succeeds; otherwise nothing is left behind.
class AtomicFile {
 public:
  /// Creates missing parent directories. Throws InputError when the file cannot be created.
  explicit AtomicFile(std::filesystem::path path);
  ~AtomicFile();
  AtomicFile(const AtomicFile&) = delete;
  AtomicFile& operator=(const AtomicFile&) = delete;

  void write(const void* bytes, std::size_t size_bytes);
  void write(const std::string& text) { write(text.data(), text.size()); }
  /// Flushes and renames. Throws InputError when the disk refuses.
  void commit();

 private:
  std::filesystem::path path_;
  std::filesystem::path temporary_;
  std::FILE* file_ = nullptr;
};

void write_text_file(const std::filesystem::path& path, const std::string& text);

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
