// The directory a kit is written into: it appears under its name only when it is complete.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "io/files.hpp"
#include "io/outputs.hpp"

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

  std::string name_;
  nlohmann::ordered_json about_;
  ByteWriter file_;
  Sha256 hash_;
  std::uint64_t size_bytes_ = 0;
};

class KitDirectory {
 public:
  /// `target` must not exist, be empty, or be a kit in every byte: with all files of its manifest unchanged
  /// and nothing besides. Anything else, a link among it, is refused by InputError and left as it is, and so
  /// is a kit of which a file is among `inputs`.
  KitDirectory(std::filesystem::path target, const InputSet& inputs);

  /// `name` is relative, with '/' between folders. `about` is what the manifest says of the file.
  KitFile create(const std::string& name, nlohmann::ordered_json about);
  /// Enters the finished file into the list.
  void add(KitFile file);
  void add_text(const std::string& name, nlohmann::ordered_json about, const std::string& text,
                bool executable = false);

  /// Writes the manifest (`head` and the list of files) and the sums, and gives the directory its name.
  void commit(nlohmann::ordered_json head);
  std::uint64_t size_bytes() const { return size_bytes_; }
  std::size_t file_count() const { return files_.size(); }

 private:
  std::filesystem::path target_;
  std::unique_ptr<Scratch> scratch_;
  nlohmann::ordered_json files_ = nlohmann::ordered_json::array();
  std::uint64_t size_bytes_ = 0;
};

}  // namespace quasim::kit
