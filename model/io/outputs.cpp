#include "io/outputs.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <iostream>
#include <map>
#include <system_error>

#include "io/files.hpp"
#include "spec/error.hpp"

namespace quasim {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kPendingBytes = std::size_t{64} << 10;
constexpr int kMaxLinks = 40;
constexpr char kOldMark[] = ".old.quasim-";
constexpr char kInside[] = "files";  // what a scratch inside of a directory that stays is named after
constexpr mode_t kPermissions = 0777;

[[noreturn]] void fail(const fs::path& path, const std::string& doing, int code) {
  throw InputError(path.string() + ": cannot " + doing + ": " + std::generic_category().message(code));
}

/// What a path is, links followed; none where there is nothing.
std::optional<struct stat> status_of(const fs::path& path) {
  struct stat status {};
  if (::stat(path.c_str(), &status) == 0) return status;
  if (errno == ENOENT || errno == ENOTDIR) return std::nullopt;
  fail(path, "look at", errno);
}

bool is_link(const fs::path& path) {
  struct stat status {};
  return ::lstat(path.c_str(), &status) == 0 && S_ISLNK(status.st_mode);
}

bool same_file(const struct stat& a, const struct stat& b) {
  return a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

/// Where the links of a path lead, to what does not exist yet as well.
fs::path behind_links(fs::path path) {
  const fs::path named = path;
  for (int links = 0; is_link(path); ++links) {
    std::error_code error;
    const fs::path to = fs::read_symlink(path, error);
    if (error || links == kMaxLinks) fail(named, "follow", error ? error.value() : ELOOP);
    path = to.is_absolute() ? to : path.parent_path() / to;
  }
  return path;
}

/// Where the links of a directory's name lead. Throws InputError where that is something else.
fs::path place_of_directory(const fs::path& named) {
  fs::path name = named;
  while ((!name.has_filename() || name.filename() == ".") && name.has_parent_path() &&
         name != name.parent_path())
    name = name.parent_path();  // DIR/ and DIR/. are DIR
  fs::path path = behind_links(name);
  const std::optional<struct stat> status = status_of(path);
  if (status && !S_ISDIR(status->st_mode))
    throw InputError(path.string() + ": exists and is not a directory");
  return path;
}

struct Place {
  fs::path path;
  bool through = false;  ///< a device or FIFO: written as it is
};

Place place_of_file(const fs::path& named) {
  if (named.empty()) throw InputError("output: expected a name; got an empty one");
  const std::optional<struct stat> status = status_of(named);
  if (status && S_ISDIR(status->st_mode)) throw InputError(named.string() + ": is a directory");
  if (!named.has_filename()) throw InputError(named.string() + ": expected the name of a file");
  if (status && (S_ISCHR(status->st_mode) || S_ISFIFO(status->st_mode))) return {named, true};
  if (status && !S_ISREG(status->st_mode))
    throw InputError(named.string() + ": is a " + (S_ISSOCK(status->st_mode) ? "socket" : "block device") +
                     "; it is left as it is");
  const fs::path path = behind_links(named);
  const std::optional<struct stat> reached = status_of(path);
  if (status.has_value() != reached.has_value() || (status && !same_file(*status, *reached)))
    throw InputError(named.string() + ": has no name under which it could be replaced");
  return {path, false};
}

/// Refuses a path that no file can get, as far as that can be seen without creating anything.
void require_creatable(const fs::path& path) {
  fs::path parent = path.has_parent_path() ? path.parent_path() : fs::path(".");
  std::optional<struct stat> status = status_of(parent);
  while (!status && parent.has_parent_path() && parent != parent.parent_path()) {
    parent = parent.parent_path();
    status = status_of(parent);
  }
  if (!status && parent.is_relative()) return;  // below the working directory
  if (!status || !S_ISDIR(status->st_mode)) fail(path, "create", ENOTDIR);
  if (::access(parent.c_str(), W_OK | X_OK) != 0) fail(path, "create", errno);
}

void create_parents(const fs::path& path) {
  std::error_code error;
  if (path.has_parent_path()) fs::create_directories(path.parent_path(), error);
  if (error) fail(path, "create", error.value());
}

bool leads_to_standard_output(const fs::path& path) {
  struct stat output {};
  const std::optional<struct stat> status = status_of(path);
  return status && ::fstat(STDOUT_FILENO, &output) == 0 && same_file(*status, output);
}

bool is_tensor_file(const fs::path& file) {
  return file.extension() == ".npy" || file.extension() == ".npz";
}

/// True where the process stands in the directory or below it: replacing it would take the ground from under
/// the caller's shell.
bool holds_working_directory(const fs::path& directory) {
  const std::optional<struct stat> wanted = status_of(directory);
  std::error_code error;
  for (fs::path at = fs::current_path(error); !error && wanted; at = at.parent_path()) {
    const std::optional<struct stat> status = status_of(at);
    if (status && same_file(*status, *wanted)) return true;
    if (at == at.parent_path()) break;
  }
  return false;
}

/// True where another directory may take the place of this one: it is ours, no mount point, and nobody stands
/// in it.
bool is_replaceable(const fs::path& directory, const struct stat& status) {
  const fs::path parent = directory.has_parent_path() ? directory.parent_path() : fs::path(".");
  const std::optional<struct stat> above = status_of(parent);
  return above && above->st_dev == status.st_dev && status.st_uid == ::geteuid() &&
         ::access(parent.c_str(), W_OK | X_OK) == 0 && !holds_working_directory(directory);
}

int rename_with(const fs::path& from, const fs::path& to, unsigned flags) {
  return ::renameat2(AT_FDCWD, from.c_str(), AT_FDCWD, to.c_str(), flags) == 0 ? 0 : errno;
}

bool cannot_exchange(int code) {
  return code == EINVAL || code == ENOSYS || code == EOPNOTSUPP;
}

/// Two renames, for file systems that cannot exchange.
int replace_in_two_steps(Scratch& scratch, const fs::path& target) {
  const signals::Guard guard;  // no signal may fall between the two
  const fs::path old = unused_name(target, kOldMark);
  const bool replaces = ::rename(target.c_str(), old.c_str()) == 0;
  if (!replaces && errno != ENOENT) return errno;
  if (::rename(scratch.path().c_str(), target.c_str()) != 0) {
    const int reason = errno;
    if (replaces) ::rename(old.c_str(), target.c_str());
    return reason;
  }
  if (replaces) signals::remove_tree(old.c_str());
  scratch.release();
  return 0;
}

}  // namespace

ByteWriter::ByteWriter(int descriptor, fs::path name) : name_(std::move(name)), descriptor_(descriptor) {}

ByteWriter::~ByteWriter() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

ByteWriter::ByteWriter(ByteWriter&& other) noexcept
    : name_(std::move(other.name_)),
      descriptor_(std::exchange(other.descriptor_, -1)),
      pending_(std::move(other.pending_)) {}

void ByteWriter::drain(const char* bytes, std::size_t size_bytes) {
  while (size_bytes > 0) {
    const ssize_t written = ::write(descriptor_, bytes, size_bytes);
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) fail(name_, "write", written < 0 ? errno : EIO);
    bytes += written;
    size_bytes -= static_cast<std::size_t>(written);
  }
}

