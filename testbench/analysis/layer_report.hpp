// Everything the report page shows of one layer, as JSON.
#pragma once

#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "io/bundle.hpp"

namespace quasim::analysis {

/// Documents made by other verbs, and a directory with a model's tensors; all optional.
struct ReportInputs {
  std::vector<std::filesystem::path> certificates;  ///< `quasim certify --json`
  std::vector<std::filesystem::path> cosims;        ///< `quasim cosim --json`
  std::filesystem::path
      model;  ///< conv1d_output_int8.npy of a model, in it or in a subdirectory named as the bundle's
};

/// Of a map: whether a difference in it is a fault (and not what another dataflow costs).
inline constexpr char kMustBeEqual[] = "must_be_equal";

/// Throws InputError for a certificate or co-simulation that speaks of none of the layers.
void require_used(const ReportInputs& inputs, const std::vector<std::string>& layers);

/// One layer. Beside `inputs`, golden/certificate.json and golden/cosim.json of the bundle are read where
/// they exist.
nlohmann::ordered_json report_layer(const Bundle& bundle, const ReportInputs& inputs);

}  // namespace quasim::analysis
