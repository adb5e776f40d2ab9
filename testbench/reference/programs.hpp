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
  std::string variant;          ///< empty: the layer's own dataflow and rounding, seqlast, precise
  bool require_golden = false;  ///< a GPU's golden must be there; nothing else will do
};

/// The golden that the layer is compared with.
Variant chosen_variant(const LayerParams& layer, const ProgramChoice& choice);

struct LoadedProgram {
  LayerProgram program;
  std::string origin;  ///< for people: the multiplier's width, and whether it equals what it was compiled for
                       ///< on every reachable input
  std::string target_origin;  ///< "GPU sweep" or "CPU twin"; of a file: what it says itself, "" where nothing
  /// q too is that of the golden. Otherwise the program exchanges q whose table entries are equal, and only
  /// out can be compared.
  bool match_q = true;
};

/// The program in the file, checked against the bundle's weights; or the one the compiler finds for the
/// golden. Throws InputError.
LoadedProgram program_for(const Bundle& bundle, const ProgramChoice& choice);

/// Throws InputError, one line that begins with `name`, where the program is not of this bundle's layer:
/// another dataflow, other weights, another conv_bits, or compiled from other scales, another bias or another
/// sweep than there are now. What a program was compiled from is in the program; one that does not say is
/// held against the weights alone.
void require_program_of(const Bundle& bundle, const LayerProgram& program, const std::filesystem::path& name);

/// The bundle's own part of a program of its layer: the program itself, or that of its group. Throws
/// InputError, one line that begins with `name`, where it is of other groups.
LayerProgram program_part(const Bundle& bundle, const LayerProgram& program,
                          const std::filesystem::path& name);

/// The program of a file, or its part, which must be of this bundle's layer.
LayerProgram read_program_of(const Bundle& bundle, const std::filesystem::path& file);

}  // namespace quasim
