// How often a program's tie rule decides. A rule that no input reaches is not tested by any stream or
// enumeration, however long, and whoever reads a result must know that.
#pragma once

#include <cstdint>

#include "exact/domain.hpp"
#include "types/program.hpp"

namespace quasim::compile {

/// Points of the domain at which p = M*acc + B[c] lies exactly between two q that the clamp leaves apart.
/// Slices without a channel are left out, as everywhere for programs.
std::int64_t ties_in(const LayerProgram& program, const exact::Domain& domain);
/// The same over the elements of a stream [B, C, L], every sequence from its start.
std::int64_t ties_in(const LayerProgram& program, const TensorBCL<std::int8_t>& input);

}  // namespace quasim::compile