void ByteWriter::write(const void* bytes, std::size_t size_bytes) {
  const char* text = static_cast<const char*>(bytes);
  if (pending_.size() + size_bytes > kPendingBytes) {
    drain(pending_.data(), pending_.size());
    pending_.clear();
  }
  if (size_bytes > kPendingBytes)
    drain(text, size_bytes);
  else
    pending_.append(text, size_bytes);
}

void ByteWriter::close() {
  drain(pending_.data(), pending_.size());
  pending_.clear();
  if (::close(std::exchange(descriptor_, -1)) != 0) fail(name_, "write", errno);
}

AtomicFile::AtomicFile(const fs::path& path) {
  const Place place = place_of_file(path);
  path_ = place.path;
  int descriptor = -1;
  if (place.through) {
    descriptor = ::open(path_.c_str(), O_WRONLY | O_CLOEXEC | O_NOCTTY);
  } else {
    create_parents(path_);
    scratch_.emplace(path_, Scratch::Kind::kFile);
    if (const std::optional<struct stat> old = status_of(path_))
      ::fchmod(scratch_->descriptor(), old->st_mode & kPermissions);
    // The scratch's own descriptor holds its lock until the file has its name; closing this one reports late
    // refusals.
    descriptor = ::fcntl(scratch_->descriptor(), F_DUPFD_CLOEXEC, 0);
  }
  if (descriptor < 0) fail(path, "open", errno);
  writer_.emplace(descriptor, path);
}

