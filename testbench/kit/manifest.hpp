// manifest.json of a kit: reading it back, and checking a kit against it.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace quasim::kit {

struct ListedFile {
  std::string name;  ///< relative path inside the kit
  std::uint64_t size_bytes;
  std::string sha256;
};

/// The list of files in a kit's manifest. Throws InputError when there is none or it is not one.
std::vector<ListedFile> read_manifest_files(const std::filesystem::path& kit);

struct KitCheck {
  std::size_t files = 0;              ///< compared
  std::vector<std::string> problems;  ///< each names its file: "FILE: what is wrong"
};

/// Compares every file with the manifest and the manifest with SHA256SUMS. A file or directory that the
/// manifest does not list is a problem, and so is a link, whatever it leads to: none is followed. A
/// difference is a problem, not an exception; InputError is thrown only where `kit` is no directory or cannot
/// be listed.
KitCheck check_kit(const std::filesystem::path& kit);

}  // namespace quasim::kit
