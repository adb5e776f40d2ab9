#include "kit/coverage.hpp"

#include <algorithm>

#include "stages/fused.hpp"

namespace quasim::kit {

CoverageCounter::CoverageCounter(const LayerProgram& program) : program_(program) {
  const StageProgram& stage = program.stage();
  coverage_.fused = stage.is_fused();
  coverage_.taps = program.taps;
  coverage_.shift_bits = stage.shift_bits;
  coverage_.rounding = std::string(to_string(stage.rounding));
  coverage_.entries =
      coverage_.fused ? stage.fused.near.size() + stage.fused.far.size() : stage.silu_table.size();
  coverage_.cells = stage.fused.guess.size();
  entries_.resize(coverage_.entries);
  cells_.resize(coverage_.cells);
}

void CoverageCounter::count_two_step(std::int64_t p, std::int64_t q) {
  const StageProgram& stage = program_.stage();
  if (stage.shift_bits > 0) {
    const std::int64_t floor = p >> stage.shift_bits;
    const std::int64_t rest = p - (floor << stage.shift_bits);
    if (rest == std::int64_t{1} << (stage.shift_bits - 1))
      coverage_.ties[static_cast<std::size_t>((p < 0 ? 2 : 0) + (floor & 1))] += 1;
  }
  const std::int64_t rounded = spec::round_shift(p, stage.shift_bits, stage.rounding);
  if (rounded != q) coverage_.clamped[rounded < q ? 0 : 1] += 1;
  entries_[static_cast<std::size_t>(q - spec::min_of_bits(stage.conv_bits))] = true;
}

void CoverageCounter::count_fused(std::int64_t p, std::int64_t index) {
  const auto [u, guess] = stages::fused_parts(index);
  if (p != u) coverage_.clamped[p < u ? 0 : 1] += 1;
  if (guess < entries_.size()) entries_[guess] = true;
  cells_[u >> (spec::kThresholdBits - program_.stage().fused.cell_bits())] = true;
}

void CoverageCounter::count(const StageBlock& block, std::size_t width) {
  const auto channels = static_cast<std::size_t>(program_.channels());
  for (std::size_t token = 0; token < block.tokens; ++token)
    for (std::size_t i = token * width; i < token * width + channels; ++i) {
      coverage_.nonzero += block.acc[i] != 0 ? 1U : 0U;
      coverage_.limits[0] += block.out[i] == -128 ? 1U : 0U;
      coverage_.limits[1] += block.out[i] == 127 ? 1U : 0U;
      if (coverage_.fused)
        count_fused(block.p[i], block.q_at(i));
      else
        count_two_step(block.p[i], block.q_at(i));
    }
  coverage_.values += block.tokens * channels;
  coverage_.entries_met = static_cast<std::uint64_t>(std::count(entries_.begin(), entries_.end(), true));
  coverage_.cells_met = static_cast<std::uint64_t>(std::count(cells_.begin(), cells_.end(), true));
}

nlohmann::ordered_json StreamCoverage::json() const {
  nlohmann::ordered_json json{{"taps", taps}, {"values", values}, {"nonzero_accumulators", nonzero}};
  if (fused) {
    json.update({{"clamped_low", clamped[0]},
                 {"clamped_high", clamped[1]},
                 {"thresholds", entries},
                 {"thresholds_guessed", entries_met},
                 {"guess_cells", cells},
                 {"guess_cells_met", cells_met}});
  } else {
    json.update({{"rounding", rounding},
                 {"shift_bits", shift_bits},
                 {"ties_positive_above_even", ties[0]},
                 {"ties_positive_above_odd", ties[1]},
                 {"ties_negative_above_even", ties[2]},
                 {"ties_negative_above_odd", ties[3]},
                 {"clamped_low", clamped[0]},
                 {"clamped_high", clamped[1]},
                 {"table_entries", entries},
                 {"table_entries_met", entries_met}});
  }
  json.update({{"out_at_least_value", limits[0]}, {"out_at_largest_value", limits[1]}});
  return json;
}

std::string coverage_text(const std::vector<NamedCoverage>& streams) {
  std::string text =
      "\n## What the vectors exercise\n\nCounted in the vectors as they are here; `manifest.json` has the "
      "same numbers.\n\n| |";
  const auto row = [&](const std::string& what, const auto& value) {
    text += "| " + what + " |";
    for (const NamedCoverage& stream : streams) text += " " + value(stream.coverage) + " |";
    text += "\n";
  };
  const auto number = [&](const std::string& what, const auto& value) {
    row(what, [&](const StreamCoverage& c) { return std::to_string(value(c)); });
  };
  for (const NamedCoverage& stream : streams) text += " " + stream.name + " |";
  text += "\n|---|";
  for (std::size_t i = 0; i < streams.size(); ++i) text += "---|";
  text += "\n";
  const bool fused = !streams.empty() && streams.front().coverage.fused;
  number("taps K", [](const StreamCoverage& c) { return c.taps; });
  number("outputs compared", [](const StreamCoverage& c) { return c.values; });
  number("of accumulators other than 0", [](const StreamCoverage& c) { return c.nonzero; });
  if (fused) {
    row("thresholds that are guessed", [](const StreamCoverage& c) {
      return std::to_string(c.entries_met) + " of " + std::to_string(c.entries);
    });
    row("cells of the guess met", [](const StreamCoverage& c) {
      return std::to_string(c.cells_met) + " of " + std::to_string(c.cells);
    });
  } else {
    row("tie rule", [](const StreamCoverage& c) { return c.rounding; });
    number("shift S", [](const StreamCoverage& c) { return c.shift_bits; });
    number("ties, p > 0, above an even number", [](const StreamCoverage& c) { return c.ties[0]; });
    number("ties, p > 0, above an odd number", [](const StreamCoverage& c) { return c.ties[1]; });
    number("ties, p < 0, above an even number", [](const StreamCoverage& c) { return c.ties[2]; });
    number("ties, p < 0, above an odd number", [](const StreamCoverage& c) { return c.ties[3]; });
    row("entries of silu_table met", [](const StreamCoverage& c) {
      return std::to_string(c.entries_met) + " of " + std::to_string(c.entries);
    });
  }
  const std::string clamped = fused ? "u" : "q";
  number("clamps of " + clamped + " at the low end", [](const StreamCoverage& c) { return c.clamped[0]; });
  number("clamps of " + clamped + " at the high end", [](const StreamCoverage& c) { return c.clamped[1]; });
  number("outputs of -128", [](const StreamCoverage& c) { return c.limits[0]; });
  number("outputs of 127", [](const StreamCoverage& c) { return c.limits[1]; });
  return text;
}

std::string steps_text(const DirectedCounts& counts) {
  const auto of = [](std::uint64_t part, std::uint64_t all) {
    return std::to_string(part) + " of " + std::to_string(all);
  };
  return "\n`directed` has a window on both sides of " + of(counts.q_covered, counts.q_steps) +
         " steps of q and " + of(counts.out_covered, counts.out_steps) +
         " steps of out, of all channels together; the weights do not reach the others.\n";
}

}  // namespace quasim::kit
