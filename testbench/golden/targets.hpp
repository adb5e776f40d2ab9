// Step functions of the fp32 golden over a domain: from the GPU's committed sweep, or from the CPU twin point by point.
#pragma once

#include <filesystem>
#include <memory>
#include <optional>

#include "compile/compiler.hpp"

namespace quasim {

/// golden/VARIANT/steps.npz of the bundle.
std::filesystem::path steps_path(const Bundle& bundle, const Variant& variant);

/// The GPU's sweep, where the bundle has one and its conv_bits are the layer's. Throws InputError for a malformed file.
std::optional<exact::StageSteps> gpu_steps(const Bundle& bundle, const Variant& variant, const exact::Domain& domain);

/// The CPU twin as a source to enumerate; seqlast and precise only. Throws InputError for variants or scales it does not evaluate.
std::unique_ptr<exact::PointSource> make_twin_source(const LayerParams& layer, const Variant& variant);

/// A compile target from its text: "exact", or "golden:VARIANT" (the GPU's sweep where the bundle has one, else the CPU twin).
compile::Target make_target(const std::string& text, const Bundle& bundle, const exact::Domain& domain);

/// The variant that a layer's program is compiled for unless told otherwise: its dataflow and rounding, seqlast, precise.
Variant default_variant(const LayerParams& layer);

}  // namespace quasim
