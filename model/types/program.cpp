#include "types/program.hpp"

#include <algorithm>

#include "spec/checks.hpp"

namespace quasim {
namespace {

using Json = nlohmann::ordered_json;

void validate_two_step(const StageProgram& stage) {
  require_range("conv_bits", stage.conv_bits, spec::kConvBitsMin, spec::kConvBitsMax);
  require_range("shift", stage.shift_bits, 0, spec::kShiftMax);
  require_length("silu_table", stage.silu_table.size(), std::size_t{1} << stage.conv_bits);
}

void validate_fused(const FusedTables& tables) {
  require_range("turn", tables.turn, 0, max_of_unsigned(spec::kTurnBits));
  constexpr std::size_t kFewCells = std::size_t{1} << spec::kCellBitsMin;
  constexpr std::size_t kManyCells = std::size_t{1} << spec::kCellBitsMax;
  if (tables.guess.size() != kFewCells && tables.guess.size() != kManyCells)
    throw InputError("guess: expected " + std::to_string(kFewCells) + " or " + std::to_string(kManyCells) +
                     " cells; got " + std::to_string(tables.guess.size()));
  if (tables.near.empty() || tables.near.size() % spec::kNearBlockRows != 0 ||
      tables.near.size() > spec::kNearRowsMax)
    throw InputError("near: expected a multiple of " + std::to_string(spec::kNearBlockRows) + " up to " +
                     std::to_string(spec::kNearRowsMax) + " entries; got " +
                     std::to_string(tables.near.size()));
  require_length("far", tables.far.size(), spec::kFarRows);
  for (const GuessCell& cell : tables.guess) {
    require_range("guess", cell.base, 0, max_of_unsigned(spec::kCellBaseBits));
    require_range("guess", cell.slope, 0, max_of_unsigned(spec::kCellSlopeBits));
  }
  for (const std::uint32_t threshold : tables.near)
    require_range("near", threshold, 0, max_of_unsigned(spec::kThresholdBits));
}

/// What several objects say: what all say alike once, the rest in "groups", one entry each. null where none
/// says anything.
Json joined_objects(const std::vector<LayerProgram>& parts, Json LayerProgram::*member) {
  Json joined, groups = Json::array();
  const auto says = [&](const LayerProgram& part, const std::string& key) {
    return (part.*member).is_object() && (part.*member).contains(key);
  };
  const Json& first = parts.front().*member;
  if (first.is_object())
    for (const auto& [key, value] : first.items())
      if (std::all_of(parts.begin(), parts.end(), [&, key = key, value = value](const LayerProgram& part) {
            return says(part, key) && (part.*member)[key] == value;
          }))
        joined[key] = value;
  bool any = false;
  for (const LayerProgram& part : parts) {
    Json own = Json::object();
    if ((part.*member).is_object())
      for (const auto& [key, value] : (part.*member).items())
        if (!joined.contains(key)) own[key] = value;
    any |= !own.empty();
    groups.push_back(std::move(own));
  }
  if (any) joined["groups"] = std::move(groups);
  return joined;
}

/// One entry of joined_objects().
Json object_of_group(const Json& joined, std::size_t index) {
  if (!joined.is_object()) return joined;
  Json own = joined;
  own.erase("groups");
  if (joined.contains("groups") && joined["groups"].is_array() && index < joined["groups"].size() &&
      joined["groups"][index].is_object())
    own.update(joined["groups"][index]);
  return own.empty() ? Json() : own;
}

void validate_stage(const StageProgram& stage, int mult_bits) {
  require_range("multiplier", stage.multiplier, 0, max_of_unsigned(mult_bits));
  if (stage.is_fused())
    validate_fused(stage.fused);
  else
    validate_two_step(stage);
}

}  // namespace

int mult_bits_of(std::uint32_t multiplier) {
  int bits = 2;
  while (bits < 32 && multiplier >> bits != 0) ++bits;
  return bits;
}

int bias_bits_of(const std::vector<std::int64_t>& words) {
  int bits = spec::kBiasBitsDefault;
  for (const std::int64_t word : words)
    while (bits < spec::kBiasBitsMax && spec::clamp_bits(word, bits) != word) ++bits;
  return bits;
}

std::vector<std::uint8_t> StageProgram::folded_table() const {
  const auto refuse = [](const std::string& found) {
    throw InputError("silu_table: expected one that folds, max(q, 0) - g(|q|) with g from 0 to " +
                     std::to_string((1 << spec::kFoldBits) - 1) + "; " + found +
                     ": the full table is needed");
  };
  if (is_fused()) throw InputError("dataflow: expected two_step, whose table a folded unit holds; got fused");
  if (conv_bits > spec::kFoldConvBitsMax)
    refuse("got conv_bits " + std::to_string(conv_bits) + ", above " +
           std::to_string(spec::kFoldConvBitsMax));
  const std::int64_t half = std::int64_t{1} << (conv_bits - 1);
  const auto at = [](std::int64_t q, int out) {
    return "out " + std::to_string(out) + " at q = " + std::to_string(q);
  };
  if (silu_entry(0) != 0) refuse("got " + at(0, silu_entry(0)));
  std::vector<std::uint8_t> entries(static_cast<std::size_t>(half));
  for (std::int64_t size = 1; size <= half; ++size) {
    const std::int64_t g = -std::int64_t{silu_entry(-size)};
    if (g < 0 || g >> spec::kFoldBits != 0) refuse("got " + at(-size, silu_entry(-size)));
    if (size < half && silu_entry(size) != size - g)
      refuse("got " + at(-size, silu_entry(-size)) + " and " + at(size, silu_entry(size)));
    entries[static_cast<std::size_t>(size % half)] = static_cast<std::uint8_t>(g);
  }
  return entries;
}

void LayerProgram::require_one_group() const {
  if (groups.size() == 1) return;
  std::string names;
  for (const StageProgram& group : groups)
    if (!group.name.empty()) names += (names.empty() ? " (" : ", ") + group.name;
  throw InputError("program '" + name + "': groups: expected 1, which is what a unit holds; got " +
                   std::to_string(groups.size()) + shortened(names, 80) + (names.empty() ? "" : ")"));
}

LayerProgram LayerProgram::group(std::size_t index) const {
  if (groups.size() == 1) return *this;
  const Channels channels = channels_by_group(channel_group, groups.size())[index];
  LayerProgram part;
  part.name = name + "/" + groups[index].name;
  part.taps = taps;
  part.mult_bits = mult_bits_of(groups[index].multiplier);
  part.bias_bits = bias_bits;
  part.weight = take_channels(weight, channels);
  part.bias_words = take_channels(bias_words, channels);
  part.groups = {groups[index]};
  part.compiled_from = object_of_group(compiled_from, index);
  part.certificate = object_of_group(certificate, index);
  return part;
}

LayerProgram join_groups(const std::string& name, const std::vector<LayerProgram>& parts,
                         const ChannelGroup& channel_group) {
  if (parts.size() == 1 && channel_group.empty()) return parts.front();
  const std::vector<Channels> channels = channels_by_group(channel_group, parts.size());
  LayerProgram program = parts.front();
  program.name = name;
  program.channel_group = channel_group;
  program.groups.clear();
  program.weight = TensorCK<std::int8_t>({channel_group.size(), static_cast<std::size_t>(program.taps)});
  program.bias_words.assign(channel_group.size(), 0);
  for (std::size_t g = 0; g < parts.size(); ++g) {
    const LayerProgram& part = parts[g];
    require_length("weight of group " + std::to_string(g), part.weight.extent<'C'>(), channels[g].size());
    require_length("taps of group " + std::to_string(g), part.weight.extent<'K'>(),
                   program.weight.extent<'K'>());
    program.groups.push_back(part.stage());
    program.mult_bits = std::max(program.mult_bits, part.mult_bits);
    program.bias_bits = std::max(program.bias_bits, part.bias_bits);
    for (std::size_t i = 0; i < channels[g].size(); ++i) {
      program.bias_words[channels[g][i]] = part.bias_words[i];
      for (std::size_t k = 0; k < part.weight.extent<'K'>(); ++k)
        program.weight.at(channels[g][i], k) = part.weight.at(i, k);
    }
  }
  program.compiled_from = joined_objects(parts, &LayerProgram::compiled_from);
  program.certificate = joined_objects(parts, &LayerProgram::certificate);
  program.validate();
  return program;
}

void LayerProgram::validate() const {
  require_range("taps", taps, spec::kTapsMin, spec::kTapsMax);
  require_range("mult_bits", mult_bits, 2, spec::kMultBitsMax);
  require_range("bias_bits", bias_bits, spec::kSampleBits, spec::kBiasBitsMax);
  require_range("groups", static_cast<std::int64_t>(groups.size()), 1, kGroupsMax);
  for (const StageProgram& group : groups) validate_stage(group, mult_bits);
  if (weight.size() == 0) throw InputError("weight: expected at least one channel");
  require_length("weight", weight.extent<'K'>(), static_cast<std::size_t>(taps));
  require_length("bias_words", bias_words.size(), weight.extent<'C'>());
  for (std::int64_t word : bias_words)
    require_range("bias_words", word, spec::min_of_bits(bias_bits), spec::max_of_bits(bias_bits));
  if (groups.size() == 1) {
    require_length("channel_group", channel_group.size(), 0);
    return;
  }
  require_length("channel_group", channel_group.size(), weight.extent<'C'>());
  channels_by_group(channel_group, groups.size());
}

}  // namespace quasim
