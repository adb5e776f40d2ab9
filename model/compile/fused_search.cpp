#include "compile/fused_search.hpp"

#include <algorithm>

#include "compile/guess.hpp"
#include "compile/thresholds.hpp"
#include "spec/error.hpp"

namespace quasim::compile {
namespace {

constexpr std::int64_t kPositions = std::int64_t{1} << spec::kThresholdBits;
/// Where the last threshold goes: what lies beyond it needs no room.
constexpr std::int64_t kLastThreshold = kPositions - 64;
constexpr std::int64_t kBelowLargestTried = 40;

struct Candidate {
  std::int64_t multiplier = 0;
  ThresholdSystem::Solution solution;  ///< thresholds in u
  std::int64_t differing = 0;          ///< points of the domain, where the guess is right
  Guess guess;

  bool exact() const { return differing == 0 && guess.wrong == 0; }
  bool better_than(const Candidate& other) const {
    return std::pair(guess.wrong, differing) < std::pair(other.guess.wrong, other.differing);
  }
};

/// Moves a solution to where the last threshold is kLastThreshold. None where its thresholds do not fit into
/// u, or its words not into the bias memory.
std::optional<Candidate> place(ThresholdSystem::Solution solution, std::int64_t multiplier,
                               const RankLadder& ladder, const FusedUnit& unit) {
  std::vector<std::int64_t>& thresholds = solution.thresholds;
  const std::int64_t shift = kLastThreshold - thresholds.back();
  for (std::int64_t& threshold : thresholds) threshold += shift;
  for (std::int64_t& word : solution.bias_words) word += shift;
  // Ranks below the least one that occurs are passed by every u.
  const auto lowest = static_cast<std::size_t>(ladder.lowest);
  if (lowest < thresholds.size() && thresholds[lowest] < 1) return std::nullopt;
  for (std::size_t k = 0; k < lowest; ++k) thresholds[k] = std::max<std::int64_t>(thresholds[k], 0);
  for (const std::int64_t word : solution.bias_words)
    if (spec::clamp_bits(word, unit.bias_bits) != word) return std::nullopt;
  Candidate candidate;
  candidate.multiplier = multiplier;
  candidate.guess = find_guess(thresholds, unit.cell_bits, static_cast<std::size_t>(unit.near_rows));
  candidate.solution = std::move(solution);
  return candidate;
}

StageProgram stage_of(const Candidate& candidate, int turn, const FusedUnit& unit) {
  StageProgram stage;
  stage.dataflow = Dataflow::kFused;
  stage.rounding = default_rounding(Dataflow::kFused);
  stage.multiplier = static_cast<std::uint32_t>(candidate.multiplier);
  FusedTables& tables = stage.fused;
  tables.turn = turn;
  tables.guess = candidate.guess.cells;
  tables.guess.resize(std::size_t{1} << unit.cell_bits);
  const std::vector<std::int64_t>& thresholds = candidate.solution.thresholds;
  const auto near = static_cast<std::size_t>(unit.near_rows);
  for (std::size_t k = 0; k < near + spec::kFarRows; ++k) {
    const std::int64_t threshold = k < thresholds.size() ? thresholds[k] : kPositions - 1;
    if (k < near)
      tables.near.push_back(static_cast<std::uint32_t>(threshold));
    else
      tables.far.push_back(static_cast<std::uint16_t>(threshold));
  }
  return stage;
}

/// The multipliers to try, best first: powers of two, then the largest ones that may fit.
std::vector<std::int64_t> multipliers(const ThresholdSystem& system, const RankLadder& ladder,
                                      std::int64_t least, ThresholdSystem::Near near, const FusedUnit& unit) {
  const std::vector<std::int64_t> thresholds = system.solve(kPositions, near).thresholds;
  const auto lowest = static_cast<std::size_t>(ladder.lowest);
  const std::int64_t span =
      thresholds.size() > lowest ? thresholds.back() - thresholds[lowest] : std::int64_t{0};
  const std::int64_t widest = (std::int64_t{1} << unit.mult_bits) - 1;
  const std::int64_t fits = kLastThreshold * kPositions / std::max<std::int64_t>(span, 1);
  const std::int64_t largest = std::clamp<std::int64_t>(std::min(fits, widest), 1, kPositions);
  std::vector<std::int64_t> tried;
  for (std::int64_t m = std::int64_t{1} << 30; m > 0; m /= 2)
    if (m <= largest && m >= least) tried.push_back(m);
  for (std::int64_t m = largest; m > 0 && m > largest - kBelowLargestTried; --m) tried.push_back(m);
  if (least <= largest) tried.push_back(least);
  return tried;
}

}  // namespace

FusedSearch search_fused(const LayerParams& layer, const exact::Domain& domain,
                         const exact::StepFunction& out, const FusedUnit& unit) {
  const RankLadder ladder = make_rank_ladder(layer, domain, out);
  FusedSearch found;
  const int rows = unit.near_rows + spec::kFarRows;
  if (ladder.highest == 0) {  // out is 0 everywhere
    found.stage = stage_of({}, 0, unit);
    found.bias_words.assign(domain.slices.size(), 0);
    return found;
  }
  if (ladder.highest > rows)
    throw InputError("output_scale: expected at most " + std::to_string(rows) +
                     " steps of the output, as many as the threshold tables hold; got " +
                     std::to_string(ladder.highest));
  const ThresholdSystem system(layer, domain, ladder);
  found.least_multiplier = system.least_multiplier();
  Candidate best;
  bool any = false;
  for (const auto near : {ThresholdSystem::Near::kSilu, ThresholdSystem::Near::kEven}) {
    if (any && best.exact()) break;
    for (const std::int64_t m : multipliers(system, ladder, found.least_multiplier.value_or(1), near, unit)) {
      std::optional<Candidate> candidate = place(system.solve(m, near), m, ladder, unit);
      if (!candidate) continue;
      candidate->differing = system.differing(candidate->solution, m);
      if (!any || candidate->better_than(best)) best = std::move(*candidate);
      any = true;
      if (best.exact()) break;
    }
  }
  if (!any)
    throw InputError("fused: found no multiplier whose thresholds fit into " +
                     std::to_string(spec::kThresholdBits) + " bits and whose bias words into " +
                     std::to_string(unit.bias_bits));
  found.target_falls = std::find(ladder.falls.begin(), ladder.falls.end(), true) != ladder.falls.end();
  if (!best.exact() || found.target_falls) found.differing_at_least = system.differing_at_least();
  found.stage = stage_of(best, ladder.turn, unit);
  found.bias_words = best.solution.bias_words;
  return found;
}

}  // namespace quasim::compile
