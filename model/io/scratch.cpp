#include "io/scratch.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <random>
#include <system_error>

#include "spec/error.hpp"

namespace quasim {
namespace {

namespace fs = std::filesystem;

constexpr char kAlphabet[] = "abcdefghijklmnopqrstuvwxyz0123456789";
constexpr std::size_t kRandomChars = 6;
constexpr int kAttempts = 100;

bool is_same_file(const struct stat& a, const struct stat& b) {
  return a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

/// True where the lock was free, or where this file system has no locks and `otherwise` says so.
bool lock(int descriptor, bool otherwise) {
  if (::flock(descriptor, LOCK_EX | LOCK_NB) == 0) return true;
  return errno != EWOULDBLOCK && otherwise;
}

/// Removes a leftover, unless its process lives.
void remove_leftover(const fs::path& path) {
  const int descriptor = ::open(path.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
  if (descriptor < 0) return;
  struct stat opened {};
  struct stat named {};
  if (lock(descriptor, false) && ::fstat(descriptor, &opened) == 0 && ::lstat(path.c_str(), &named) == 0 &&
      is_same_file(opened, named))
    signals::remove_tree(path.c_str());
  ::close(descriptor);
}

}  // namespace

fs::path unused_name(const fs::path& target, const std::string& mark) {
  static thread_local std::random_device random;
  std::uniform_int_distribution<std::size_t> letter(0, sizeof kAlphabet - 2);
  std::string name = target.string() + mark;
  for (std::size_t i = 0; i < kRandomChars; ++i) name += kAlphabet[letter(random)];
  return name;
}

std::vector<fs::path> used_names(const fs::path& target, const std::string& mark) {
  const std::string begin = target.filename().string() + mark;
  const fs::path directory = target.has_parent_path() ? target.parent_path() : fs::path(".");
  std::vector<fs::path> found;
  std::error_code error;
  for (fs::directory_iterator entry(directory, error), end; !error && entry != end; entry.increment(error)) {
    const std::string name = entry->path().filename().string();
    if (name.size() != begin.size() + kRandomChars || name.compare(0, begin.size(), begin) != 0 ||
        name.find_first_not_of(kAlphabet, begin.size()) != std::string::npos)
      continue;
    struct stat status {};
    if (::lstat(entry->path().c_str(), &status) == 0 && status.st_uid == ::geteuid() &&
        (S_ISREG(status.st_mode) || S_ISDIR(status.st_mode)))
      found.push_back(target.has_parent_path() ? entry->path() : fs::path(name));
  }
  return found;
}

Scratch::Scratch(const fs::path& target, Kind kind) {
  for (const fs::path& leftover : used_names(target, kScratchMark)) remove_leftover(leftover);
  for (int attempt = 0; attempt < kAttempts; ++attempt) {
    path_ = unused_name(target, kScratchMark);
    if (create(kind)) return;
    if (errno != EEXIST) break;
  }
  throw InputError(target.string() + ": cannot create: " + std::generic_category().message(errno));
}

bool Scratch::create(Kind kind) {
  const signals::Guard guard;
  if (kind == Kind::kFile) {
    descriptor_ = ::open(path_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (descriptor_ < 0) return false;
  } else {
    if (::mkdir(path_.c_str(), 0777) != 0) return false;
    descriptor_ = ::open(path_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (descriptor_ < 0) {
      const int reason = errno;
      ::rmdir(path_.c_str());
      errno = reason;
      return false;
    }
  }
  struct stat opened {};
  struct stat named {};
  if (!lock(descriptor_, true) || ::fstat(descriptor_, &opened) != 0 || ::lstat(path_.c_str(), &named) != 0 ||
      !is_same_file(opened, named)) {
    ::close(descriptor_);
    errno = EEXIST;
    return false;
  }
  mine_ = true;
  unfinished_.remember(path_.string(), guard);
  return true;
}

Scratch::~Scratch() {
  if (mine_) signals::remove_tree(path_.c_str());
  unfinished_.forget();
  if (descriptor_ >= 0) ::close(descriptor_);
}

}  // namespace quasim
