// The directory a kit is written into: it appears under its name only when it is complete.
#pragma once

#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "io/files.hpp"

namespace quasim::kit {

inline constexpr const char* kManifestName = "manifest.json";
inline constexpr const char* kSumsName = "SHA256SUMS";
inline constexpr const char* kManifestFormat = "quasim.kit/1";

/// One file of a kit; it is hashed while it is written.
class KitFile {
 public:
  void write(const void* bytes, std::size_t size_bytes);
  void write(const std::string& text) { write(text.data(), text.size()); }

 private:
  friend class KitDirectory;
  KitFile(const std::filesystem::path& directory, std::string name, nlohmann::ordered_json about);

  std::filesystem::path path_;
  std::string name_;
  nlohmann::ordered_json about_;
  std::unique_ptr<std::FILE, int (*)(std::FILE*)> file_;
  Sha256 hash_;
  std::uint64_t size_bytes_ = 0;
};

class KitDirectory {
 public:
  /// `target` must not exist, be empty, or be a kit that holds no file but its own; anything else is refused
  /// by InputError and left as it is.
  explicit KitDirectory(std::filesystem::path target);
  ~KitDirectory();
  KitDirectory(const KitDirectory&) = delete;
  KitDirectory& operator=(const KitDirectory&) = delete;

  /// `name` is relative, with '/' between folders. `about` is what the manifest says of the file.
  KitFile create(const std::string& name, nlohmann::ordered_json about);
  /// Enters the finished file into the list.
  void add(KitFile file);
  void add_text(const std::string& name, nlohmann::ordered_json about, const std::string& text,
                bool executable = false);
  /// Where a file of this name lies while the kit is written.
  std::filesystem::path path_of(const std::string& name) const { return temporary_ / name; }
  /// Enters a file that something else has written to path_of(name).
  void adopt(const std::string& name, const nlohmann::ordered_json& about);

  /// Writes the manifest (`head` and the list of files) and the sums, and gives the directory its name.
  void commit(nlohmann::ordered_json head);
  std::uint64_t size_bytes() const { return size_bytes_; }
  std::size_t file_count() const { return files_.size(); }

 private:
  void enter(const std::string& name, std::uint64_t size_bytes, const std::string& sha256,
             const nlohmann::ordered_json& about);

  std::filesystem::path target_;
  std::filesystem::path temporary_;
  nlohmann::ordered_json files_ = nlohmann::ordered_json::array();
  std::uint64_t size_bytes_ = 0;
};

}  // namespace quasim::kit
