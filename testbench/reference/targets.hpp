// Step functions of the fp32 golden over a domain: from the GPU's committed sweep, or from the CPU twin point
// by point.
#pragma once

#include <filesystem>
#include <memory>
#include <optional>

#include "compile/compiler.hpp"
#include "reference/committed.hpp"

namespace quasim {

/// The GPU's sweep, where the bundle has one and its layer is the one on disk: a sweep is nothing for a layer
/// with another conv_bits or scale by option. Throws InputError for a malformed or stale file.
std::optional<exact::StageSteps> gpu_steps(const Bundle& bundle, const Variant& variant,
                                           const exact::Domain& domain);

/// The CPU twin as a source to enumerate; seqlast and precise only. Throws InputError for variants or scales
/// it does not evaluate.
std::unique_ptr<exact::PointSource> make_twin_source(const LayerParams& layer, const Variant& variant);

/// The variant of "golden:VARIANT"; none for "exact". Throws InputError for anything else.
std::optional<Variant> target_variant(const std::string& text);

/// A compile target from its text: "exact", or "golden:VARIANT": the GPU's sweep where there is one, else the
/// CPU twin.
compile::Target make_target(const std::string& text, const Bundle& bundle, const exact::Domain& domain);

/// What to compile a layer for.
struct CompileRequest {
  std::string target;  ///< empty: the golden of the layer's own dataflow and rounding
  exact::DomainKind domain = exact::DomainKind::kReachable;
  int conv_bits = 0;            ///< 0: the layer's
  bool require_golden = false;  ///< the GPU's sweep must be there
};

/// A layer of one group, or one group of several, as it is to be compiled, and for what.
struct CompileTask {
  Bundle bundle;
  exact::Domain domain;
  compile::Target target;
};
CompileTask compile_task(Bundle bundle, const CompileRequest& request);

/// The variant that a layer's program is compiled for unless told otherwise: its dataflow and rounding,
/// seqlast, precise.
Variant default_variant(const LayerParams& layer);
/// The same of a dataflow: the layer's rounding where that is its own, otherwise the dataflow's.
Variant default_variant(const LayerParams& layer, Dataflow dataflow);

}  // namespace quasim
