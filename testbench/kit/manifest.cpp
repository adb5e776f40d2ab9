#include "kit/manifest.hpp"

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <sstream>

#include "io/strict_json.hpp"
#include "kit/formats.hpp"
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

/// Whether vectors, or memory images, are written in files that end so.
bool is_format(const std::string& extension, bool FormatRow::*use) {
  return std::any_of(kFormats.begin(), kFormats.end(), [&](const FormatRow& row) {
    return row.*use && extension == "." + std::string(row.word);
  });
}

/// What a kit's export could have written: a manifest that lists anything else was not written by it.
bool is_kit_name(const std::string& name) {
  static const std::map<std::string, std::set<std::string>> kExtensions{
      {"", {".md", ".sh"}},     {"config", {".csv", ".hex"}},
      {"docs", {".md"}},        {"docs/timing", {".json", ".svg"}},
      {"include", {".h"}},      {"program", {".json"}},
      {"rtl", {".sv", ".svh"}}, {"tb", {".sv", ".svh"}}};
  const fs::path path(name);
  const fs::path folder = path.parent_path();
  const std::string extension = path.extension().string();
  if (folder.parent_path() == "vectors") return is_format(extension, &FormatRow::vectors);
  if (folder == "memory") return is_format(extension, &FormatRow::memories);
  const auto found = kExtensions.find(folder.generic_string());
  return found != kExtensions.end() && found->second.count(extension) != 0;
}

/// What a directory holds, by its name inside it; links are not followed.
std::map<std::string, fs::file_type> entries_below(const fs::path& directory,
                                                   const std::string& prefix = "") {
  std::map<std::string, fs::file_type> entries;
  for (const fs::path& entry : entries_of(directory)) {
    std::error_code error;
    const fs::file_type type = fs::symlink_status(entry, error).type();
    const std::string name = prefix + entry.filename().string();
    entries.emplace(name, type);
    if (type == fs::file_type::directory) entries.merge(entries_below(entry, name + "/"));
  }
  return entries;
}

using Entries = std::map<std::string, fs::file_type>;

/// Empty where the file is what it should be.
std::string problem_of(const fs::path& kit, const Entries& entries, const ListedFile& file) {
  if (!is_kit_name(file.name)) return "is no file of a kit";
  const auto found = entries.find(file.name);
  if (found == entries.end()) return "is missing";
  if (found->second != fs::file_type::regular) return "";  // said of every such entry
  const InputFile opened(kit / file.name);
  if (opened.size_bytes() != file.size_bytes)
    return "has " + std::to_string(opened.size_bytes()) + " bytes, not " + std::to_string(file.size_bytes);
  return sha256_of_file(opened.path()) == file.sha256 ? "" : "its SHA-256 is not the manifest's";
}

/// What is there and does not belong there.
std::vector<std::string> alien_entries(const Entries& entries, const std::vector<ListedFile>& files) {
  std::set<std::string> own{kManifestName, kSumsName};
  for (const ListedFile& file : files)
    for (fs::path path = file.name; !path.empty(); path = path.parent_path())
      own.insert(path.generic_string());
  std::vector<std::string> problems;
  for (const auto& [name, type] : entries) {
    if (type != fs::file_type::regular && type != fs::file_type::directory)
      problems.push_back(
          name + (type == fs::file_type::symlink ? ": is a link; a kit has none" : ": is no regular file"));
    else if (own.count(name) == 0)
      problems.push_back(name + ": is not of the kit");
  }
  return problems;
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
  const Entries entries = entries_below(kit);
  std::map<std::string, std::string> sums;
  std::vector<ListedFile> files;
  try {
    for (const char* name : {kManifestName, kSumsName}) {
      const auto found = entries.find(name);
      if (found != entries.end() && found->second != fs::file_type::regular)
        throw InputError(kit / name, "file", "a regular file, not a link");
    }
    sums = read_sums(kit / kSumsName);
    if (sums[kManifestName] != sha256_of_file(kit / kManifestName))
      check.problems.push_back(std::string(kManifestName) + ": its SHA-256 is not that of " + kSumsName);
    files = read_manifest_files(kit);
  } catch (const InputError& refusal) {
    check.problems.emplace_back(refusal.what());
    return check;
  }
  for (const ListedFile& file : files) {
    const std::string problem = problem_of(kit, entries, file);
    if (!problem.empty()) check.problems.push_back(file.name + ": " + problem);
    if (sums[file.name] != file.sha256)
      check.problems.push_back(std::string(kSumsName) + ": says another SHA-256 of " + file.name);
  }
  check.files = files.size() + 1;
  if (sums.size() != files.size() + 1)
    check.problems.push_back(std::string(kSumsName) + ": lists other files than the manifest");
  const std::vector<std::string> aliens = alien_entries(entries, files);
  check.problems.insert(check.problems.end(), aliens.begin(), aliens.end());
  return check;
}

}  // namespace quasim::kit