void AtomicFile::commit() {
  writer_->close();
  if (!scratch_) return;
  if (::rename(scratch_->path().c_str(), path_.c_str()) != 0) fail(path_, "write", errno);
  scratch_->release();
  scratch_.reset();
}

void write_text_file(const fs::path& path, const std::string& text) {
  AtomicFile file(path);
  file.write(text);
  file.commit();
}

void InputSet::add_file(const fs::path& file) {
  struct stat status {};
  if (::stat(file.c_str(), &status) == 0 && S_ISREG(status.st_mode))
    files_.emplace(status.st_dev, status.st_ino);
}

namespace {

/// What cannot be listed cannot be read either: the reader of it says so, and the other bundles of a list
/// still have their turn.
template <class List>
std::vector<fs::path> as_far_as_listed(List list, const fs::path& directory) {
  try {
    return list(directory);
  } catch (const InputError&) {
    return {};
  }
}

}  // namespace

void InputSet::add_bundle(const fs::path& bundle, const fs::path& not_golden) {
  struct stat status {};
  if (::stat(bundle.c_str(), &status) == 0) bundles_.emplace(status.st_dev, status.st_ino);
  for (const char* name :
       {"layer.json", "conv1d_weight.npy", "conv1d_bias.npy", "channel_group.npy", "conv1d_input.npy"})
    add_file(bundle / name);
  std::error_code error;
  for (const fs::path& golden : as_far_as_listed(entries_of, bundle / "golden")) {
    if (golden == not_golden || !fs::is_directory(golden, error)) continue;
    for (const fs::path& file : as_far_as_listed(entries_of, golden))
      if (is_tensor_file(file) || file.filename() == "provenance.json") add_file(file);
  }
}

void InputSet::add_tensors(const fs::path& path) {
  add_file(path);
  std::error_code error;
  if (!fs::is_directory(path, error)) return;
  for (const fs::path& file : as_far_as_listed(files_below, path))
    if (is_tensor_file(file)) add_file(file);
}

bool InputSet::contains(const fs::path& file) const {
  struct stat status {};
  return ::stat(file.c_str(), &status) == 0 && files_.count({status.st_dev, status.st_ino}) != 0;
}

void InputSet::require_not(const fs::path& output) const {
  if (contains(output))
    throw InputError(output.string() + ": is read by this command; it cannot be the output as well");
}

void InputSet::require_outside(const fs::path& output) const {
  std::error_code error;
  for (fs::path at = fs::weakly_canonical(fs::absolute(output), error); !error; at = at.parent_path()) {
    struct stat status {};
    if (::stat(at.c_str(), &status) == 0 && bundles_.count({status.st_dev, status.st_ino}) != 0)
      throw InputError(output.string() + ": is inside of what this command reads; it cannot be the output");
    if (at == at.parent_path()) return;
  }
  fail(output, "follow", error.value());
}

fs::path replaceable_file(const std::string& text, const InputSet& inputs) {
  if (text == "-")
    throw InputError("output: expected the name of a file; standard output cannot take this one");
  const Place place = place_of_file(text);
  if (place.through || leads_to_standard_output(place.path))
    throw InputError(text + ": is no file that could be replaced; it is left as it is");
  inputs.require_not(text);
  require_creatable(place.path);
  create_parents(place.path);
  return place.path;
}

