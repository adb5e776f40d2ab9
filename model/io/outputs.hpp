// Where outputs go. Everything that quasim writes is written by what is declared here.
//
// - An output appears under its name whole, or what was there before stays. That holds where the process is
// killed, where a signal ends
//   it and where the disk is full.
// - Links are followed: what they lead to is replaced, the link stays.
// - A character device or FIFO is written through; sockets and block devices are refused.
// - "-", or a name of what standard output already is, is standard output. An empty name is refused.
// - A file that the command reads is never written.
#pragma once

#include <sys/types.h>

#include <filesystem>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "io/scratch.hpp"

namespace quasim {

/// Collects bytes and writes them to a descriptor. Throws InputError with the system's reason when a write is
/// refused.
class ByteWriter {
 public:
  /// Takes the descriptor over. `name` is what errors call it.
  ByteWriter(int descriptor, std::filesystem::path name);
  ~ByteWriter();
  ByteWriter(ByteWriter&& other) noexcept;
  ByteWriter& operator=(ByteWriter&&) = delete;
  ByteWriter(const ByteWriter&) = delete;

  void write(const void* bytes, std::size_t size_bytes);
  void write(const std::string& text) { write(text.data(), text.size()); }
  /// Writes what is left and closes; the descriptor must have taken everything.
  void close();

 private:
  void drain(const char* bytes, std::size_t size_bytes);

  std::filesystem::path name_;
  int descriptor_;
  std::string pending_;
};

/// A file that appears under its name only when commit() succeeds; until then, and without it, the old one
/// stays.
class AtomicFile {
 public:
  /// Creates missing parent directories. Throws InputError when the file cannot be created.
  explicit AtomicFile(const std::filesystem::path& path);

  void write(const void* bytes, std::size_t size_bytes) { writer_->write(bytes, size_bytes); }
  void write(const std::string& text) { writer_->write(text); }
  /// Throws InputError when the disk refuses.
  void commit();

 private:
  std::filesystem::path path_;      ///< where links lead
  std::optional<Scratch> scratch_;  ///< none where the output is a device
  std::optional<ByteWriter> writer_;
};

void write_text_file(const std::filesystem::path& path, const std::string& text);

/// The files that a command reads, by device and inode: other spellings of a path, links and hard links are
/// the same file.
class InputSet {
 public:
  /// One file; nothing where it does not exist.
  void add_file(const std::filesystem::path& file);
  /// What is read of a bundle: layer.json, its tensors, and the goldens but for `not_golden`.
  void add_bundle(const std::filesystem::path& bundle, const std::filesystem::path& not_golden = {});
  /// A tensor file, or every one below a directory.
  void add_tensors(const std::filesystem::path& path);

  bool contains(const std::filesystem::path& file) const;
  /// Throws InputError where the file would be both read and written.
  void require_not(const std::filesystem::path& output) const;
  /// Throws InputError where the output is one of the bundles or would lie inside of one.
  void require_outside(const std::filesystem::path& output) const;

 private:
  std::set<std::pair<dev_t, ino_t>> files_, bundles_;
};

/// Where the links of a file's name lead, for an output that needs a regular file: no device, no standard
/// output. Throws InputError for what can be refused before the work; creates missing parent directories.
std::filesystem::path replaceable_file(const std::string& text, const InputSet& inputs);

/// One file as -o names it. Everything that can be refused is refused by the constructor, before the work.
class OutputFile {
 public:
  OutputFile(const std::string& text, const InputSet& inputs);
  bool is_standard_output() const { return path_.empty(); }
  /// Writes the whole file; to standard output through std::cout.
  void write(const std::string& bytes) const;

 private:
  std::filesystem::path path_;
};

/// The directory for the outputs of each bundle: `text` for one, text/NAME for each of several, NAME the last
/// part of the bundle's path. Throws InputError for an empty text, for "-", and where two outputs would have
/// one name.
std::vector<std::filesystem::path> bundle_outputs(const std::string& text,
                                                  const std::vector<std::filesystem::path>& bundles);
/// The last part of a bundle's path as it is written, after "." and ".." are resolved. Throws InputError
/// where there is none.
std::string bundle_name(const std::filesystem::path& bundle);

/// Files of one directory that belong together: who looks sees the old ones or the new ones.
///
/// A directory that holds nothing but such files is replaced as a whole, in one step. One that holds other
/// things keeps them and gets the files one by one; in that short time files are missing, the last of `names`
/// longest, and none is old.
class FileSet {
 public:
  /// `names` are the files that this output may write; those of them that it does not write are gone
  /// afterwards. `kept` are files that belong to the directory and stay as they are. Throws InputError for
  /// what can be refused before the work.
  FileSet(const std::filesystem::path& directory, std::vector<std::string> names,
          std::vector<std::string> kept, const InputSet& inputs);

  const std::filesystem::path& directory() const { return directory_; }
  /// Starts; returns the directory to write the files in.
  const std::filesystem::path& begin();
  /// Gives the files their place. Throws InputError when the disk refuses.
  void commit();

 private:
  bool holds_nothing_else() const;
  bool keep() const;
  void place_one_by_one();

  std::filesystem::path directory_;
  std::vector<std::string> names_, kept_;
  bool as_a_whole_ = false;
  std::unique_ptr<Scratch> scratch_;
};

/// A directory, with folders in it, where nothing was before: a name that leads to nothing yet or to an empty
/// directory.
///
/// It appears whole, in one step. An empty directory in which the caller stands, or that cannot be replaced,
/// stays and gets its files and folders one by one.
class FreshDirectory {
 public:
  /// `last` is the file without which nobody takes the directory for a finished one. Throws InputError for
  /// what can be refused before the work, a place inside of a bundle among `inputs` included.
  FreshDirectory(const std::filesystem::path& directory, std::string last, const InputSet& inputs);

  /// Starts; returns the directory to write in.
  const std::filesystem::path& begin();
  /// Throws InputError where the disk refuses, or where another process has put something there.
  void commit();

 private:
  void require_empty() const;
  void place_one_by_one();

  std::filesystem::path directory_;
  std::string last_;
  bool as_a_whole_ = false;
  std::unique_ptr<Scratch> scratch_;
};

/// Gives the scratch directory its name. What bore it before is gone afterwards; there is no moment at which
/// the name leads nowhere, but on file systems that cannot exchange two names: there a process killed between
/// two renames leaves the old one under another name, where restore_directory() finds it. 0, or the system's
/// reason where the name could not be replaced and nothing changed.
int replace_directory(Scratch& scratch, const std::filesystem::path& target);
/// Puts back what a killed process moved away.
void restore_directory(const std::filesystem::path& target);

}  // namespace quasim
