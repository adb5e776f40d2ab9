// One stream of a kit: its vectors at every stage boundary, in every format, written in one pass.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "kit/coverage.hpp"
#include "kit/formats.hpp"
#include "kit/kit_directory.hpp"
#include "kit/sample_source.hpp"
#include "kit/stages.hpp"

namespace quasim::kit {

struct StreamRequest {
  std::string name;     ///< the folder vectors/NAME
  std::string meaning;  ///< for the manifest
  const SampleSource* source = nullptr;
  const SampleSource* golden = nullptr;  ///< the golden output of the same shape; may be nullptr
  std::size_t lanes = spec::kLanesDefault;
  FormatSet formats;
  std::vector<Boundary> stages;                 ///< which boundaries are written
  std::function<void(std::uint64_t)> progress;  ///< called with the elements done
};

struct StreamSummary {
  nlohmann::ordered_json json;  ///< for the manifest
  StreamCoverage coverage;
  std::uint64_t elements = 0;
  std::uint64_t golden_compared = 0, golden_differing = 0;
};

/// Streams the source through the program. Memory does not grow with the stream.
StreamSummary write_stream(KitDirectory& kit, const LayerProgram& program, const StreamRequest& request);

}  // namespace quasim::kit
