// The goldens that a bundle has: which there are, who made them, and whether they were made from this bundle.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "io/bundle.hpp"
#include "io/made_from.hpp"

namespace quasim {

/// The file of a golden's step functions.
constexpr char kStepsFile[] = "steps.npz";

enum class GoldenMaker { kGpu, kCpuTwin };
/// "GPU golden" or "CPU twin": what results call their reference.
std::string_view to_string(GoldenMaker maker);

struct CommittedFile {
  std::filesystem::path file;
  GoldenMaker maker = GoldenMaker::kGpu;
  std::string device;  ///< as provenance.json names it
};

/// golden/VARIANT/NAME, where a golden of the bundle lies. The sweep of one group of several is its own:
/// golden/VARIANT/GROUP/steps.npz.
std::filesystem::path golden_file(const Bundle& bundle, const Variant& variant, const std::string& name);

/// That file; none where the bundle has no such file. It must have been made from the bundle as it
/// is on disk: a tensor from weights, bias, scales and input, a step table from all but the input. Throws
/// InputError with one line where it was not, where provenance.json does not say, or where it cannot be
/// looked at.
std::optional<CommittedFile> committed_file(const Bundle& bundle, const Variant& variant,
                                            const std::string& name, Inputs inputs);
/// The same of a whole layer.
std::optional<CommittedFile> committed_file(const GroupedBundle& bundle, const Variant& variant,
                                            const std::string& name, Inputs inputs);

/// A golden tensor [B, C, L] of the bundle's channels, likewise. Throws InputError for another shape or
/// dtype.
template <class T, class AnyBundle>
std::optional<TensorBCL<T>> committed_tensor(const AnyBundle& bundle, const Variant& variant,
                                             const std::string& tensor) {
  if (!committed_file(bundle, variant, tensor + ".npy", Inputs::kLayerAndInput)) return std::nullopt;
  return read_golden<T>(bundle, variant, tensor);
}

/// Which variants there are, for messages: "golden/ has A, B" or "it has no golden at all".
std::string committed_variants(const std::filesystem::path& bundle_directory);

/// Throws InputError, one line that lists what there is, where the bundle has no GPU golden of this name.
void require_gpu_golden(const Bundle& bundle, const Variant& variant, const std::string& name);

/// Before tensors of a golden are written to `directory`, with a provenance.json that will speak for all that
/// lies there: throws InputError where something else of a golden lies there that another device or another
/// layer made. `device` is what the new provenance.json says.
void require_same_maker(const GroupedBundle& bundle, const Variant& variant,
                        const std::filesystem::path& directory, const std::vector<std::string>& written,
                        const std::string& device);

/// What provenance.json says about the bundle: {"inputs_sha256": ..., "layer_parameters": ...}.
nlohmann::ordered_json provenance_of(const GroupedBundle& bundle);

}  // namespace quasim
