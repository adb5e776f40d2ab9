#include "kit/manifest.hpp"

#include <map>
#include <nlohmann/json.hpp>
#include <sstream>

#include "io/strict_json.hpp"
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
  JsonFields<Fp32Json> fields(json, file, "manifest");
  fields.require_text("format", kManifestFormat);
  const Fp32Json& entries = fields.list("files", "a list of files");
  if (entries.empty()) fields.refuse("files", "at least one file");
  std::vector<ListedFile> files;
  for (std::size_t i = 0; i < entries.size(); ++i) {
    JsonFields<Fp32Json> entry(entries[i], file, "files", "files[" + std::to_string(i) + "].");
    ListedFile listed{entry.text("path"), static_cast<std::uint64_t>(entry.integer("bytes", 0, INT64_MAX)),
                      entry.text("sha256")};
    if (!is_inside(listed.name)) entry.refuse("path", "a path inside the kit; got '" + listed.name + "'");
    files.push_back(std::move(listed));
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
