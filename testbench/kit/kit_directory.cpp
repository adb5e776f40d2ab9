#include "kit/kit_directory.hpp"

#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <set>
#include <system_error>
#include <utility>

#include "kit/manifest.hpp"
#include "spec/error.hpp"

namespace quasim::kit {
namespace fs = std::filesystem;
namespace {

[[noreturn]] void fail(const fs::path& path, const std::string& doing, int code) {
  throw InputError(path.string() + ": cannot " + doing + ": " + std::generic_category().message(code));
}

/// Refuses a directory that holds anything a new kit would destroy.
void require_replaceable(const fs::path& target) {
  std::error_code error;
  if (!fs::exists(fs::symlink_status(target, error))) return;
  if (!fs::is_directory(fs::symlink_status(target, error)))
    throw InputError(target.string() + ": exists and is not a directory");
  if (fs::is_empty(target, error)) return;
  std::set<std::string> own{kManifestName, kSumsName};
  try {
    for (const ListedFile& file : read_manifest_files(target)) own.insert(file.name);
  } catch (const InputError&) {
    throw InputError(target.string() + ": exists and is not a kit; it is left as it is");
  }
  for (const auto& entry : fs::recursive_directory_iterator(target)) {
    const std::string name = entry.path().lexically_relative(target).generic_string();
    if (!entry.is_directory() && own.count(name) == 0)
      throw InputError(target.string() + ": holds " + name +
                       ", which is not of the kit; it is left as it is");
  }
}

}  // namespace

KitFile::KitFile(const fs::path& directory, std::string name, nlohmann::ordered_json about)
    : path_(directory / name),
      name_(std::move(name)),
      about_(std::move(about)),
      file_(nullptr, &std::fclose) {
  std::error_code error;
  fs::create_directories(path_.parent_path(), error);
  file_.reset(std::fopen(path_.c_str(), "wbx"));
  if (file_ == nullptr) fail(path_, "create", errno);
}

void KitFile::write(const void* bytes, std::size_t size_bytes) {
  if (size_bytes == 0) return;
  if (std::fwrite(bytes, 1, size_bytes, file_.get()) != size_bytes) fail(path_, "write", errno);
  hash_.update(bytes, size_bytes);
  size_bytes_ += size_bytes;
}

KitDirectory::KitDirectory(fs::path target) : target_(std::move(target)) {
  if (!target_.has_filename()) target_ = target_.parent_path();
  if (target_.empty()) throw InputError("output: expected a directory name");
  require_replaceable(target_);
  std::error_code error;
  if (target_.has_parent_path()) fs::create_directories(target_.parent_path(), error);
  std::string pattern = target_.string() + ".tmp.XXXXXX";
  if (::mkdtemp(pattern.data()) == nullptr) fail(target_, "create", errno);
  temporary_ = pattern;
  fs::permissions(temporary_, fs::perms(0755), error);
}

KitDirectory::~KitDirectory() {
  std::error_code error;
  if (!temporary_.empty()) fs::remove_all(temporary_, error);
}

KitFile KitDirectory::create(const std::string& name, nlohmann::ordered_json about) {
  return KitFile(temporary_, name, std::move(about));
}

void KitDirectory::add(KitFile file) {
  if (std::fclose(file.file_.release()) != 0) fail(file.path_, "write", errno);
  enter(file.name_, file.size_bytes_, file.hash_.finish(), file.about_);
}

void KitDirectory::adopt(const std::string& name, const nlohmann::ordered_json& about) {
  enter(name, fs::file_size(path_of(name)), sha256_of_file(path_of(name)), about);
}

void KitDirectory::enter(const std::string& name, std::uint64_t size_bytes, const std::string& sha256,
                         const nlohmann::ordered_json& about) {
  nlohmann::ordered_json entry{{"path", name}, {"bytes", size_bytes}, {"sha256", sha256}};
  entry.update(about);
  files_.push_back(std::move(entry));
  size_bytes_ += size_bytes;
}

void KitDirectory::add_text(const std::string& name, nlohmann::ordered_json about, const std::string& text,
                            bool executable) {
  KitFile file = create(name, std::move(about));
  file.write(text);
  add(std::move(file));
  if (executable) fs::permissions(temporary_ / name, fs::perms(0755));
}

void KitDirectory::commit(nlohmann::ordered_json head) {
  head["files"] = files_;
  const std::string manifest = head.dump(1) + "\n";
  write_text_file(temporary_ / kManifestName, manifest);
  std::string sums = sha256_of_bytes(manifest.data(), manifest.size()) + "  " + kManifestName + "\n";
  for (const auto& file : files_)
    sums += file["sha256"].get<std::string>() + "  " + file["path"].get<std::string>() + "\n";
  write_text_file(temporary_ / kSumsName, sums);

  require_replaceable(target_);
  std::error_code error;
  const bool replaces = fs::exists(target_, error) && !fs::is_empty(target_, error);
  const fs::path old = temporary_.string() + ".old";
  if (replaces) fs::rename(target_, old);
  fs::rename(temporary_, target_, error);
  if (error) {
    const int code = error.value();
    if (replaces) fs::rename(old, target_, error);
    fail(target_, "create", code);
  }
  temporary_.clear();
  if (replaces) fs::remove_all(old, error);
}

}  // namespace quasim::kit
