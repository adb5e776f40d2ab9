// The certificate of a layer: every point of a domain through every implementation, compared pairwise, each
// difference explained.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "exact/steps.hpp"
#include "prove/differing_points.hpp"
#include "prove/explanation.hpp"
#include "prove/mac_check.hpp"

namespace quasim::compile {

/// One implementation's step functions over the domain. `variant` says which golden it is; none for the model
/// and the oracle.
struct Implementation {
  std::string name;
  std::optional<Variant> variant;
  exact::StageSteps steps;
  double seconds = 0;  ///< time it took to obtain the steps
};

struct FirstDifference {
  std::string stage;  ///< "q" or "out"
  int bias = 0;
  std::int32_t acc = 0;
  int a = 0, b = 0;
};

struct PairResult {
  std::string a, b;
  std::int64_t points = 0;
  std::int64_t differing_q = 0;  ///< 0 where either has no q
  std::int64_t differing_out = 0;
  std::optional<FirstDifference> first;  ///< in out where out differs, else in q
};

/// The differences of one golden from the oracle, by cause.
struct CauseCount {
  std::string implementation;
  std::string cause;  ///< all single roundings whose removal restores the exact result, joined by " | "
  std::int64_t points = 0;
};

struct Certificate {
  exact::Domain domain;
  std::vector<PairResult> pairs;
  std::vector<CauseCount> causes;
  std::int64_t differing_points = 0;  ///< of the goldens from the oracle, in q or out; each golden's counted
  std::int64_t examined = 0;          ///< of those, looked at one by one
  std::int64_t unexplained = 0;       ///< of those examined, points that no rounding explains
  std::int64_t model_differing = 0;   ///< points in which the model differs from what it was compiled for
  std::int64_t rtl_differing = 0;     ///< points in which the RTL differs from the model, where it was driven
  std::optional<FirstDifference> first_unexplained;
  MacCheck mac;

  /// A sample of explained points is not a proof: every differing point must be examined.
  bool passed() const {
    return unexplained == 0 && examined == differing_points && model_differing == 0 && rtl_differing == 0 &&
           mac.passed();
  }
};

/// `implementations` hold one named "model" where a program is to be certified, one named "oracle", and one
/// named "rtl" where it was driven, which must equal the model in q and out. The model must equal the one
/// named `target` in out, and in q where `match_q`. Where a golden differs from the oracle in more than
/// `examine` points, all are counted and that many are explained, spread evenly. Throws InputError when
/// either is missing or nothing is compared.
Certificate certify(const LayerParams& layer, exact::Domain domain,
                    const std::vector<Implementation>& implementations, const std::string& target,
                    bool match_q, std::int64_t examine = kExaminedDefault);

}  // namespace quasim::compile
