#include "exact/oracle.hpp"

#include <algorithm>

#include "exact/fused_steps.hpp"
#include "exact/silu.hpp"

namespace quasim::exact {
namespace {

constexpr int kOutMin = static_cast<int>(spec::min_of_bits(spec::kSampleBits));
constexpr int kOutMax = static_cast<int>(spec::max_of_bits(spec::kSampleBits));

Integer shifted(const Integer& value, int bits) {
  return value << static_cast<unsigned>(bits);
}

}  // namespace

Oracle::Oracle(const LayerParams& layer)
    : layer_(layer),
      conv_scale_(dyadic_of(layer.effective_conv_scale())),
      output_scale_(dyadic_of(layer.output_scale)) {
  const Dyadic per_acc = dyadic_of(layer.input_scale) * dyadic_of(layer.weight_scale);
  const Dyadic per_bias = dyadic_of(layer.bias_scale.value_or(0.0F));
  exponent_ = std::min(per_acc.exponent, per_bias.exponent);
  per_acc_ = shifted(per_acc.mantissa, per_acc.exponent - exponent_);
  per_bias_ = shifted(per_bias.mantissa, per_bias.exponent - exponent_);
  const int common = std::min(exponent_, conv_scale_.exponent);
  acc_numerator_ = shifted(per_acc_, exponent_ - common);
  bias_numerator_ = shifted(per_bias_, exponent_ - common);
  denominator_ = shifted(conv_scale_.mantissa, conv_scale_.exponent - common);
}

Dyadic Oracle::y(int bias, std::int32_t acc) const {
  return {per_acc_ * acc + per_bias_ * bias, exponent_};
}

int Oracle::q(int bias, std::int32_t acc) const {
  const Rational exact(acc_numerator_ * acc + bias_numerator_ * bias, denominator_);
  return clamp_integer(round_rational(exact, layer_.effective_rounding()), q_min(), q_max());
}

int Oracle::level(const Dyadic& v) const {
  if (layer_.activation == Activation::kSilu)
    return std::clamp(silu_level(v, output_scale_), kOutMin, kOutMax);
  return clamp_integer(round_rational(v.rational() / output_scale_.rational(), layer_.effective_rounding()),
                       kOutMin, kOutMax);
}

int Oracle::table_entry(int q) const {
  return level({conv_scale_.mantissa * q, conv_scale_.exponent});
}

std::vector<std::int8_t> Oracle::table() const {
  std::vector<std::int8_t> entries;
  for (int q = q_min(); q <= q_max(); ++q) entries.push_back(static_cast<std::int8_t>(table_entry(q)));
  return entries;
}

int Oracle::fused_out(int bias, std::int32_t acc) const {
  return level(y(bias, acc));
}

StepFunction Oracle::q_steps(const Domain& domain) const {
  StepFunction function;
  const Integer doubled = 2 * acc_numerator_;
  for (const Slice& slice : domain.slices) {
    SliceSteps steps;
    const int last = q(slice.bias, slice.acc_max);
    int level = q(slice.bias, slice.acc_min);
    append_step(steps, slice.acc_min, level);
    // q reaches k where (P*acc + Q*b)/R >= k - 1/2, or > where the tie goes down: one division a step.
    const Integer offset = 2 * bias_numerator_ * slice.bias;
    while (level < last) {
      const Integer bound = (2 * level + 1) * denominator_ - offset;
      const bool tie_up = tie_rounds_up(level + 1, layer_.effective_rounding());
      const Integer acc =
          tie_up ? ceil_quotient(bound, doubled) : Integer(floor_quotient(bound, doubled) + 1);
      ++level;
      const auto at = static_cast<std::int32_t>(acc);
      if (steps.back().acc == at)
        steps.back().value = static_cast<std::int16_t>(level);  // several levels within one accumulator
      else
        append_step(steps, at, level);
    }
    function.push_back(std::move(steps));
  }
  return function;
}

/// One rounding and no activation: what q is where its scale and width are the output's.
StepFunction Oracle::rounded_steps(const Domain& domain) const {
  LayerParams layer = layer_;
  layer.rounding = layer_.effective_rounding();
  layer.dataflow = Dataflow::kTwoStep;
  layer.conv_scale = layer_.output_scale;
  layer.conv_bits = spec::kSampleBits;
  return Oracle(layer).q_steps(domain);
}

StageSteps Oracle::steps(const Domain& domain) const {
  StageSteps result;
  if (layer_.dataflow == Dataflow::kFused) {
    result.out = layer_.activation == Activation::kSilu ? fused_steps(*this, domain) : rounded_steps(domain);
    return result;
  }
  result.q = q_steps(domain);
  result.out = map_values(*result.q, table(), q_min());
  return result;
}

}  // namespace quasim::exact
