// What intermediate width, intermediate scale and output scale cost: two_step on a layer's own data against
// fp32.
#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "analysis/stages.hpp"

namespace quasim::analysis {

/// How a scale is chosen: `layer` (the layer's own; for conv the same range at any width), `max`, a
/// percentile of the magnitude such as `p99.95`, or a positive number.
class ScaleRule {
 public:
  /// Throws InputError naming the option and the legal forms.
  static ScaleRule parse(const std::string& option, const std::string& text);

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
  int row = 0;        ///< number in the table, from 1 on
  int conv_bits = 0;  ///< 0: no intermediate rounding (fused)
  std::string conv_rule, output_rule;
  double conv_scale = 0, output_scale = 0;
  double rms_error = 0, max_error = 0, sqnr_db = 0;  ///< of out * output_scale against silu(y)
  double conv_saturated = 0, output_saturated = 0;   ///< shares of elements that a clamp changed
  std::optional<double> float_sqnr_db;  ///< of the same against the float layer, where there is one
  bool pareto = false;  ///< no other two_step point has both as few bits and as small an rms error
  std::string refused;  ///< what golden or compile would say of a layer like this; empty where they take it
};

struct SweepResult {
  std::string layer;
  std::size_t elements = 0;
  std::vector<SweepPoint> points;  ///< two_step
  std::vector<SweepPoint> fused;   ///< one for each output scale: what no width can beat by much

  /// The row of that number. Throws InputError naming the option where there is none.
  const SweepPoint& row(int number) const;
};

/// What rounding between convolution and activation may cost before a narrower width is no longer
/// recommended.
constexpr double kNegligibleDb = 0.1;

/// The narrowest width that costs no more, at the layer's own output scale where that was swept; none where
/// all cost more.
struct Recommendation {
  std::optional<SweepPoint> point;
  SweepPoint best;      ///< of those at that output scale
  double fused_db = 0;  ///< without intermediate rounding
};
Recommendation recommend(const SweepResult& result);
/// "9 bits at rule max (s_c 0.0119, row 7) is within 0.1 dB of no intermediate rounding: 38.2 against 38.3
/// dB".
std::string recommendation_text(const SweepResult& result);

/// The layer with the width and scales of a row: one result and point for each group. Its source says so.
/// Throws InputError where there is no such row, or where golden or compile would refuse the layer.
GroupedBundle apply_row(GroupedBundle bundle, const std::vector<SweepResult>& groups, int row);

/// Throws InputError naming file and place where a float that is read is no finite number.
SweepResult sweep(const Bundle& bundle, const SweepPlan& plan);

/// "8..12" or "8,10,12"; throws InputError for anything else or a width the contract does not have.
std::vector<int> parse_conv_bits(const std::string& text);

nlohmann::ordered_json to_json(const SweepResult& result);

}  // namespace quasim::analysis
