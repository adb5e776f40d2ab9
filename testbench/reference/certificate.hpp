// The one recipe of a layer's certificate: which program, which references, what must equal what.
#pragma once

#include <functional>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "io/bundle.hpp"
#include "prove/certify.hpp"
#include "types/program.hpp"

namespace quasim {

struct CertifyRequest {
  exact::DomainKind domain = exact::DomainKind::kReachable;
  /// Which golden; none: that of the layer's dataflow and rounding, seqlast, precise. The layer must be as
  /// the variant has it.
  std::optional<Variant> variant;
  /// None: compiled for that golden.
  std::optional<LayerProgram> program;
  std::string source;  ///< where the program comes from, for people; used where there is one
  std::int64_t examine = compile::kExaminedDefault;  ///< differing points of each golden explained one by one
  bool require_golden = false;                       ///< the GPU's sweep must be there
  /// The RTL's requant and silu with the program; empty: the RTL is not driven. Whoever asks for the
  /// certificate brings it, because a reference knows no simulator.
  std::function<std::unique_ptr<exact::PointSource>(const LayerProgram&)> rtl;
};

struct LayerCertificate {
  std::string layer, group;  ///< the group's name; empty where the layer has one group
  std::string variant;
  LayerProgram program;
  std::string source;   ///< where the program comes from
  std::string target;   ///< the implementation that the program must equal
  bool match_q = true;  ///< in q and out, or in out alone
  compile::Certificate certificate;
  std::optional<std::int64_t> ties;  ///< points at which the program's tie rule decides; none in fused
  std::vector<std::pair<std::string, double>> seconds;  ///< by implementation
  nlohmann::ordered_json layer_parameters;              ///< what it was made from
  nlohmann::ordered_json hashes;                        ///< SHA-256 of the files that were read

  bool passed() const { return certificate.passed(); }
};

/// Sends the domain through the program, the oracle, the CPU twin and the GPU's sweeps of the layer's
/// dataflow and rounding, and the RTL where it is brought. The program must equal the target it was compiled
/// for: the oracle where that was "exact", the sweep of fast math where it was that, else the GPU's sweep,
/// else the twin; in q where it was compiled to match q. Throws InputError where the program belongs to
/// another layer or variant, and where a sweep is stale.
LayerCertificate certify_layer(const Bundle& bundle, CertifyRequest request);

/// One entry of "layers" in quasim.certificate/1.
nlohmann::ordered_json to_json(const LayerCertificate& layer);

}  // namespace quasim
