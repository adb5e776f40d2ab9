#include "prove/golden_ladder.hpp"

#include <boost/multiprecision/mpfr.hpp>
#include <cmath>

#include "spec/error.hpp"

namespace quasim::compile {
namespace {

namespace mp = boost::multiprecision;
/// Fp200Digits enough that every sum, product and tie of fp32 operands is exact in it; what is not
/// (quotients, exp) is off by 10^-200.
using Fp200Digits = mp::number<mp::mpfr_float_backend<200>, mp::et_off>;

float to_fp32(const Fp200Digits& value) {
  return mpfr_get_flt(value.backend().data(), MPFR_RNDN);
}

class Evaluation {
 public:
  explicit Evaluation(unsigned exact_ops) : exact_ops_(exact_ops) {}
  Fp200Digits round(Op op, const Fp200Digits& value) const {
    return (exact_ops_ & bit_of(op)) != 0 ? value : Fp200Digits(to_fp32(value));
  }

 private:
  unsigned exact_ops_;
};

struct RoundedValue {
  int value;
  bool tie;
  std::int64_t unclamped;
};

RoundedValue round_clamp(const Fp200Digits& value, Rounding rounding, int bits) {
  constexpr std::int64_t kBeyond = std::int64_t{1} << 62;
  const int low = static_cast<int>(spec::min_of_bits(bits)), high = static_cast<int>(spec::max_of_bits(bits));
  if (value <= -kBeyond) return {low, false, -kBeyond};
  if (value >= kBeyond) return {high, false, kBeyond};
  const Fp200Digits below = floor(value);
  const Fp200Digits rest = value - below;
  const bool tie = rest == 0.5;
  const auto lower = static_cast<std::int64_t>(below);
  bool up = rest > 0.5;
  if (tie) up = rounding == Rounding::kHalfEven ? lower % 2 != 0 : lower >= 0;
  const std::int64_t rounded = lower + (up ? 1 : 0);
  return {static_cast<int>(spec::clamp_bits(rounded, bits)), tie, rounded};
}

/// The integers to which anything within `error` of value rounds, the nearest first.
std::vector<RoundedValue> all_within(const Fp200Digits& value, const Fp200Digits& error, Rounding rounding,
                                     int bits) {
  std::vector<RoundedValue> all{round_clamp(value, rounding, bits)};
  for (const Fp200Digits& other : {Fp200Digits(value - error), Fp200Digits(value + error)}) {
    const RoundedValue rounded = round_clamp(other, rounding, bits);
    if (rounded.value != all.front().value) all.push_back(rounded);
  }
  return all;
}

Fp200Digits sum_of_taps(const LayerParams& layer, const Variant& variant, const GoldenPoint& point,
                        const Evaluation& fp32, bool contracted) {
  const Fp200Digits scale_wx =
      fp32.round(Op::kScaleProduct, Fp200Digits(layer.weight_scale) * layer.input_scale);
  const Fp200Digits bias_product = Fp200Digits(layer.bias_scale.value_or(0.0F)) * point.bias;
  const auto product = [&](const Fp200Digits& value) {
    return contracted ? value : fp32.round(Op::kProduct, value);
  };
  if (variant.order == Order::kSeqLast)
    return fp32.round(Op::kSum, product(scale_wx * point.acc) + fp32.round(Op::kBiasProduct, bias_product));
  if (point.window.size() != static_cast<std::size_t>(layer.taps) ||
      point.weights.size() != point.window.size())
    throw InputError("variant " + variant.to_string() + ": expected a window of " +
                     std::to_string(layer.taps) + " samples and weights, because this order depends on them");
  const bool rounds_first_product =
      contracted && variant.order == Order::kUpdate && variant.math == MathMode::kFast;
  Fp200Digits y = rounds_first_product ? bias_product : fp32.round(Op::kBiasProduct, bias_product);
  for (std::size_t k = 0; k < point.window.size(); ++k) {
    const Fp200Digits tap =
        fp32.round(Op::kWeightFold, scale_wx * int{point.weights[k]}) * int{point.window[k]};
    y = fp32.round(Op::kSum,
                   (rounds_first_product && k == 0 ? fp32.round(Op::kProduct, tap) : product(tap)) + y);
  }
  return y;
}

}  // namespace

std::string_view to_string(Op op) {
  constexpr std::array<std::string_view, kOps> kNames{
      "rounding of s_w*s_x", "rounding of s_b*b",      "rounding of s_wx*w",  "rounding of the product",
      "rounding of the sum", "rounding of y/s_c",      "rounding of q*s_c",   "rounding of expf",
      "rounding of 1+expf",  "rounding of v/(1+expf)", "rounding of silu/s_y"};
  return kNames[static_cast<std::size_t>(op)];
}

unsigned GoldenLadder::ops(bool contracted) const {
  unsigned ops = (1U << kOps) - 1;
  const bool rounds_first_product =
      contracted && variant_.order == Order::kUpdate && variant_.math == MathMode::kFast;
  if (variant_.order == Order::kSeqLast) ops &= ~bit_of(Op::kWeightFold);
  if (contracted && !rounds_first_product) ops &= ~bit_of(Op::kProduct);
  if (rounds_first_product) ops &= ~bit_of(Op::kBiasProduct);
  if (variant_.dataflow == Dataflow::kFused) ops &= ~(bit_of(Op::kRequantDivide) | bit_of(Op::kUnscale));
  if (layer_.activation == Activation::kIdentity)
    ops &= ~(bit_of(Op::kExp) | bit_of(Op::kDenominator) | bit_of(Op::kSiluDivide));
  return ops;
}

LadderResult GoldenLadder::evaluate(const GoldenPoint& point, unsigned exact_ops,
                                    const LadderOptions& options) const {
  const Evaluation fp32(exact_ops);
  LadderResult result;
  Fp200Digits v = sum_of_taps(layer_, variant_, point, fp32, options.contracted);
  if (variant_.dataflow == Dataflow::kTwoStep) {
    const Fp200Digits conv_scale = layer_.effective_conv_scale();
    const RoundedValue q =
        round_clamp(fp32.round(Op::kRequantDivide, v / conv_scale), variant_.rounding, layer_.conv_bits);
    result.q = q.value;
    result.q_tie = q.tie;
    result.q_unclamped = q.unclamped;
    v = fp32.round(Op::kUnscale, q.value * conv_scale);
  }
  const auto silu_of_v = [&] {
    Fp200Digits e = fp32.round(Op::kExp, exp(Fp200Digits(-v)));
    for (int i = 0; i < std::abs(options.exp_ulps); ++i)
      e = std::nextafter(to_fp32(e), options.exp_ulps > 0 ? HUGE_VALF : 0.0F);
    const Fp200Digits denominator = fp32.round(Op::kDenominator, 1 + e);
    return fp32.round(Op::kSiluDivide, v / denominator);
  };
  const Fp200Digits activated = layer_.activation == Activation::kIdentity ? v : silu_of_v();
  const RoundedValue out = round_clamp(fp32.round(Op::kOutDivide, activated / layer_.output_scale),
                                       variant_.rounding, spec::kSampleBits);
  result.out = out.value;
  result.out_tie = out.tie;
  result.out_unclamped = out.unclamped;
  return result;
}

std::vector<LadderResult> GoldenLadder::fast_results(const GoldenPoint& point) const {
  const Evaluation fp32(0);
  const Fp200Digits y = sum_of_taps(layer_, variant_, point, fp32, true);
  std::vector<LadderResult> results;
  const auto finish = [&](const Fp200Digits& v, LadderResult result) {
    // Two divisions, the sum 1 + e, and __expf, which counts at most fully; without SiLU one division.
    const bool identity = layer_.activation == Activation::kIdentity;
    const double ulps =
        identity ? kFastDivideUlps : 2 * kFastDivideUlps + 1 + 3 + 1.173 * std::fabs(static_cast<double>(v));
    const Fp200Digits value =
        (identity ? v : Fp200Digits(v / (1 + exp(Fp200Digits(-v))))) / layer_.output_scale;
    for (const RoundedValue& out :
         all_within(value, abs(value) * std::ldexp(ulps, -23), variant_.rounding, spec::kSampleBits)) {
      result.out = out.value;
      result.out_tie = out.tie;
      result.out_unclamped = out.unclamped;
      results.push_back(result);
    }
  };
  if (variant_.dataflow == Dataflow::kFused) {
    finish(y, {});
    return results;
  }
  const Fp200Digits conv_scale = layer_.effective_conv_scale(), scaled = y / conv_scale;
  for (const RoundedValue& q : all_within(scaled, abs(scaled) * std::ldexp(kFastDivideUlps, -23),
                                          variant_.rounding, layer_.conv_bits)) {
    LadderResult result;
    result.q = q.value;
    result.q_tie = q.tie;
    result.q_unclamped = q.unclamped;
    finish(fp32.round(Op::kUnscale, q.value * conv_scale), result);
  }
  return results;
}

}  // namespace quasim::compile