OutputFile::OutputFile(const std::string& text, const InputSet& inputs) {
  if (text == "-") return;
  const Place place = place_of_file(text);
  if (leads_to_standard_output(place.path)) return;
  inputs.require_not(text);
  if (!place.through) require_creatable(place.path);
  path_ = text;
}

void OutputFile::write(const std::string& bytes) const {
  if (is_standard_output())
    std::cout << bytes;
  else
    write_text_file(path_, bytes);
}

std::string bundle_name(const fs::path& bundle) {
  const fs::path whole = fs::absolute(bundle).lexically_normal();
  const fs::path name = whole.has_filename() ? whole.filename() : whole.parent_path().filename();
  if (name.empty()) throw InputError(bundle.string() + ": expected a bundle with a name");
  return name.string();
}

std::vector<fs::path> bundle_outputs(const std::string& text, const std::vector<fs::path>& bundles) {
  if (text.empty()) throw InputError("output: expected a name; got an empty one");
  if (text == "-") throw InputError("output: expected a directory; standard output takes one file");
  if (bundles.size() == 1) return {text};
  std::map<std::string, fs::path> seen;
  std::vector<fs::path> outputs;
  for (const fs::path& bundle : bundles) {
    const std::string name = bundle_name(bundle);
    const auto [first, is_new] = seen.emplace(name, bundle);
    if (!is_new)
      throw InputError("output: expected bundles of different names; " + first->second.string() + " and " +
                       bundle.string() + " would both write " + (fs::path(text) / name).string());
    outputs.push_back(fs::path(text) / name);
  }
  return outputs;
}

FileSet::FileSet(const fs::path& directory, std::vector<std::string> names, std::vector<std::string> kept,
                 const InputSet& inputs)
    : directory_(place_of_directory(directory)), names_(std::move(names)), kept_(std::move(kept)) {
  for (const std::string& name : names_) {
    const std::optional<struct stat> file = status_of(directory_ / name);
    if (file && !S_ISREG(file->st_mode))
      throw InputError((directory_ / name).string() + ": exists and is not a file; it is left as it is");
    inputs.require_not(directory_ / name);
  }
  require_creatable(status_of(directory_) ? directory_ / names_.front() : directory_);
}

const fs::path& FileSet::begin() {
  create_parents(directory_);
  restore_directory(directory_);
  as_a_whole_ = holds_nothing_else();
  std::error_code error;
  if (!as_a_whole_) fs::create_directory(directory_, error);
  // Inside the directory where it stays: its parent may be another file system, or not ours to write in.
  scratch_ =
      std::make_unique<Scratch>(as_a_whole_ ? directory_ : directory_ / kInside, Scratch::Kind::kDirectory);
  return scratch_->path();
}

bool FileSet::holds_nothing_else() const {
  const std::optional<struct stat> status = status_of(directory_);
  if (!status) return true;
  if (!is_replaceable(directory_, *status)) return false;
  const std::vector<fs::path> entries = entries_of(directory_);
  return std::all_of(entries.begin(), entries.end(), [&](const fs::path& entry) {
    const auto among = [&](const std::vector<std::string>& list) {
      return std::find(list.begin(), list.end(), entry.filename().string()) != list.end();
    };
    std::error_code error;
    return fs::symlink_status(entry, error).type() == fs::file_type::regular &&
           (among(names_) || among(kept_));
  });
}

/// What stays goes into the new directory too; false where this file system has no hard links.
bool FileSet::keep() const {
  const std::optional<struct stat> old = status_of(directory_);
  if (old) ::fchmod(scratch_->descriptor(), old->st_mode & kPermissions);
  return !old || std::all_of(kept_.begin(), kept_.end(), [&](const std::string& name) {
    return ::link((directory_ / name).c_str(), (scratch_->path() / name).c_str()) == 0 || errno == ENOENT;
  });
}

