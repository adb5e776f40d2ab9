// What the vectors of a stream exercise, counted on the way: rules, clamps, entries.
#pragma once

#include <array>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "kit/directed.hpp"
#include "kit/stages.hpp"
#include "types/program.hpp"

namespace quasim::kit {

struct StreamCoverage {
  bool fused = false;
  int taps = 0, shift_bits = 0;
  std::string rounding;                    ///< two_step
  std::uint64_t values = 0;                ///< outputs of channels
  std::uint64_t nonzero = 0;               ///< of their accumulators
  std::array<std::uint64_t, 4> ties{};     ///< two_step: p < 0, and the number below odd: 2 * negative + odd
  std::array<std::uint64_t, 2> clamped{};  ///< of q, or of u: at the low end, at the high one
  std::array<std::uint64_t, 2> limits{};   ///< outputs that are -128, 127
  std::uint64_t entries = 0,
                entries_met = 0;           ///< of silu_table; in fused thresholds, met from below or above
  std::uint64_t cells = 0, cells_met = 0;  ///< fused: of the guess

  nlohmann::ordered_json json() const;
};

/// Counts block after block of one program.
class CoverageCounter {
 public:
  explicit CoverageCounter(const LayerProgram& program);
  void count(const StageBlock& block, std::size_t width);
  const StreamCoverage& coverage() const { return coverage_; }

 private:
  void count_two_step(std::int64_t p, std::int64_t q);
  void count_fused(std::int64_t p, std::int64_t index);

  const LayerProgram& program_;
  StreamCoverage coverage_;
  std::vector<bool> entries_, cells_;
};

/// A stream's name with what it exercises.
struct NamedCoverage {
  std::string name;
  StreamCoverage coverage;
};

/// The section of a kit's README that says what the vectors exercise.
std::string coverage_text(const std::vector<NamedCoverage>& streams);
/// And the line under it: which steps of the layer's own function the directed windows stand beside.
std::string steps_text(const DirectedCounts& counts);

}  // namespace quasim::kit
