// The complete step functions of a layer: exact arithmetic against the fp32 golden, over every accumulator
// and every bias.
#pragma once

#include <nlohmann/json.hpp>

#include "io/bundle.hpp"

namespace quasim::analysis {

/// {"domain": {...}, "variants": [{"variant", "origin", "points", "differing_q", "differing_out", "listed":
/// [...]}],
///  "curves": [{"bias", "acc": [...], "q": [...], "out": [...]}]}. Variants are those that the bundle's
///  golden/ holds a complete
/// sweep of, and the layer's precise seqlast golden from the CPU twin where it does not. `listed` are the
/// first differing points of out, {"bias", "acc", "exact", "golden"}. Curves are exact arithmetic's, at the
/// least, zero and largest bias of the layer and at biases with differences.
nlohmann::ordered_json compare_steps(const Bundle& bundle);

}  // namespace quasim::analysis
