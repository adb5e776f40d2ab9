// The oracle: what the contract says, in exact arithmetic, for single points and for whole domains.
#pragma once

#include "exact/rational.hpp"
#include "exact/steps.hpp"

namespace quasim::exact {

class Oracle {
 public:
  explicit Oracle(const LayerParams& layer);

  const LayerParams& layer() const { return layer_; }
  int q_min() const { return static_cast<int>(spec::min_of_bits(layer_.conv_bits)); }
  int q_max() const { return static_cast<int>(spec::max_of_bits(layer_.conv_bits)); }

  /// y = s_x*s_w*acc + s_b*b.
  Dyadic y(int bias, std::int32_t acc) const;
  /// q of two_step.
  int q(int bias, std::int32_t acc) const;
  /// out of two_step for a given q; u = q*s_c.
  int table_entry(int q) const;
  /// All 2^N entries, the one of the least q first.
  std::vector<std::int8_t> table() const;
  /// out of fused.
  int fused_out(int bias, std::int32_t acc) const;

  /// Everything over a domain, by the dataflow of the layer.
  StageSteps steps(const Domain& domain) const;

 private:
  StepFunction q_steps(const Domain& domain) const;
  StepFunction rounded_steps(const Domain& domain) const;
  /// round(f(v) / s_y), clamped; f is the layer's activation.
  int level(const Dyadic& v) const;

  LayerParams layer_;
  Dyadic conv_scale_;
  Dyadic output_scale_;
  // y = (per_acc_*acc + per_bias_*bias) * 2^exponent_;  y/s_c = (acc_numerator_*acc + bias_numerator_*bias) /
  // denominator_
  Integer per_acc_, per_bias_;
  int exponent_ = 0;
  Integer acc_numerator_, bias_numerator_, denominator_;
};

}  // namespace quasim::exact
