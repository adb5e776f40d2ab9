// What intermediate width, intermediate scale and output scale cost: two_step on a layer's own data against
// fp32.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "analysis/stages.hpp"

namespace quasim::analysis {

/// How a scale is chosen: `layer` (the layer's own; for conv the same range at any width), `max`, a
/// percentile of the magnitude such as `p99.95`, or a positive number.
class ScaleRule {
 public:
  /// Throws InputError naming the legal forms.
  static ScaleRule parse(const std::string& text);

  enum class Kind { kLayer, kMaximum, kPercentile, kNumber };
  Kind kind = Kind::kLayer;
  double number = 0;  ///< percentile or scale
  std::string text;
};

struct SweepPlan {
  std::vector<int> conv_bits;
  std::vector<ScaleRule> conv_scales;
  std::vector<ScaleRule> output_scales;
};

struct SweepPoint {
  int conv_bits = 0;  ///< 0: no intermediate rounding (fused)
  std::string conv_rule, output_rule;
  double conv_scale = 0, output_scale = 0;
  double rms_error = 0, max_error = 0, sqnr_db = 0;  ///< of out * output_scale against silu(y)
  double conv_saturated = 0, output_saturated = 0;   ///< shares of elements that a clamp changed
  bool pareto = false;  ///< no other two_step point has both as few bits and as small an rms error
};

struct SweepResult {
  std::string layer;
  std::size_t elements = 0;
  std::vector<SweepPoint> points;  ///< two_step
  std::vector<SweepPoint> fused;   ///< one for each output scale: what no width can beat by much
};

SweepResult sweep(const Bundle& bundle, const SweepPlan& plan);

/// "8..12" or "8,10,12"; throws InputError for anything else or a width the contract does not have.
std::vector<int> parse_conv_bits(const std::string& text);

nlohmann::ordered_json to_json(const SweepResult& result);

}  // namespace quasim::analysis
