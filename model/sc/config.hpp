// What is fixed when the unit is built, and what fits it. Needs no SystemC.
#pragma once

#include <cstddef>

#include "types/program.hpp"

namespace quasim::sc {

/// What is fixed when the unit is built; the counterpart of the RTL's parameters.
struct PipelineConfig {
  int max_channels = spec::kMaxChannelsDefault;
  int conv_bits = spec::kConvBitsDefault;
  int mult_bits = spec::kMultBitsDefault;
  int bias_bits = spec::kBiasBitsDefault;
  bool two_step = true;                    ///< has the round, the shift and the read of the table
  bool fused = true;                       ///< has the guess and the thresholds
  int cell_bits = spec::kCellBitsDefault;  ///< fused: the guess has 2^cell_bits cells
  int near_rows = spec::kNearRowsDefault;  ///< fused: thresholds of full width
  bool folded = false;                     ///< holds silu_table folded; two_step alone

  bool operator==(const PipelineConfig& other) const {
    return max_channels == other.max_channels && conv_bits == other.conv_bits &&
           mult_bits == other.mult_bits && bias_bits == other.bias_bits && two_step == other.two_step &&
           fused == other.fused && cell_bits == other.cell_bits && near_rows == other.near_rows &&
           folded == other.folded;
  }
};

/// The same as the register map counts them, of a unit of that many lanes.
spec::UnitParameters unit_parameters(const PipelineConfig& config, std::size_t lanes);
/// The default unit with two_step alone and a folded table.
PipelineConfig folded_config();
/// Throws InputError naming the first parameter that is out of range, its value and the range.
void validate(const PipelineConfig& config, std::size_t lanes);
/// `base` with the parameters changed that `program` needs otherwise, and no others. May be out of range: see
/// validate().
PipelineConfig config_holding(PipelineConfig base, const LayerProgram& program);
/// Throws InputError when `program` needs more than a unit of this configuration has.
void require_fits(const LayerProgram& program, const PipelineConfig& config);

}  // namespace quasim::sc
