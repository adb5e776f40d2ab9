#include "compile/golden_ladder.hpp"

#include <boost/multiprecision/mpfr.hpp>
#include <cmath>

namespace quasim::compile {
namespace {

namespace mp = boost::multiprecision;
/// Wide enough that every sum, product and tie of fp32 operands is exact in it; what is not (quotients, exp)
/// is off by 10^-200.
using Wide = mp::number<mp::mpfr_float_backend<200>, mp::et_off>;

float to_fp32(const Wide& value) {
  return mpfr_get_flt(value.backend().data(), MPFR_RNDN);
}

class Evaluation {
 public:
  explicit Evaluation(unsigned exact_ops) : exact_ops_(exact_ops) {}
  Wide round(Op op, const Wide& value) const {
    return (exact_ops_ & bit_of(op)) != 0 ? value : Wide(to_fp32(value));
  }

 private:
  unsigned exact_ops_;
};

struct RoundedValue {
  int value;
  bool tie;
};

RoundedValue round_clamp(const Wide& value, Rounding rounding, int bits) {
  const int low = static_cast<int>(spec::min_of_bits(bits)), high = static_cast<int>(spec::max_of_bits(bits));
  if (value <= low - 1) return {low, false};
  if (value >= high + 1) return {high, false};
  const Wide below = floor(value);
  const Wide rest = value - below;
  const bool tie = rest == 0.5;
  const auto lower = static_cast<int>(below);
  const bool up = tie ? exact::tie_rounds_up(lower + 1, rounding) : rest > 0.5;
  return {static_cast<int>(spec::clamp_bits(lower + (up ? 1 : 0), bits)), tie};
}

}  // namespace

std::string_view to_string(Op op) {
  constexpr std::array<std::string_view, kOps> kNames{
      "rounding of s_w*s_x",    "rounding of s_b*b",   "rounding of s_wx*w", "rounding of the sum",
      "rounding of y/s_c",      "rounding of q*s_c",   "rounding of expf",   "rounding of 1+expf",
      "rounding of v/(1+expf)", "rounding of silu/s_y"};
  return kNames[static_cast<std::size_t>(op)];
}

unsigned GoldenLadder::ops() const {
  unsigned ops = (1U << kOps) - 1;
  if (variant_.order == Order::kSeqLast) ops &= ~bit_of(Op::kWeightFold);
  if (variant_.dataflow == Dataflow::kFused) ops &= ~(bit_of(Op::kRequantDivide) | bit_of(Op::kUnscale));
  return ops;
}

LadderResult GoldenLadder::evaluate(const GoldenPoint& point, unsigned exact_ops, int exp_ulps) const {
  const Evaluation fp32(exact_ops);
  const Wide scale_wx = fp32.round(Op::kScaleProduct, Wide(layer_.weight_scale) * layer_.input_scale);
  Wide y = fp32.round(Op::kBiasProduct, Wide(layer_.bias_scale.value_or(0.0F)) * point.bias);
  if (variant_.order == Order::kSeqLast) {
    y = fp32.round(Op::kSum, scale_wx * point.acc + y);
  } else {
    for (std::size_t k = 0; k < point.window.size(); ++k)
      y = fp32.round(
          Op::kSum, fp32.round(Op::kWeightFold, scale_wx * int{point.weights[k]}) * int{point.window[k]} + y);
  }
  LadderResult result;
  Wide v = y;
  if (variant_.dataflow == Dataflow::kTwoStep) {
    const Wide conv_scale = layer_.effective_conv_scale();
    const RoundedValue q =
        round_clamp(fp32.round(Op::kRequantDivide, y / conv_scale), variant_.rounding, layer_.conv_bits);
    result.q = q.value;
    result.q_tie = q.tie;
    v = fp32.round(Op::kUnscale, q.value * conv_scale);
  }
  Wide e = fp32.round(Op::kExp, exp(Wide(-v)));
  for (int i = 0; i < std::abs(exp_ulps); ++i)
    e = std::nextafter(to_fp32(e), exp_ulps > 0 ? HUGE_VALF : 0.0F);
  const Wide denominator = fp32.round(Op::kDenominator, 1 + e);
  const Wide silu = fp32.round(Op::kSiluDivide, v / denominator);
  const RoundedValue out = round_clamp(fp32.round(Op::kOutDivide, silu / layer_.output_scale),
                                       variant_.rounding, spec::kSampleBits);
  result.out = out.value;
  result.out_tie = out.tie;
  return result;
}

}  // namespace quasim::compile
