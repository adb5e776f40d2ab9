// Why a golden differs from exact arithmetic at a point, shown by evaluating again.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "exact/domain.hpp"
#include "prove/golden_ladder.hpp"

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
  /// two_step: observed, or of the evaluation that reproduces the observed output.
  std::optional<int> golden_q;
  std::string stage;             ///< whose rounding decides: "q" or "out"
  exact::Rational exact_y;       ///< s_x*s_w*acc + s_b*b
  exact::Rational exact_scaled;  ///< y/s_c in two_step, y/s_y in fused
  std::string decided_value;     ///< in decimal: y/s_c (stage q) or silu/s_y (stage out), before its rounding
  double boundary_lsb = 0;       ///< distance of that value from the nearest half integer
  bool exact_tie = false;        ///< two_step: y/s_c is itself a tie, so the tie rule decides q
  /// The golden's fp32 value landed exactly on a tie there, so the tie rule decided its result.
  bool golden_tie = false;
  std::string clamp;         ///< what the clamp hides or reduces, with the values before it; empty: nothing
  std::string evaluated_as;  ///< in which way the observed value is not what the variant says; empty: it is
  /// Each alone explains the difference; joined by " and " where only several together do.
  std::vector<std::string> causes;
  bool explained = false;
};

/// Whether values that the variant would not give may be explained by an evaluation that differs from it in
/// one named way: without contraction, in another order of taps, with the other tie rule, without the clamp.
/// Certificates do not allow it.
enum class Deviations { kNone, kNamed };

class Explainer {
 public:
  Explainer(const LayerParams& layer, const Variant& variant, Deviations deviations = Deviations::kNone);

  /// Explains why `observed` is not what the oracle says. It is explained when the golden's own operations,
  /// expf within two ulps, reproduce `observed` and something named that is left out or exchanged restores
  /// the exact result: roundings (the smallest sets that do), contraction, the order of taps, the tie rule.
  /// In math fast, `observed` must be a result that the documented errors of division and __expf allow.
  Explanation explain(const GoldenPoint& point, const Observed& observed) const;

 private:
  /// An evaluation that gives the observed values.
  struct Reproduction {
    const GoldenLadder* ladder;
    LadderOptions options;
    LadderResult result;
    std::string cause, evaluated_as;  ///< of a deviation
  };
  std::optional<Reproduction> reproduce(const GoldenPoint& point, const Observed& observed) const;
  std::optional<Reproduction> reproduce_deviating(const GoldenPoint& point, const Observed& observed) const;
  void describe_exact(Explanation& explanation) const;
  void note_golden(Explanation& explanation, const LadderResult& golden, const LadderResult& exact) const;
  void explain_reproduced(Explanation& explanation, const Reproduction& found,
                          const LadderResult& exact) const;
  void explain_fast(Explanation& explanation, const LadderResult& exact) const;
  std::vector<std::string> restoring_sets(const GoldenPoint& point, const LadderResult& exact,
                                          const Reproduction& found) const;

  exact::Oracle oracle_;
  Variant variant_;
  Deviations deviations_;
  GoldenLadder ladder_, seqlast_, channellast_, other_rule_;
};

/// One place of an output tensor.
struct TensorDifference {
  std::size_t sequence = 0, channel = 0, time = 0;
  Explanation explanation;
};

/// The window, weights and bias value behind an output. Throws InputError where the tensor has no such place.
GoldenPoint point_at(const Bundle& bundle, std::size_t sequence, std::size_t channel, std::size_t time);

struct TensorComparison {
  std::int64_t compared = 0;
  Variant as;                  ///< whose exact outputs count: the declared one, or that of the other dataflow
                               ///< where its outputs are nearer to the tensor
  std::int64_t differing = 0;  ///< from those
  std::int64_t examined = 0;   ///< of the differing ones, explained one by one
  std::int64_t differing_as_declared = 0;
};

/// Explains the places at which `output`, [B, C, L] for the bundle's input and said to be made by `declared`,
/// is not what the oracle says. A tensor of the other dataflow would differ in every seventh place for one
/// and the same reason: it is recognised as a whole and explained as what it is. All differing places are
/// counted, up to `examine` of them, spread evenly, are explained; ends where `visit` returns false. Throws
/// InputError for another shape.
TensorComparison explain_outputs(const Bundle& bundle, const Variant& declared,
                                 const TensorBCL<std::int8_t>& output, std::int64_t examine,
                                 const std::function<bool(const TensorDifference&)>& visit,
                                 const std::function<void(std::int64_t)>& progress = {});

}  // namespace quasim::compile
