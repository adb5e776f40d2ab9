// Which layers, which program and which golden a verb streams with, as options of the command.
#pragma once

#include <CLI/CLI.hpp>
#include <filesystem>
#include <vector>

#include "reference/programs.hpp"

namespace quasim::cli {

/// Options of every verb that streams layers through the unit.
struct LayerOptions {
  std::vector<std::filesystem::path> bundles;
  ProgramChoice choice;
};

void add_layer_options(CLI::App& verb, LayerOptions& options);

}  // namespace quasim::cli
