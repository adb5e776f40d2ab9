// steps.npz: a complete step function as swept on a GPU.
//
//   acc_min, acc_max   int32 [1]     the accumulators that were swept
//   bias               int16 [256]   -128 ... 127
//   S_first            int16 [256]   value at acc_min            S is q and out; fused has only out
//   S_offset           int32 [257]   where each bias value's steps begin in S_acc and S_value
//   S_acc              int32 [n]     accumulators at which the value changes, ascending within a bias value
//   S_value            int16 [n]     the value from there on
#pragma once

#include <filesystem>

#include "exact/steps.hpp"

namespace quasim::exact {

/// The part of the file that belongs to `domain`. `q` of the result exists where `conv_bits` is not 0. Throws
/// InputError for a file that is malformed, does not reach as far as the domain, or holds values beyond
/// conv_bits (q) or int8 (out).
StageSteps read_steps(const std::filesystem::path& file, const Domain& domain, int conv_bits);

}  // namespace quasim::exact
