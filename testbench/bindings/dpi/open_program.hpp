// A layer program from whatever a path names.
#pragma once

#include <filesystem>

#include "types/program.hpp"

namespace quasim::dpi {

/// A directory is a layer bundle and is compiled for its golden, as `quasim run` does; anything else is read
/// as a program file. Throws InputError with one line.
LayerProgram open_program(const std::filesystem::path& path);

}  // namespace quasim::dpi
