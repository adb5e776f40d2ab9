#include "reference/committed.hpp"

#include <algorithm>
#include <vector>

#include "io/files.hpp"
#include "spec/error.hpp"

namespace quasim {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

constexpr char kProvenance[] = "provenance.json";

Json read_provenance(const fs::path& golden_file) {
  const fs::path file = golden_file.parent_path() / kProvenance;
  if (!is_present(file))
    throw InputError(golden_file, kProvenance,
                     "it beside the golden, to say what it was made from; it is missing");
  const std::string text = read_text_file(file);
  (void)parse_json_strict(text, file);  // depth and duplicate keys
  Json json = Json::parse(text);
  if (!json.is_object()) throw InputError(file, "provenance", "a JSON object");
  return json;
}

std::string text_of(const Json& json, const char* key, const fs::path& file) {
  if (!json.contains(key) || !json.at(key).is_string()) throw InputError(file, key, "a string");
  return json.at(key).get<std::string>();
}

GoldenMaker maker_of(const std::string& device) {
  return device.rfind("CPU twin", 0) == 0 ? GoldenMaker::kCpuTwin : GoldenMaker::kGpu;
}

Json entry_of(const Json& json, const char* key) {
  return json.contains(key) ? json.at(key) : Json(nullptr);
}

/// A file that was put beside a provenance which names its files, and not this one, may be of anything.
void require_spoken_for(const Json& provenance, const fs::path& file) {
  const Json& files = entry_of(provenance, "files");
  const std::string name = file.filename().string();
  if (files.is_array() && std::find(files.begin(), files.end(), name) == files.end())
    throw InputError(file.string() + ": stale: " + (file.parent_path() / kProvenance).string() +
                     " names the files that it speaks for, and not this one; make it again, or remove it");
}

}  // namespace

std::string_view to_string(GoldenMaker maker) {
  return maker == GoldenMaker::kGpu ? "GPU golden" : "CPU twin";
}

fs::path golden_file(const Bundle& bundle, const Variant& variant, const std::string& name) {
  const fs::path golden = bundle.golden_directory(variant);
  return bundle.part && name == kStepsFile ? golden / bundle.part->name / name : golden / name;
}

namespace {

/// `file` where it is there and was made from `layer`, which is the one on disk.
template <class Layer>
std::optional<CommittedFile> committed_at(const fs::path& file, const fs::path& directory,
                                          const Variant& variant, const Layer& layer, Inputs inputs) {
  const Json provenance = read_provenance(file);
  const fs::path provenance_file = file.parent_path() / kProvenance;
  if (const std::string made = text_of(provenance, "variant", provenance_file); made != variant.to_string())
    throw InputError(provenance_file, "variant",
                     variant.to_string() + " as its directory is called; got " + made);
  require_made_from(directory, as_variant(layer, variant), file,
                    {entry_of(provenance, "layer_parameters"), entry_of(provenance, "inputs_sha256")},
                    inputs);
  require_spoken_for(provenance, file);
  const std::string device = text_of(provenance, "device", provenance_file);
  return CommittedFile{file, maker_of(device), device};
}

}  // namespace

std::optional<CommittedFile> committed_file(const Bundle& bundle, const Variant& variant,
                                            const std::string& name, Inputs inputs) {
  const fs::path file = golden_file(bundle, variant, name);
  if (!is_present(file)) return std::nullopt;
  if (name == kStepsFile) return committed_at(file, bundle.directory, variant, read_layer_of(bundle), inputs);
  return committed_at(file, bundle.directory, variant, read_grouped_layer(bundle.directory), inputs);
}

std::optional<CommittedFile> committed_file(const GroupedBundle& bundle, const Variant& variant,
                                            const std::string& name, Inputs inputs) {
  const fs::path file = bundle.golden_directory(variant) / name;
  if (!is_present(file)) return std::nullopt;
  return committed_at(file, bundle.directory, variant, read_grouped_layer(bundle.directory), inputs);
}

std::string committed_variants(const fs::path& bundle_directory) {
  const fs::path directory = bundle_directory / "golden";
  std::vector<std::string> names;
  if (is_present(directory)) {
    std::error_code error;
    for (fs::directory_iterator entry(directory, error), end; !error && entry != end; entry.increment(error))
      if (entry->is_directory()) names.push_back(entry->path().filename().string());
    if (error) throw InputError(directory.string() + ": cannot list: " + error.message());
  }
  if (names.empty()) return "it has no golden at all";
  std::sort(names.begin(), names.end());
  std::string text = "golden/ has ";
  for (const std::string& name : names) text += (name == names.front() ? "" : ", ") + name;
  return text;
}

void require_gpu_golden(const Bundle& bundle, const Variant& variant, const std::string& name) {
  const auto inputs = name == kStepsFile ? Inputs::kLayer : Inputs::kLayerAndInput;
  const auto found = committed_file(bundle, variant, name, inputs);
  const fs::path file = golden_file(bundle, variant, name);
  if (!found)
    throw InputError(
        file, "golden",
        "a GPU's, as --require-golden asks; it is missing, and " + committed_variants(bundle.directory));
  if (found->maker != GoldenMaker::kGpu)
    throw InputError(file, "golden",
                     "a GPU's, as --require-golden asks; this one is of the " + found->device);
}

void require_same_maker(const GroupedBundle& bundle, const Variant& variant, const fs::path& directory,
                        const std::vector<std::string>& written, const std::string& device) {
  for (const char* name : {kStepsFile, "conv1d_raw.npy", "conv1d_int8simulated.npy", "conv1d_q.npy",
                           "silu_raw.npy", "conv1d_output_int8.npy"}) {
    const fs::path file = directory / name;
    if (std::find(written.begin(), written.end(), name) != written.end() || !is_present(file)) continue;
    const Json provenance = read_provenance(file);
    const bool tensor = std::string(name) != kStepsFile;
    require_made_from(bundle.directory, as_variant(bundle.layer, variant), file,
                      {entry_of(provenance, "layer_parameters"), entry_of(provenance, "inputs_sha256")},
                      tensor ? Inputs::kLayerAndInput : Inputs::kLayer);
    require_spoken_for(provenance, file);
    const std::string made_by = text_of(provenance, "device", directory / kProvenance);
    if (made_by != device)
      throw InputError(file.string() + ": made by " + made_by + "; a golden of " + device +
                       " cannot be written beside it: remove it, or write elsewhere");
  }
}

Json provenance_of(const GroupedBundle& bundle) {
  return {{"inputs_sha256", bundle_hashes(bundle.directory, Inputs::kLayerAndInput)},
          {"layer_parameters", layer_parameters(bundle.layer)}};
}

}  // namespace quasim
