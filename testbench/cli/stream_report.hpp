// How the results of streaming layers are told: a table, or JSON.
#pragma once

#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "cosim/job.hpp"

namespace quasim::cli {

struct LayerResult {
  std::filesystem::path bundle;   ///< as it was given
  std::string name;               ///< of the layer, or LAYER/GROUP
  std::string group;              ///< empty where the layer has one group
  std::string program;            ///< LoadedProgram::origin
  std::string program_target;     ///< LoadedProgram::target_origin
  std::string reference, device;  ///< what it was compared with: "GPU golden" or "CPU twin", and who made it
  std::string variant;            ///< the golden it is compared with
  std::int64_t ties = 0;          ///< elements at which the program's tie rule decides
  nlohmann::ordered_json layer_parameters, hashes;  ///< of what was streamed
  std::uint64_t elements = 0;
  std::size_t lanes = 0;
  bool has_bus_traffic = false;  ///< it was asked for
  cosim::JobResult result;
};

/// One row a layer and variant, then the differences of each layer, one line a stage side.
std::string stream_text(const std::vector<LayerResult>& layers, bool with_rtl);

/// The document of docs/json.md, without the bundles that failed.
nlohmann::ordered_json stream_json(const std::string& verb, const std::vector<LayerResult>& layers,
                                   bool with_rtl);

/// kAgree only when every layer agrees.
int stream_exit(const std::vector<LayerResult>& layers);

}  // namespace quasim::cli
