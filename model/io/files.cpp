#include "io/files.hpp"

#include <fcntl.h>
#include <openssl/evp.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <system_error>
#include <utility>
#include <vector>

#include "spec/error.hpp"

namespace quasim {
namespace {

[[noreturn]] void fail(const std::filesystem::path& path, const std::string& doing) {
  throw InputError(path.string() + ": cannot " + doing + ": " + std::generic_category().message(errno));
}

}  // namespace

bool is_present(const std::filesystem::path& path) {
  struct stat status {};
  if (::stat(path.c_str(), &status) == 0) return true;
  if (errno != ENOENT && errno != ENOTDIR) fail(path, "look at");
  if (::lstat(path.c_str(), &status) == 0) throw InputError(path.string() + ": is a link that leads nowhere");
  return false;
}

std::string read_text_file(const std::filesystem::path& path, std::size_t limit_bytes) {
  const MappedFile file(path);
  if (file.size_bytes() > limit_bytes)
    throw InputError(path, "size", "at most " + std::to_string(limit_bytes) + " bytes");
  return std::string(reinterpret_cast<const char*>(file.data()), file.size_bytes());
}

MappedFile::MappedFile(const std::filesystem::path& path) {
  const int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (descriptor < 0) fail(path, "open");
  struct stat status {};
  if (::fstat(descriptor, &status) != 0 || !S_ISREG(status.st_mode)) {
    ::close(descriptor);
    throw InputError(path.string() + ": expected a regular file");
  }
  size_bytes_ = static_cast<std::size_t>(status.st_size);
  if (size_bytes_ > 0) {
    void* map = ::mmap(nullptr, size_bytes_, PROT_READ, MAP_PRIVATE, descriptor, 0);
    if (map == MAP_FAILED) {
      ::close(descriptor);
      fail(path, "map");
    }
    data_ = static_cast<const std::byte*>(map);
  }
  ::close(descriptor);
}

MappedFile::MappedFile(MappedFile&& other) noexcept
    : data_(std::exchange(other.data_, nullptr)), size_bytes_(std::exchange(other.size_bytes_, 0)) {}

MappedFile::~MappedFile() {
  if (data_ != nullptr) ::munmap(const_cast<std::byte*>(data_), size_bytes_);
}

AtomicFile::AtomicFile(std::filesystem::path path) : path_(std::move(path)) {
  std::error_code error;
  if (path_.has_parent_path()) std::filesystem::create_directories(path_.parent_path(), error);
  if (std::filesystem::is_directory(path_, error)) throw InputError(path_.string() + ": is a directory");
  std::string pattern = path_.string() + ".tmp.XXXXXX";
  const int descriptor = ::mkstemp(pattern.data());
  if (descriptor < 0) fail(path_, "create");
  temporary_ = pattern;
  ::fchmod(descriptor, 0644);
  file_ = ::fdopen(descriptor, "wb");
  if (file_ == nullptr) {
    ::close(descriptor);
    std::filesystem::remove(temporary_, error);
    fail(path_, "create");
  }
}

AtomicFile::~AtomicFile() {
  if (file_ != nullptr) std::fclose(file_);
  std::error_code error;
  if (!temporary_.empty()) std::filesystem::remove(temporary_, error);
}

void AtomicFile::write(const void* bytes, std::size_t size_bytes) {
  if (size_bytes > 0 && std::fwrite(bytes, 1, size_bytes, file_) != size_bytes) fail(path_, "write");
}

void AtomicFile::commit() {
  const bool closed = std::fclose(std::exchange(file_, nullptr)) == 0;
  if (!closed || ::rename(temporary_.c_str(), path_.c_str()) != 0) fail(path_, "write");
  temporary_.clear();
}

void write_text_file(const std::filesystem::path& path, const std::string& text) {
  AtomicFile file(path);
  file.write(text);
  file.commit();
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
  const int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (descriptor < 0) fail(path, "open");
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(::fdopen(descriptor, "rb"), &std::fclose);
  if (file == nullptr) {
    ::close(descriptor);
    fail(path, "open");
  }
  struct stat status {};
  if (::fstat(descriptor, &status) != 0 || !S_ISREG(status.st_mode))
    throw InputError(path.string() + ": expected a regular file");
  std::vector<char> piece(std::size_t{1} << 20);
  Sha256 hash;
  while (const std::size_t length_bytes = std::fread(piece.data(), 1, piece.size(), file.get()))
    hash.update(piece.data(), length_bytes);
  if (std::ferror(file.get()) != 0) fail(path, "read");
  return hash.finish();
}

}  // namespace quasim
