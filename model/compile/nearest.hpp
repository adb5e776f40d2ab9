// The layer program that follows from the scales alone: M/2^S nearest to s_x*s_w/s_c at the full multiplier
// width, B[c] nearest to s_b*b[c]/s_c*2^S, the table from u = q*s_c in double.
#pragma once

#include "io/bundle.hpp"
#include "types/program.hpp"

namespace quasim::compile {

struct Widths {
  int mult_bits = spec::kMultBitsDefault;
  int bias_bits = spec::kBiasBitsMax;
};

/// Throws InputError for a dataflow other than two_step. Bias words that do not fit are saturated; where that
/// happens the output is at a clamp for every accumulator anyway, or the scales are out of the datapath's
/// reach.
LayerProgram nearest_program(const Bundle& bundle, const Widths& widths = {});

}  // namespace quasim::compile
