#include "sc/config.hpp"

#include "spec/checks.hpp"

namespace quasim::sc {

spec::UnitParameters unit_parameters(const PipelineConfig& config, std::size_t lanes) {
  spec::UnitParameters unit{};
  unit.lanes = static_cast<int>(lanes);
  unit.max_channels = config.max_channels;
  unit.conv_bits = config.conv_bits;
  unit.mult_bits = config.mult_bits;
  unit.bias_bits = config.bias_bits;
  unit.dataflows = (config.two_step ? 1 : 0) + (config.fused ? 2 : 0);
  unit.cell_bits = config.cell_bits;
  unit.near_blocks = config.near_rows / spec::kNearBlockRows;
  unit.folded = config.folded ? 1 : 0;
  return unit;
}

PipelineConfig folded_config() {
  PipelineConfig config;
  config.fused = false;
  config.folded = true;
  return config;
}

void validate(const PipelineConfig& config, std::size_t lanes) {
  const auto lanes_i = static_cast<std::int64_t>(lanes);
  require_range("lanes", lanes_i, spec::kLanesMin, spec::kLanesMax);
  require_range("max_channels", config.max_channels, lanes_i, spec::kMaxChannelsMax);
  if (config.max_channels % lanes_i != 0)
    throw InputError("max_channels: expected a multiple of " + std::to_string(lanes) + "; got " +
                     std::to_string(config.max_channels));
  require_range("conv_bits", config.conv_bits, spec::kConvBitsMin, spec::kConvBitsMax);
  require_range("mult_bits", config.mult_bits, spec::kMultBitsMin, spec::kMultBitsMax);
  require_range("bias_bits", config.bias_bits, spec::kBiasBitsMin, spec::kBiasBitsMax);
  if (!config.two_step && !config.fused)
    throw InputError("dataflow: expected two_step, fused or both; got none");
  require_range("cell_bits", config.cell_bits, spec::kCellBitsMin, spec::kCellBitsMax);
  require_range("near_rows", config.near_rows, spec::kNearBlockRows, spec::kNearRowsMax);
  if (config.near_rows % spec::kNearBlockRows != 0)
    throw InputError("near_rows: expected a multiple of " + std::to_string(spec::kNearBlockRows) + "; got " +
                     std::to_string(config.near_rows));
  if (!config.folded) return;
  if (config.fused) throw InputError("folded: expected a unit of two_step alone; this one has fused");
  if (config.conv_bits > spec::kFoldConvBitsMax)
    throw InputError("folded: expected conv_bits " + std::to_string(spec::kFoldConvBitsMax) +
                     " at most; got " + std::to_string(config.conv_bits));
}

PipelineConfig config_holding(PipelineConfig base, const LayerProgram& program) {
  if (program.channels() > base.max_channels) base.max_channels = spec::kMaxChannelsMax;
  const StageProgram& stage = program.stage();
  while (base.mult_bits < spec::kMultBitsMax && stage.multiplier >> base.mult_bits != 0) ++base.mult_bits;
  for (std::int64_t word : program.bias_words)
    while (base.bias_bits < spec::kBiasBitsMax && spec::clamp_bits(word, base.bias_bits) != word)
      ++base.bias_bits;
  if (stage.is_fused()) {
    base.cell_bits = spec::kCellBitsMin;
    while (base.cell_bits < spec::kCellBitsMax && std::size_t{1} << base.cell_bits < stage.fused.guess.size())
      ++base.cell_bits;
    base.near_rows = static_cast<int>(stage.fused.near.size());
  } else {
    base.conv_bits = stage.conv_bits;
  }
  return base;
}

void require_fits(const LayerProgram& program, const PipelineConfig& config) {
  program.validate();
  require_range("channels", program.channels(), 1, config.max_channels);
  const StageProgram& stage = program.stage();
  if (stage.is_fused() ? !config.fused : !config.two_step)
    throw InputError("dataflow: expected " +
                     std::string(to_string(stage.is_fused() ? Dataflow::kTwoStep : Dataflow::kFused)) +
                     ", all that this unit has; got " + std::string(to_string(stage.dataflow)));
  if (stage.is_fused()) {
    const auto cells = std::int64_t{1} << config.cell_bits;
    require_range("guess cells", static_cast<std::int64_t>(stage.fused.guess.size()), cells, cells);
    require_range("near thresholds", static_cast<std::int64_t>(stage.fused.near.size()), config.near_rows,
                  config.near_rows);
  } else {
    require_range("conv_bits", stage.conv_bits, config.conv_bits, config.conv_bits);
    if (config.folded) (void)stage.folded_table();
  }
  if (stage.multiplier >> config.mult_bits != 0)
    throw InputError("multiplier: expected at most " + std::to_string(config.mult_bits) + " bits; got " +
                     std::to_string(stage.multiplier));
  for (std::int64_t word : program.bias_words)
    if (spec::clamp_bits(word, config.bias_bits) != word)
      throw InputError("bias_words: expected at most " + std::to_string(config.bias_bits) + " bits; got " +
                       std::to_string(word));
}

}  // namespace quasim::sc
