// Which layer program and which golden a verb streams with.
#pragma once

#include <CLI/CLI.hpp>
#include <filesystem>
#include <string>
#include <vector>

#include "io/bundle.hpp"
#include "types/program.hpp"

namespace quasim::cli {

/// Options of every verb that streams layers through the unit.
struct LayerOptions {
  std::vector<std::filesystem::path> bundles;
  std::filesystem::path program_file;
  std::string variant;  ///< empty: the layer's own dataflow and rounding, seqlast, precise
};

void add_layer_options(CLI::App& verb, LayerOptions& options);

/// Which golden the layer is compared with.
Variant golden_variant(const Bundle& bundle, const LayerOptions& options);

struct LoadedProgram {
  LayerProgram program;
  std::string origin;  ///< for people: the multiplier's width, and whether it equals the golden on every
                       ///< reachable input
};

/// The program in the file, checked against the bundle's weights; or the one the compiler finds for the
/// golden.
LoadedProgram program_for(const Bundle& bundle, const LayerOptions& options);

}  // namespace quasim::cli
