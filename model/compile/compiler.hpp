// The compiler: a layer and a target in, a layer program out that equals the target on every point of a
// domain where such a program exists, and comes as close as the search can where none does. Either way the
// result is checked by complete enumeration.
#pragma once

#include <optional>
#include <string>

#include "compile/multiplier.hpp"
#include "exact/oracle.hpp"
#include "types/program.hpp"

namespace quasim::compile {

/// What must agree: q and out; out alone, so that q with equal table entries may be exchanged; or the first
/// of these that can.
enum class Match { kQ, kOut, kAuto };
Match parse_match(std::string_view text);
std::string_view to_string(Match match);

struct Target {
  std::string name;            ///< "exact" or "golden:VARIANT"
  std::string origin;          ///< where the steps come from
  exact::StageSteps steps;     ///< over the domain; two_step needs q
  std::string steps_sha256{};  ///< of the file they come from; empty where they were computed
};

struct Options {
  int mult_bits = spec::kMultBitsMax;  ///< widest multiplier to consider
  int bias_bits = spec::kBiasBitsMax;
  Match match = Match::kAuto;              ///< two_step
  int cell_bits = spec::kCellBitsDefault;  ///< fused: the guess has 2^cell_bits cells
  int near_rows = spec::kNearRowsDefault;  ///< fused: thresholds held at full width
  /// two_step, where no exact program exists: whether to look for the narrowest of the multipliers that come
  /// as close, which takes several searches, or to take any up to mult_bits.
  bool narrowest = true;
};

/// One accumulator and bias value at which program and target disagree.
struct DifferingPoint {
  int bias = 0;
  std::int32_t acc = 0;
  int target = 0;
  int program = 0;
};

struct Compiled {
  LayerProgram program;
  Match match = Match::kQ;  ///< what the program was asked to agree in: kQ or kOut
  std::int64_t points = 0;  ///< enumerated
  std::int64_t differing_q = 0;
  std::int64_t differing_out = 0;
  std::int64_t displaced_at_least = 0;  ///< proven lower bound where no exact program exists, otherwise 0
  /// The target's q, or rank in fused, decreases somewhere: no program can follow.
  bool target_falls = false;
  std::optional<std::int64_t> least_multiplier;  ///< fused: the least at which thresholds exist
  std::vector<DifferingPoint> first_differing;   ///< in out; up to kPointsListed

  bool exact() const { return differing_out == 0 && (match == Match::kOut || differing_q == 0); }
};
constexpr std::size_t kPointsListed = 1000;

/// Throws InputError where the layer's dataflow has no programs of its activation.
void require_compilable(const LayerParams& layer);

/// The program of the layer's dataflow. `domain` must have one slice for each bias value of the bundle.
/// Throws InputError where a fused target has more steps than the unit's tables.
Compiled compile_program(const Bundle& bundle, const exact::Domain& domain, const Target& target,
                         const Options& options);

/// The table that a target implies: its out at each q that occurs, the oracle's elsewhere. Throws InputError
/// where one q has two outs.
std::vector<std::int8_t> table_of(const exact::StageSteps& steps, const exact::Domain& domain,
                                  const exact::Oracle& oracle);

}  // namespace quasim::compile
