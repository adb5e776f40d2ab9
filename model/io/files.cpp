#include "io/files.hpp"

#include <fcntl.h>
#include <openssl/evp.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <system_error>
#include <utility>
#include <vector>

#include "io/signals.hpp"
#include "spec/error.hpp"

namespace quasim {
namespace {

constexpr char kBecameShorter[] = ": became shorter while it was read";

[[noreturn]] void throw_reason(const std::filesystem::path& path, const std::string& doing, int reason) {
  throw InputError(path.string() + ": cannot " + doing + ": " + std::generic_category().message(reason));
}

[[noreturn]] void fail(const std::filesystem::path& path, const std::string& doing) {
  throw_reason(path, doing, errno);
}

}  // namespace

bool is_present(const std::filesystem::path& path) {
  struct stat status {};
  if (::stat(path.c_str(), &status) == 0) return true;
  const int reason = errno;
  if (reason != ENOENT && reason != ENOTDIR) throw_reason(path, "look at", reason);
  if (::lstat(path.c_str(), &status) == 0) throw InputError(path.string() + ": is a link that leads nowhere");
  return false;
}

std::vector<std::filesystem::path> entries_of(const std::filesystem::path& directory) {
  std::vector<std::filesystem::path> entries;
  if (!is_present(directory)) return entries;
  std::error_code error;
  for (std::filesystem::directory_iterator entry(directory, error), end; !error && entry != end;
       entry.increment(error))
    entries.push_back(entry->path());
  if (error) throw_reason(directory, "list", error.value());
  return entries;
}

std::vector<std::filesystem::path> files_below(const std::filesystem::path& directory) {
  std::vector<std::filesystem::path> files;
  for (const std::filesystem::path& entry : entries_of(directory)) {
    std::error_code error;
    if (std::filesystem::symlink_status(entry, error).type() != std::filesystem::file_type::directory) {
      files.push_back(entry);
      continue;
    }
    const std::vector<std::filesystem::path> inner = files_below(entry);
    files.insert(files.end(), inner.begin(), inner.end());
  }
  return files;
}

InputFile::InputFile(std::filesystem::path path) : path_(std::move(path)) {
  descriptor_ = ::open(path_.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (descriptor_ < 0) fail(path_, "open");
  struct stat status {};
  if (::fstat(descriptor_, &status) != 0 || !S_ISREG(status.st_mode)) {
    ::close(descriptor_);
    throw InputError(path_.string() + ": expected a regular file");
  }
  size_bytes_ = static_cast<std::size_t>(status.st_size);
}

InputFile::~InputFile() {
  ::close(descriptor_);
}

void InputFile::read(std::size_t offset_bytes, void* bytes, std::size_t size_bytes) const {
  auto* to = static_cast<char*>(bytes);
  while (size_bytes > 0) {
    const ssize_t got = ::pread(descriptor_, to, size_bytes, static_cast<off_t>(offset_bytes));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) fail(path_, "read");
    if (got == 0) throw InputError(path_.string() + kBecameShorter);
    to += got;
    offset_bytes += static_cast<std::size_t>(got);
    size_bytes -= static_cast<std::size_t>(got);
  }
}

std::string read_text_file(const std::filesystem::path& path, std::size_t limit_bytes) {
  const InputFile file(path);
  if (file.size_bytes() > limit_bytes)
    throw InputError(path, "size", "at most " + std::to_string(limit_bytes) + " bytes");
  std::string text(file.size_bytes(), '\0');
  file.read(0, text.data(), text.size());
  return text;
}

MappedFile::Version MappedFile::version_of(const struct stat& status) {
  return {status.st_dev, status.st_ino, status.st_size, status.st_mtim.tv_sec, status.st_mtim.tv_nsec};
}

MappedFile::MappedFile(const std::filesystem::path& path) : path_(path) {
  const int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (descriptor < 0) fail(path, "open");
  struct stat status {};
  if (::fstat(descriptor, &status) != 0 || !S_ISREG(status.st_mode)) {
    ::close(descriptor);
    throw InputError(path.string() + ": expected a regular file");
  }
  version_ = version_of(status);
  size_bytes_ = static_cast<std::size_t>(status.st_size);
  if (size_bytes_ > 0) {
    void* map = ::mmap(nullptr, size_bytes_, PROT_READ, MAP_PRIVATE, descriptor, 0);
    if (map == MAP_FAILED) {
      const int reason = errno;
      ::close(descriptor);
      throw_reason(path, "map", reason);
    }
    data_ = static_cast<const std::byte*>(map);
    faultable_ = std::make_unique<signals::Faultable>(data_, size_bytes_, path.string() + kBecameShorter);
  }
  ::close(descriptor);
}

MappedFile::~MappedFile() {
  if (data_ != nullptr) ::munmap(const_cast<std::byte*>(data_), size_bytes_);
}

void MappedFile::require_unchanged() const {
  struct stat status {};
  if (::stat(path_.c_str(), &status) != 0) return;
  const Version now = version_of(status);
  // A new file of that name is another inode: the map still shows the old one.
  if (now.device != version_.device || now.inode != version_.inode) return;
  if (now.size_bytes != version_.size_bytes || now.seconds != version_.seconds ||
      now.nanoseconds != version_.nanoseconds)
    throw InputError(path_.string() + ": was changed while it was read");
}

struct Sha256::Context {
  std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> digest{EVP_MD_CTX_new(), &EVP_MD_CTX_free};
};

Sha256::Sha256() : context_(std::make_unique<Context>()) {
  if (context_->digest == nullptr || EVP_DigestInit_ex(context_->digest.get(), EVP_sha256(), nullptr) != 1)
    throw std::runtime_error("SHA-256 is not available");
}

Sha256::~Sha256() = default;
Sha256::Sha256(Sha256&&) noexcept = default;
Sha256& Sha256::operator=(Sha256&&) noexcept = default;

void Sha256::update(const void* bytes, std::size_t size_bytes) {
  if (EVP_DigestUpdate(context_->digest.get(), bytes, size_bytes) != 1)
    throw std::runtime_error("SHA-256 failed");
}

std::string Sha256::finish() {
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned length = 0;
  if (EVP_DigestFinal_ex(context_->digest.get(), digest.data(), &length) != 1)
    throw std::runtime_error("SHA-256 failed");
  constexpr char kHex[] = "0123456789abcdef";
  std::string text;
  for (unsigned i = 0; i < length; ++i) {
    text += kHex[digest[i] >> 4];
    text += kHex[digest[i] & 15];
  }
  return text;
}

std::string sha256_of_bytes(const void* bytes, std::size_t size_bytes) {
  Sha256 hash;
  hash.update(bytes, size_bytes);
  return hash.finish();
}

std::string sha256_of_file(const std::filesystem::path& path) {
  const InputFile file(path);
  std::vector<char> piece(std::min(file.size_bytes(), std::size_t{1} << 20));
  Sha256 hash;
  for (std::size_t done = 0; done < file.size_bytes(); done += piece.size()) {
    if (file.size_bytes() - done < piece.size()) piece.resize(file.size_bytes() - done);
    file.read(done, piece.data(), piece.size());
    hash.update(piece.data(), piece.size());
  }
  return hash.finish();
}

}  // namespace quasim
