// Why a golden differs from exact arithmetic at a point, shown by evaluating again.
#pragma once

#include <optional>
#include <string>

#include "compile/golden_ladder.hpp"

namespace quasim::compile {

/// What an implementation of the golden gave at a point.
struct Observed {
  std::optional<int> q;  ///< absent in fused, and where only the output is known
  int out = 0;
};

struct Explanation {
  GoldenPoint point;
  int exact_q = 0, exact_out = 0;
  Observed observed;
  std::string stage;             ///< whose rounding decides: "q" or "out"
  exact::Rational exact_y;       ///< s_x*s_w*acc + s_b*b
  exact::Rational exact_scaled;  ///< y/s_c in two_step, y/s_y in fused
  std::string decided_value;     ///< in decimal: y/s_c (stage q) or silu/s_y (stage out), before its rounding
  double boundary_lsb = 0;       ///< distance of that value from the nearest half integer
  bool exact_tie = false;        ///< the exact value is itself a tie, so the tie rule decides
  bool golden_tie =
      false;  ///< the golden's fp32 value landed exactly on a tie there, so the tie rule decided its result
  std::vector<std::string>
      causes;  ///< each alone explains the difference; joined by " and " where only several together do
  bool explained = false;
};

class Explainer {
 public:
  Explainer(const LayerParams& layer, const Variant& variant);

  /// Explains why `observed` is not what the oracle says. It is explained when the golden's own operations,
  /// expf within two ulps, reproduce `observed` and leaving out the named roundings restores the exact
  /// result. In math fast the operations have no published definition: there the precise evaluation must
  /// restore the exact result or share its cause, and the exact value must lie within the documented error of
  /// the approximate operations from a rounding boundary.
  Explanation explain(const GoldenPoint& point, const Observed& observed) const;

 private:
  void describe_exact(Explanation& explanation) const;
  void explain_precise(Explanation& explanation, const LadderResult& exact) const;
  void explain_fast(Explanation& explanation, const LadderResult& exact) const;
  std::vector<std::string> restoring_sets(const GoldenPoint& point, const LadderResult& exact,
                                          int exp_ulps) const;
  bool same(const LadderResult& a, const LadderResult& b) const;

  exact::Oracle oracle_;
  Variant variant_;
  GoldenLadder ladder_;
};

}  // namespace quasim::compile
