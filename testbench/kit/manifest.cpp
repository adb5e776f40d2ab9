#include "kit/manifest.hpp"

#include <map>
#include <nlohmann/json.hpp>
#include <sstream>

#include "io/bundle.hpp"
#include "kit/kit_directory.hpp"
#include "spec/error.hpp"

namespace quasim::kit {
namespace fs = std::filesystem;
namespace {

/// Relative, without "..": a kit lists only what lies inside it.
bool is_inside(const std::string& name) {
  const fs::path path(name);
  if (name.empty() || path.is_absolute()) return false;
  for (const fs::path& part : path)
    if (part == "..") return false;
  return true;
}

std::map<std::string, std::string> read_sums(const fs::path& file) {
  std::istringstream lines(read_text_file(file));
  std::map<std::string, std::string> sums;
  for (std::string line; std::getline(lines, line);) {
    constexpr std::size_t kDigestDigits = 64;
    if (line.size() < kDigestDigits + 3 || line.compare(kDigestDigits, 2, "  ") != 0 ||
        !sums.emplace(line.substr(kDigestDigits + 2), line.substr(0, kDigestDigits)).second)
      throw InputError(file, "line", "'SHA-256  PATH', each path once");
  }
  return sums;
}

/// Empty where the file is what it should be.
std::string problem_of(const fs::path& path, const std::string& sha256, std::uint64_t size_bytes) {
  std::error_code error;
  if (!fs::exists(path, error)) return "is missing";
  if (!fs::is_regular_file(path, error)) return "is not a regular file";
  const std::uintmax_t have = fs::file_size(path, error);
  if (error || have != size_bytes)
    return "has " + std::to_string(have) + " bytes, not " + std::to_string(size_bytes);
  return sha256_of_file(path) == sha256 ? "" : "its SHA-256 is not the manifest's";
}

}  // namespace

std::vector<ListedFile> read_manifest_files(const fs::path& kit) {
  const fs::path file = kit / kManifestName;
  const Fp32Json json = parse_json_strict(read_text_file(file), file);
  if (!json.is_object() || json.value("format", "") != kManifestFormat)
    throw InputError(file, "format", kManifestFormat);
  if (!json.contains("files") || !json["files"].is_array() || json["files"].empty())
    throw InputError(file, "files", "a list of files");
  std::vector<ListedFile> files;
  for (const auto& entry : json["files"]) {
    if (!entry.is_object() || !entry.contains("path") || !entry["path"].is_string() ||
        !entry.contains("bytes") || !entry["bytes"].is_number_unsigned() || !entry.contains("sha256") ||
        !entry["sha256"].is_string() || !is_inside(entry["path"].get<std::string>()))
      throw InputError(file, "files", "entries of path (inside the kit), bytes and sha256");
    files.push_back({entry["path"].get<std::string>(), entry["bytes"].get<std::uint64_t>(),
                     entry["sha256"].get<std::string>()});
  }
  return files;
}

KitCheck check_kit(const fs::path& kit) {
  std::error_code error;
  if (!fs::is_directory(kit, error)) throw InputError(kit, "kit", "a directory");
  KitCheck check;
  std::map<std::string, std::string> sums;
  std::vector<ListedFile> files;
  try {
    sums = read_sums(kit / kSumsName);
    if (sums[kManifestName] != sha256_of_file(kit / kManifestName))
      check.problems.push_back(std::string(kManifestName) + ": its SHA-256 is not that of " + kSumsName);
    files = read_manifest_files(kit);
  } catch (const InputError& refusal) {
    check.problems.emplace_back(refusal.what());
    return check;
  }
  for (const ListedFile& file : files) {
    const std::string problem = problem_of(kit / file.name, file.sha256, file.size_bytes);
    if (!problem.empty()) check.problems.push_back(file.name + ": " + problem);
    if (sums[file.name] != file.sha256)
      check.problems.push_back(std::string(kSumsName) + ": says another SHA-256 of " + file.name);
  }
  check.files = files.size() + 1;
  if (sums.size() != files.size() + 1)
    check.problems.push_back(std::string(kSumsName) + ": lists other files than the manifest");
  return check;
}

}  // namespace quasim::kit
