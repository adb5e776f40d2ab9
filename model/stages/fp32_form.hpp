// A proven fp32 form of one channel's requantisation; see untimed.hpp.
#pragma once

#include <cstdint>
#include <optional>

#include "types/program.hpp"

namespace quasim::stages {

struct Fp32Form {
  float a = 0, b = 0;
};

/// a, b with clamp_N(rint(fma(acc, a, b))) == q(acc) for acc_min <= acc <= acc_max, or none where the search
/// finds none. conv_bits <= 8.
std::optional<Fp32Form> find_fp32_form(const StageProgram& stage, std::int64_t bias_word,
                                       std::int32_t acc_min, std::int32_t acc_max);

}  // namespace quasim::stages