void FileSet::commit() {
  int reason = EBUSY;
  if (as_a_whole_ && holds_nothing_else() && keep()) reason = replace_directory(*scratch_, directory_);
  if (reason != 0 && !status_of(directory_)) fail(directory_, "create", reason);
  if (reason != 0) place_one_by_one();
  scratch_.reset();
}

void FileSet::place_one_by_one() {
  const signals::Guard guard;
  for (auto name = names_.rbegin(); name != names_.rend(); ++name)
    if (::unlink((directory_ / *name).c_str()) != 0 && errno != ENOENT)
      fail(directory_ / *name, "replace", errno);
  for (const std::string& name : names_)
    if (::rename((scratch_->path() / name).c_str(), (directory_ / name).c_str()) != 0 && errno != ENOENT)
      fail(directory_ / name, "write", errno);
}

FreshDirectory::FreshDirectory(const fs::path& directory, std::string last, const InputSet& inputs)
    : directory_(place_of_directory(directory)), last_(std::move(last)) {
  require_empty();
  inputs.require_outside(directory_);
  require_creatable(status_of(directory_) ? directory_ / last_ : directory_);
}

/// What other processes have begun inside is none of its contents.
void FreshDirectory::require_empty() const {
  if (entries_of(directory_).size() != used_names(directory_ / kInside, kScratchMark).size())
    throw InputError("output: expected a new or an empty directory; " + directory_.string() +
                     " holds something");
}

const fs::path& FreshDirectory::begin() {
  create_parents(directory_);
  restore_directory(directory_);
  require_empty();
  const std::optional<struct stat> status = status_of(directory_);
  as_a_whole_ = !status || (entries_of(directory_).empty() && is_replaceable(directory_, *status));
  scratch_ =
      std::make_unique<Scratch>(as_a_whole_ ? directory_ : directory_ / kInside, Scratch::Kind::kDirectory);
  return scratch_->path();
}

void FreshDirectory::commit() {
  int reason = EBUSY;
  if (as_a_whole_) {
    const std::optional<struct stat> old = status_of(directory_);
    if (old) ::fchmod(scratch_->descriptor(), old->st_mode & kPermissions);
    // Replaces an empty directory and nothing else.
    reason = ::rename(scratch_->path().c_str(), directory_.c_str()) == 0 ? 0 : errno;
  }
  if (reason == 0)
    scratch_->release();
  else if (!status_of(directory_))
    fail(directory_, "create", reason);
  else
    place_one_by_one();
  scratch_.reset();
}

void FreshDirectory::place_one_by_one() {
  require_empty();
  std::vector<fs::path> entries = entries_of(scratch_->path());
  // Of two processes that come here at a time, the one whose first entry finds room has the place.
  std::sort(entries.begin(), entries.end());
  std::stable_partition(entries.begin(), entries.end(),
                        [this](const fs::path& entry) { return entry.filename() != last_; });
  const signals::Guard guard;
  for (const fs::path& entry : entries) {
    const fs::path to = directory_ / entry.filename();
    int reason = rename_with(entry, to, RENAME_NOREPLACE);
    if (cannot_exchange(reason)) reason = rename_with(entry, to, 0);
    if (reason != 0) fail(to, "write", reason);
  }
}

void restore_directory(const fs::path& target) {
  for (const fs::path& old : used_names(target, kOldMark)) {
    if (status_of(target))
      signals::remove_tree(old.c_str());
    else if (::rename(old.c_str(), target.c_str()) != 0)
      fail(old, "put back", errno);
  }
}

int replace_directory(Scratch& scratch, const fs::path& target) {
  int code = rename_with(scratch.path(), target, RENAME_NOREPLACE);
  if (code == 0) scratch.release();
  // The old directory bears the scratch's name afterwards, and goes with it.
  if (code == EEXIST) code = rename_with(scratch.path(), target, RENAME_EXCHANGE);
  if (cannot_exchange(code)) code = replace_in_two_steps(scratch, target);
  return code;
}

}  // namespace quasim
