// The file of a layer program, `quasim.program/1` or /2.
#pragma once

#include <filesystem>
#include <string>

#include "types/program.hpp"

namespace quasim {

/// Strict reader of `quasim.program/2` and /1 (two_step of one group): unknown keys, wrong lengths and values
/// out of range are refused.
LayerProgram read_program(const std::filesystem::path& file);
/// The file as text, `quasim.program/1` where that can hold the program (two_step of one group), else /2;
/// validated.
std::string program_text(const LayerProgram& program);
void write_program(const std::filesystem::path& file, const LayerProgram& program);

}  // namespace quasim
