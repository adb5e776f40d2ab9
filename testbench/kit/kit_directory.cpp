#include "kit/kit_directory.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>
#include <utility>

#include "io/json_text.hpp"
#include "kit/manifest.hpp"
#include "spec/error.hpp"

namespace quasim::kit {
namespace fs = std::filesystem;
namespace {

[[noreturn]] void fail(const fs::path& path, const std::string& doing, int code) {
  throw InputError(path.string() + ": cannot " + doing + ": " + std::generic_category().message(code));
}

/// Refuses a directory that holds anything a new kit would destroy.
void require_replaceable(const fs::path& target, const InputSet& inputs) {
  std::error_code error;
  const fs::file_type type = fs::symlink_status(target, error).type();
  if (type == fs::file_type::not_found) return;
  if (type != fs::file_type::directory) throw InputError(target.string() + ": exists and is not a directory");
  if (entries_of(target).empty()) return;
  try {
    (void)read_manifest_files(target);
  } catch (const InputError&) {
    throw InputError(target.string() + ": exists and is not a kit; it is left as it is");
  }
  const KitCheck check = check_kit(target);
  if (!check.problems.empty())
    throw InputError(target.string() + ": " + check.problems.front() +
                     "; it is more or less than a kit and is left as it is");
  for (const fs::path& file : files_below(target)) inputs.require_not(file);
}

/// A new file; a descriptor that ByteWriter takes over.
int create_file(const fs::path& path) {
  std::error_code error;
  fs::create_directories(path.parent_path(), error);
  const int descriptor = ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
  if (descriptor < 0) fail(path, "create", errno);
  return descriptor;
}

}  // namespace

KitFile::KitFile(const fs::path& directory, std::string name, nlohmann::ordered_json about)
    : name_(std::move(name)),
      about_(std::move(about)),
      file_(create_file(directory / name_), directory / name_) {}

void KitFile::write(const void* bytes, std::size_t size_bytes) {
  file_.write(bytes, size_bytes);
  hash_.update(bytes, size_bytes);
  size_bytes_ += size_bytes;
}

KitDirectory::KitDirectory(fs::path target, const InputSet& inputs) : target_(std::move(target)) {
  if (!target_.has_filename()) target_ = target_.parent_path();
  if (target_.empty() || target_ == "-") throw InputError("output: expected a directory name");
  std::error_code error;
  if (target_.has_parent_path()) fs::create_directories(target_.parent_path(), error);
  restore_directory(target_);
  require_replaceable(target_, inputs);
  scratch_ = std::make_unique<Scratch>(target_, Scratch::Kind::kDirectory);
}

KitFile KitDirectory::create(const std::string& name, nlohmann::ordered_json about) {
  return KitFile(scratch_->path(), name, std::move(about));
}

void KitDirectory::add(KitFile file) {
  file.file_.close();
  nlohmann::ordered_json entry{
      {"path", file.name_}, {"bytes", file.size_bytes_}, {"sha256", file.hash_.finish()}};
  entry.update(file.about_);
  files_.push_back(std::move(entry));
  size_bytes_ += file.size_bytes_;
}

void KitDirectory::add_text(const std::string& name, nlohmann::ordered_json about, const std::string& text,
                            bool executable) {
  KitFile file = create(name, std::move(about));
  file.write(text);
  add(std::move(file));
  if (!executable) return;
  const fs::path path = scratch_->path() / name;
  std::error_code error;
  const fs::perms readers = fs::status(path, error).permissions();
  const auto runs = [&](fs::perms read, fs::perms execute) {
    return (readers & read) != fs::perms::none ? execute : fs::perms::none;
  };
  fs::permissions(path,
                  readers | runs(fs::perms::owner_read, fs::perms::owner_exec) |
                      runs(fs::perms::group_read, fs::perms::group_exec) |
                      runs(fs::perms::others_read, fs::perms::others_exec),
                  error);
}

void KitDirectory::commit(nlohmann::ordered_json head) {
  head["files"] = files_;
  const std::string manifest = json_text(head) + "\n";
  write_text_file(scratch_->path() / kManifestName, manifest);
  std::string sums = sha256_of_bytes(manifest.data(), manifest.size()) + "  " + kManifestName + "\n";
  for (const auto& file : files_)
    sums += file["sha256"].get<std::string>() + "  " + file["path"].get<std::string>() + "\n";
  write_text_file(scratch_->path() / kSumsName, sums);

  require_replaceable(target_, {});
  if (const int reason = replace_directory(*scratch_, target_); reason != 0) fail(target_, "create", reason);
  scratch_.reset();
}

}  // namespace quasim::kit
