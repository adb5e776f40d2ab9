#include "sc/config.hpp"

#include "spec/error.hpp"
#include "types/beats.hpp"

namespace quasim::sc {
namespace {

void require_range(const char* name, std::int64_t value, std::int64_t low, std::int64_t high) {
  if (value < low || value > high)
    throw InputError(std::string(name) + ": expected " + std::to_string(low) + " to " + std::to_string(high) +
                     "; got " + std::to_string(value));
}

}  // namespace

void validate(const PipelineConfig& config, std::size_t lanes) {
  const auto lanes_i = static_cast<std::int64_t>(lanes);
  require_lanes(lanes_i);
  require_range("max_channels", config.max_channels, lanes_i, spec::kMaxChannelsMax);
  if (config.max_channels % lanes_i != 0)
    throw InputError("max_channels: expected a multiple of " + std::to_string(lanes) + "; got " +
                     std::to_string(config.max_channels));
  require_range("conv_bits", config.conv_bits, spec::kConvBitsMin, spec::kConvBitsMax);
  require_range("mult_bits", config.mult_bits, spec::kMultBitsMin, spec::kMultBitsMax);
  require_range("bias_bits", config.bias_bits, spec::kBiasBitsMin, spec::kBiasBitsMax);
}

void require_fits(const LayerProgram& program, const PipelineConfig& config) {
  program.validate();
  require_range("channels", program.channels(), 1, config.max_channels);
  require_range("conv_bits", program.conv_bits, config.conv_bits, config.conv_bits);
  if (program.multiplier >> config.mult_bits != 0)
    throw InputError("multiplier: expected at most " + std::to_string(config.mult_bits) + " bits; got " +
                     std::to_string(program.multiplier));
  for (std::int64_t word : program.bias_words)
    if (spec::clamp_bits(word, config.bias_bits) != word)
      throw InputError("bias_words: expected at most " + std::to_string(config.bias_bits) + " bits; got " +
                       std::to_string(word));
}

}  // namespace quasim::sc
