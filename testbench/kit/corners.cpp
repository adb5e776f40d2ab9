#include "kit/corners.hpp"

#include <algorithm>
#include <array>
#include <map>
#include <stdexcept>

#include "kit/reachable.hpp"
#include "stages/evaluate.hpp"

namespace quasim::kit {
namespace {

/// The oldest tap first. Sums of samples reach every integer of the widest range; taps are turned by channel,
/// so that no two neighbours are alike.
std::vector<std::int8_t> corner_weights(int taps, std::size_t channel) {
  static const std::array<std::vector<std::int8_t>, 3> kWeights{
      {{127, 1}, {-128, 127, 1}, {127, -126, 125, 1}}};
  std::vector<std::int8_t> weights = kWeights[static_cast<std::size_t>(taps - spec::kTapsMin)];
  std::rotate(weights.begin(), weights.begin() + static_cast<std::ptrdiff_t>(channel % weights.size()),
              weights.end());
  return weights;
}

/// The program's unit with weights and biases of a corner: B[c] = base + M * b, with a small b for each
/// channel.
LayerProgram corner_program(const LayerProgram& program, const std::string& name, int taps,
                            std::uint32_t multiplier, std::int64_t base) {
  LayerProgram corner = program;
  corner.name = program.name + "." + name;
  corner.taps = taps;
  corner.stage().multiplier = multiplier;
  corner.compiled_from = nullptr;
  corner.certificate = nullptr;
  const auto channels = static_cast<std::size_t>(program.channels());
  corner.weight = TensorCK<std::int8_t>({channels, static_cast<std::size_t>(taps)});
  const std::int64_t room =
      (spec::max_of_bits(program.bias_bits) - base) / std::max<std::int64_t>(multiplier, 1);
  const std::int64_t most = std::clamp<std::int64_t>(room, 0, 100);
  for (std::size_t channel = 0; channel < channels; ++channel) {
    const std::vector<std::int8_t> weights = corner_weights(taps, channel);
    std::copy(weights.begin(), weights.end(), corner.weight.data() + channel * weights.size());
    const auto small = static_cast<std::int64_t>(channel * 37 % 201) - 100;
    corner.bias_words[channel] = base + multiplier * std::clamp(small, -most, most);
  }
  return corner;
}

/// Windows that give every p = base + M * n of `steps`, dealt out to the channels in turn, and the least and
/// the largest accumulator.
TensorBCL<std::int8_t> windows_of(const LayerProgram& corner, std::int64_t base,
                                  const std::vector<std::int32_t>& steps) {
  const auto channels = static_cast<std::size_t>(corner.channels()),
             taps = static_cast<std::size_t>(corner.taps);
  std::map<std::size_t, ReachableSet> sets;  // by the turn of the weights
  const std::size_t cases = steps.size() + 2;
  TensorBCL<std::int8_t> windows({(cases + channels - 1) / channels, channels, taps});
  for (std::size_t i = 0; i < cases; ++i) {
    const std::size_t channel = i % channels, turn = channel % taps;
    const ReachableSet& set =
        sets.try_emplace(turn, corner.weight.data() + channel * taps, taps).first->second;
    const std::int32_t most = spec::max_accumulator(corner.taps);
    const std::int64_t multiplier = corner.stage().multiplier;
    const std::int32_t acc =
        i == steps.size() ? *set.at_or_above(-most)
        : i == steps.size() + 1
            ? *set.at_or_below(most)
            : steps[i] - static_cast<std::int32_t>((corner.bias_words[channel] - base) / multiplier);
    if (!set.contains(acc)) throw std::logic_error("corner stream: no window gives " + std::to_string(acc));
    std::vector<std::int8_t> samples(taps);
    set.solve(acc, static_cast<unsigned>(i * 37 % 256), samples.data());
    for (std::size_t k = 0; k < taps; ++k) windows.at(i / channels, channel, k) = samples[k];
  }
  return windows;
}

std::vector<std::int8_t> corner_table(int conv_bits) {
  std::vector<std::int8_t> table(std::size_t{1} << conv_bits);
  for (std::size_t i = 0; i < table.size(); ++i) table[i] = static_cast<std::int8_t>(i * 37 + 11);
  table[table.size() / 2 - 1] = 127;
  table[table.size() / 2] = -128;
  return table;
}

Corner two_step_corner(const LayerProgram& program, bool folded, const std::string& name, int taps,
                       Rounding rounding, std::uint32_t multiplier, int shift_bits, int parts,
                       const std::string& meaning) {
  Corner corner{name, meaning, corner_program(program, name, taps, multiplier, 0), {}};
  StageProgram& stage = corner.program.stage();
  stage.rounding = rounding;
  stage.shift_bits = shift_bits;
  if (!folded) stage.silu_table = corner_table(stage.conv_bits);
  corner.program.validate();
  const auto low = static_cast<std::int32_t>(spec::min_of_bits(stage.conv_bits) - 2) * parts,
             high = static_cast<std::int32_t>(spec::max_of_bits(stage.conv_bits) + 2) * parts;
  std::vector<std::int32_t> steps;
  for (std::int32_t step = low; step <= high; ++step) steps.push_back(step);
  corner.windows = windows_of(corner.program, 0, steps);
  return corner;
}

/// As many taps as the layer has not, and biases that leave all of u within reach.
Corner fused_corner(const LayerProgram& program) {
  const int taps = program.taps == spec::kTapsMax ? spec::kTapsMax - 1 : spec::kTapsMax;
  const std::int64_t base = std::int64_t{1} << (spec::kThresholdBits - 1);
  const std::uint32_t multiplier = program.stage().multiplier;
  Corner corner{"corner",
                "both sides of each step of out and of both clamps of u that are within reach, " +
                    std::to_string(taps) + " taps, from weights and biases of its own",
                corner_program(program, "corner", taps, multiplier, base),
                {}};
  corner.program.validate();
  const StageProgram& stage = corner.program.stage();
  // What every channel reaches whatever its bias adds.
  const std::int32_t most = 127 * (127 * (taps - 1)) - 200;
  std::vector<std::int32_t> steps;
  stages::StageValues before = stages::evaluate(stage, base, -most);
  for (std::int32_t acc = -most + 1; acc <= most; ++acc) {
    const stages::StageValues values = stages::evaluate(stage, base, acc);
    if (values.out != before.out || values.index.saturated != before.index.saturated) {
      steps.push_back(acc - 1);
      steps.push_back(acc);
    }
    before = values;
  }
  corner.windows = windows_of(corner.program, base, steps);
  return corner;
}

}  // namespace

std::vector<Corner> corner_streams(const LayerProgram& program, bool folded) {
  std::vector<Corner> corners;
  if (program.stage().is_fused()) {
    corners.push_back(fused_corner(program));
    return corners;
  }
  const auto add = [&](const auto&... what) { corners.push_back(two_step_corner(program, folded, what...)); };
  const int high = program.mult_bits - 1;
  add("corner_even", 4, Rounding::kHalfEven, std::uint32_t{1} << high, high + 2, 4,
      "M and S large, 4 taps, ties to even: p in quarters of a step of q, beyond both clamps");
  add("corner_away", 3, Rounding::kHalfAway, std::uint32_t{1}, 2, 4,
      "M = 1, S = 2, 3 taps, ties away from 0: the same quarters");
  add("corner_whole", 2, Rounding::kHalfEven, std::uint32_t{1}, 0, 1,
      "S = 0, 2 taps: every whole number, from below the low clamp to above the high one");
  return corners;
}

}  // namespace quasim::kit
