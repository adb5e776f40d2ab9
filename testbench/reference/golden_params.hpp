// A layer and a variant in the words of the golden's C interface.
#pragma once

#include <array>
#include <cstddef>

#include "io/bundle.hpp"
#include "quasim_golden.h"

namespace quasim {

/// Parameters of the golden for tensors of `shape`, [B, C, L]; of a single window unless told otherwise.
qg_params golden_params(const LayerParams& layer, const Variant& variant,
                        const std::array<std::size_t, 3>& shape = {1, 1, 1});

}  // namespace quasim
