#include "compile/compiler.hpp"

#include <algorithm>
#include <optional>

#include "compile/fused_search.hpp"
#include "compile/program_source.hpp"
#include "io/made_from.hpp"
#include "spec/error.hpp"

namespace quasim::compile {
namespace {

using exact::Domain;
using exact::Slice;

/// The running maximum of a function that falls somewhere: the nearest thing that a multiplier can follow.
exact::StepFunction without_falls(const exact::StepFunction& q) {
  exact::StepFunction risen;
  for (const exact::SliceSteps& steps : q) {
    exact::SliceSteps kept;
    for (const exact::Step& step : steps)
      exact::append_step(kept, step.acc, kept.empty() ? step.value : std::max(kept.back().value, step.value));
    risen.push_back(std::move(kept));
  }
  return risen;
}

/// The closest multiplier, as narrow as it can be without displacing more points; what is proven of it holds
/// for every width.
ClosestMultiplier narrowest_closest(const std::vector<SliceBounds>& bounds, const Datapath& datapath) {
  ClosestMultiplier closest = find_closest(bounds, datapath);
  Datapath narrower = datapath;
  for (int low = spec::kMultBitsMin, high = datapath.mult_bits; low < high;) {
    narrower.mult_bits = low + (high - low) / 2;
    ClosestMultiplier found = find_closest(bounds, narrower);
    if (found.displaced_points <= closest.displaced_points) {
      high = narrower.mult_bits;
      closest.multiplier = std::move(found.multiplier);
      closest.displaced_points = found.displaced_points;
    } else {
      low = narrower.mult_bits + 1;
    }
  }
  return closest;
}

struct Search {
  Multiplier multiplier;
  Match match;
  std::int64_t displaced_at_least = 0;
};

Search search(const exact::StepFunction& q, const Domain& domain, const std::vector<std::int8_t>& table,
              const Datapath& datapath, const Options& options) {
  const Match match = options.match;
  const auto bounds = [&](Match wanted) {
    const LevelRuns runs =
        wanted == Match::kQ ? LevelRuns(datapath.conv_bits) : LevelRuns(datapath.conv_bits, table);
    return bounds_of(q, domain, datapath.conv_bits, runs);
  };
  for (const Match wanted : {Match::kQ, Match::kOut}) {
    if (match != Match::kAuto && match != wanted) continue;
    if (auto found = find_exact(bounds(wanted), datapath)) return {std::move(*found), wanted, 0};
  }
  const Match wanted = match == Match::kQ ? Match::kQ : Match::kOut;
  ClosestMultiplier closest = options.narrowest ? narrowest_closest(bounds(wanted), datapath)
                                                : find_closest(bounds(wanted), datapath);
  return {std::move(closest.multiplier), wanted, closest.at_least};
}

/// Enumerates the program on every slice, those without a channel included: channel i of the stand-in is
/// slice i.
void verify(Compiled& compiled, const Domain& domain, const Target& target,
            const std::vector<std::int64_t>& words) {
  LayerProgram stand_in = compiled.program;
  stand_in.bias_words = words;
  Domain slices = domain;
  for (std::size_t s = 0; s < slices.slices.size(); ++s) slices.slices[s].channel = static_cast<int>(s);
  const exact::StageSteps steps = enumerate(ProgramSource(stand_in), slices);
  if (steps.q) compiled.differing_q = compare(*target.steps.q, *steps.q, slices).differing;
  const exact::PointCounts out = compare(
      target.steps.out, steps.out, slices,
      [&](const Slice& slice, std::int32_t first, std::int32_t last, int wanted, int got) {
        for (std::int64_t acc = first; acc <= last && compiled.first_differing.size() < kPointsListed; ++acc)
          compiled.first_differing.push_back({slice.bias, static_cast<std::int32_t>(acc), wanted, got});
      });
  compiled.points = out.points;
  compiled.differing_out = out.differing;
}

/// The two_step program; returns its bias words, one for each slice.
std::vector<std::int64_t> compile_two_step(const LayerParams& layer, const Domain& domain,
                                           const Target& target, const Options& options, Compiled& compiled) {
  if (!target.steps.q) throw InputError("target: expected the steps of q, which dataflow two_step has");
  StageProgram& stage = compiled.program.stage();
  stage.conv_bits = layer.conv_bits;
  stage.rounding = layer.effective_rounding();
  stage.silu_table = table_of(target.steps, domain, exact::Oracle(layer));
  compiled.target_falls = falls_somewhere(*target.steps.q);
  const Datapath datapath{layer.conv_bits, stage.rounding, options.mult_bits, options.bias_bits};
  Search found = search(compiled.target_falls ? without_falls(*target.steps.q) : *target.steps.q, domain,
                        stage.silu_table, datapath, options);
  compiled.match = found.match;
  compiled.displaced_at_least = found.displaced_at_least;
  stage.multiplier = found.multiplier.multiplier;
  stage.shift_bits = found.multiplier.shift_bits;
  return std::move(found.multiplier.bias_words);
}

/// The fused program; returns its bias words, one for each slice.
std::vector<std::int64_t> compile_fused(const LayerParams& layer, const Domain& domain, const Target& target,
                                        const Options& options, Compiled& compiled) {
  FusedSearch found =
      search_fused(layer, domain, target.steps.out,
                   {options.mult_bits, options.bias_bits, options.cell_bits, options.near_rows});
  compiled.match = Match::kOut;
  compiled.displaced_at_least = found.differing_at_least;
  compiled.target_falls = found.target_falls;
  compiled.least_multiplier = found.least_multiplier;
  compiled.program.stage() = std::move(found.stage);
  return std::move(found.bias_words);
}

}  // namespace

Match parse_match(std::string_view text) {
  for (const Match match : {Match::kQ, Match::kOut, Match::kAuto})
    if (to_string(match) == text) return match;
  throw InputError("match: expected q, out or auto; got '" + std::string(text) + "'");
}

void require_compilable(const LayerParams& layer) {
  if (layer.dataflow == Dataflow::kFused && layer.activation != Activation::kSilu)
    throw InputError(
        "activation: expected silu in dataflow fused, whose thresholds count SiLU's steps; identity is "
        "compiled in two_step, which gives the same with conv_scale = output_scale");
}

std::string_view to_string(Match match) {
  return match == Match::kQ ? "q" : (match == Match::kOut ? "out" : "auto");
}

std::vector<std::int8_t> table_of(const exact::StageSteps& steps, const Domain& domain,
                                  const exact::Oracle& oracle) {
  const int q_min = oracle.q_min();
  std::vector<std::optional<std::int8_t>> seen(std::size_t{1} << oracle.layer().conv_bits);
  for (std::size_t s = 0; s < domain.slices.size(); ++s) {
    const exact::SliceSteps &q = (*steps.q)[s], &out = steps.out[s];
    std::size_t i = 0, j = 0;
    for (std::int64_t acc = domain.slices[s].acc_min; acc <= domain.slices[s].acc_max;) {
      auto& entry = seen[static_cast<std::size_t>(q[i].value - q_min)];
      const auto value = static_cast<std::int8_t>(out[j].value);
      if (entry.value_or(value) != value)
        throw InputError("target: expected out to be a function of q; q = " + std::to_string(q[i].value) +
                         " has out " + std::to_string(*entry) + " and " + std::to_string(value));
      entry = value;
      const std::int64_t beyond = std::int64_t{domain.slices[s].acc_max} + 1;
      const std::int64_t next_q = i + 1 < q.size() ? q[i + 1].acc : beyond;
      const std::int64_t next_out = j + 1 < out.size() ? out[j + 1].acc : beyond;
      acc = std::min(next_q, next_out);
      if (next_q == acc) ++i;
      if (next_out == acc) ++j;
    }
  }
  std::vector<std::int8_t> table;
  for (std::size_t i = 0; i < seen.size(); ++i)
    table.push_back(seen[i] ? *seen[i]
                            : static_cast<std::int8_t>(oracle.table_entry(q_min + static_cast<int>(i))));
  return table;
}

Compiled compile_program(const Bundle& bundle, const Domain& domain, const Target& target,
                         const Options& options) {
  const LayerParams& layer = bundle.layer;
  require_compilable(layer);
  Compiled compiled;
  LayerProgram& program = compiled.program;
  program.name = layer.name;
  program.taps = layer.taps;
  program.weight = bundle.weight;
  const auto compile = layer.dataflow == Dataflow::kFused ? compile_fused : compile_two_step;
  const std::vector<std::int64_t> words = compile(layer, domain, target, options, compiled);
  if (bundle.part) program.stage().name = bundle.part->name;
  program.mult_bits = mult_bits_of(program.stage().multiplier);
  for (int channel = 0; channel < layer.channels; ++channel)
    program.bias_words.push_back(words[domain.slice_of(bundle.bias_of(channel))]);
  program.bias_bits = bias_bits_of(program.bias_words);
  verify(compiled, domain, target, words);
  program.compiled_from = {{"target", target.name},
                           {"origin", target.origin},
                           {"layer_parameters", layer_parameters(layer)},
                           {"files", bundle_hashes(bundle)}};
  if (!target.steps_sha256.empty()) program.compiled_from["steps_sha256"] = target.steps_sha256;
  program.certificate = {{"domain", std::string(to_string(domain.kind))},
                         {"points", compiled.points},
                         {"match", std::string(to_string(compiled.match))},
                         {"differing_q", compiled.differing_q},
                         {"differing_out", compiled.differing_out}};
  program.validate();
  return compiled;
}

}  // namespace quasim::compile
