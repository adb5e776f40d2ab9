// Why a layer program differs from exact arithmetic at a point.
#pragma once

#include <string>
#include <vector>

#include "exact/oracle.hpp"
#include "types/program.hpp"

namespace quasim::compile {

struct ProgramExplanation {
  int exact_q = 0, exact_out = 0;
  int program_q = 0, program_out = 0;
  double error_lsb = 0;     ///< (M*acc + B)/2^S - y/s_c, in LSB of q
  double boundary_lsb = 0;  ///< distance of y/s_c from the nearest half integer
  std::vector<std::string> causes;
  bool explained = false;
};

/// Largest |error_lsb| that passes for quantisation of M and B; a program compiled for its layer stays far
/// below it.
constexpr double kQuantisationLimitLsb = 1.0 / 64;

/// Never explained: a table entry that is not the oracle's (where the golden has it too, the golden's
/// operations explain it). Tries the exact ratio s_x*s_w/s_c instead of M/2^S, the exact bias instead of
/// B/2^S, and both; names those that restore the exact q, and the table entry where q agrees and out does
/// not.
ProgramExplanation explain_program(const exact::Oracle& oracle, const LayerProgram& program, int channel,
                                   int bias, std::int32_t acc);

}  // namespace quasim::compile
