// Which layer program a layer is run with, and against which golden.
#pragma once

#include <filesystem>
#include <string>

#include "io/bundle.hpp"
#include "types/program.hpp"

namespace quasim {

/// What a user may say about it; nothing said: the program is compiled for the layer's own golden.
struct ProgramChoice {
  std::filesystem::path program_file;
  std::string variant;  ///< empty: the layer's own dataflow and rounding, seqlast, precise
};

/// The golden that the layer is compared with.
Variant chosen_variant(const LayerParams& layer, const ProgramChoice& choice);

struct LoadedProgram {
  LayerProgram program;
  std::string origin;  ///< for people: the multiplier's width, and whether it equals the golden on every
                       ///< reachable input
};

/// The program in the file, checked against the bundle's weights; or the one the compiler finds for the
/// golden. Throws InputError.
LoadedProgram program_for(const Bundle& bundle, const ProgramChoice& choice);

/// The program of a file, for a layer of this bundle: weights and conv_bits must be the bundle's.
LayerProgram read_program_of(const Bundle& bundle, const std::filesystem::path& file);

}  // namespace quasim
