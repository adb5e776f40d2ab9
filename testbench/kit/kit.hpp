// quasim export: one directory with all that a hardware team needs to check its own implementation of a
// layer.
#pragma once

#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "io/bundle.hpp"
#include "io/outputs.hpp"
#include "kit/directed.hpp"
#include "kit/formats.hpp"
#include "kit/stages.hpp"
#include "types/program.hpp"

namespace quasim::kit {

struct KitRequest {
  std::filesystem::path output;
  InputSet inputs;             ///< what the command reads; none of it is replaced
  std::string tool;            ///< name and version of what writes the kit
  std::string program_origin;  ///< for people
  Variant variant;             ///< the golden that outputs are compared with
  std::size_t lanes = spec::kLanesDefault;
  FormatSet formats;
  std::vector<Boundary> stages{kBoundaries.begin(), kBoundaries.end()};
  std::size_t max_tokens = SIZE_MAX;  ///< time steps of each sequence that are exported
  bool with_directed = true;          ///< and corner streams
  bool folded = false;                ///< for a unit of two_step alone that holds silu_table folded
  std::function<void(std::uint64_t done, std::uint64_t total)> progress;
};

struct KitSummary {
  std::uint64_t elements = 0;  ///< of all streams
  std::uint64_t size_bytes = 0;
  std::size_t files = 0;
  std::optional<DirectedCounts> directed;
  std::uint64_t golden_compared = 0, golden_differing = 0;
};

/// Writes the kit of `program`. The input is read from the bundle's directory piece by piece. Throws
/// InputError when the bundle has neither an input nor directed vectors are wanted, when a file cannot be
/// written, or when `output` is something else than a kit.
KitSummary export_kit(const Bundle& bundle, const LayerProgram& program, const KitRequest& request);

}  // namespace quasim::kit
