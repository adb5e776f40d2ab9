#include "compile/explanation.hpp"

#include <boost/multiprecision/mpfr.hpp>
#include <cmath>

namespace quasim::compile {
namespace {

namespace mp = boost::multiprecision;
using Wide = mp::number<mp::mpfr_float_backend<100>, mp::et_off>;

constexpr int kDecimalDigits = 30;
constexpr std::array<int, 5> kExpUlps{0, 1, -1, 2, -2};

LayerParams as_variant(LayerParams layer, const Variant& variant) {
  layer.dataflow = variant.dataflow;
  layer.rounding = variant.rounding;
  return layer;
}

Wide wide_of(const exact::Rational& value) {
  return Wide(mp::numerator(value)) / Wide(mp::denominator(value));
}

bool matches(const LadderResult& result, const Observed& observed) {
  return result.out == observed.out && (!observed.q || *observed.q == result.q);
}

std::string ulps_text(int ulps) {
  return "expf off by " + std::to_string(ulps) + " ulp";
}

}  // namespace

Explainer::Explainer(const LayerParams& layer, const Variant& variant)
    : oracle_(as_variant(layer, variant)), variant_(variant), ladder_(oracle_.layer(), variant) {}

bool Explainer::same(const LadderResult& a, const LadderResult& b) const {
  return a.q == b.q && a.out == b.out;
}

void Explainer::describe_exact(Explanation& explanation) const {
  const LayerParams& layer = oracle_.layer();
  const GoldenPoint& point = explanation.point;
  explanation.exact_y = oracle_.y(point.bias, point.acc).rational();
  const bool two_step = layer.dataflow == Dataflow::kTwoStep;
  const float divisor = two_step ? layer.effective_conv_scale() : layer.output_scale;
  explanation.exact_scaled = explanation.exact_y / exact::dyadic_of(divisor).rational();
  const bool q_decides =
      two_step && explanation.observed.q.value_or(explanation.exact_q) != explanation.exact_q;
  explanation.stage = q_decides ? "q" : "out";
  Wide value = wide_of(explanation.exact_scaled);
  if (!q_decides) {
    const Wide v = two_step ? Wide(explanation.exact_q * Wide(layer.effective_conv_scale()))
                            : wide_of(explanation.exact_y);
    value = v / (1 + exp(Wide(-v))) / layer.output_scale;
  }
  explanation.decided_value = value.str(kDecimalDigits);
  const Wide from_half = abs(Wide(value - floor(value) - 0.5));
  explanation.boundary_lsb = static_cast<double>(from_half);
  explanation.exact_tie = q_decides && mp::denominator(explanation.exact_scaled) == 2;
}

std::vector<std::string> Explainer::restoring_sets(const GoldenPoint& point, const LadderResult& exact,
                                                   int exp_ulps) const {
  const unsigned ops = ladder_.ops();
  std::vector<std::string> sets;
  for (int size = 1; size <= static_cast<int>(kOps) && sets.empty(); ++size) {
    for (unsigned mask = 1; mask < (1U << kOps); ++mask) {
      if (__builtin_popcount(mask) != size || (mask & ~ops) != 0) continue;
      if (!same(ladder_.evaluate(point, mask, exp_ulps), exact)) continue;
      std::string text;
      for (unsigned op = 0; op < kOps; ++op)
        if ((mask & (1U << op)) != 0)
          text += (text.empty() ? "" : " and ") + std::string(to_string(static_cast<Op>(op)));
      sets.push_back(text);
    }
  }
  return sets;
}

void Explainer::explain_precise(Explanation& explanation, const LadderResult& exact) const {
  for (int ulps : kExpUlps) {
    const LadderResult golden = ladder_.evaluate(explanation.point, 0, ulps);
    if (!matches(golden, explanation.observed)) continue;
    if (ulps != 0 && same(ladder_.evaluate(explanation.point, 0), exact))
      explanation.causes = {ulps_text(ulps)};
    else
      explanation.causes = restoring_sets(explanation.point, exact, ulps);
    explanation.golden_tie = explanation.stage == "q" ? golden.q_tie : golden.out_tie;
    explanation.explained = !explanation.causes.empty();
    return;
  }
}

void Explainer::explain_fast(Explanation& explanation, const LadderResult& exact) const {
  const LadderResult precise = ladder_.evaluate(explanation.point, 0);
  if (matches(precise, explanation.observed)) {
    explain_precise(explanation, exact);
    return;
  }
  // CUDA's programming guide: division within 2 ulp, __expf within 2 + 1.16*|v|; the remaining operations
  // round once each.
  const double value = std::fabs(std::stod(explanation.decided_value));
  const double v = std::fabs(static_cast<double>(explanation.exact_y));
  const double ulps = explanation.stage == "q" ? 6.0 : 12.0 + 1.16 * v;
  if (explanation.boundary_lsb > ulps * std::ldexp(value, -23)) return;
  explanation.causes = {"fast math"};
  if (!same(precise, exact))
    explanation.causes.front() += "; in precise math " + restoring_sets(explanation.point, exact, 0).front();
  explanation.explained = true;
}

Explanation Explainer::explain(const GoldenPoint& point, const Observed& observed) const {
  Explanation explanation;
  explanation.point = point;
  explanation.observed = observed;
  const bool two_step = oracle_.layer().dataflow == Dataflow::kTwoStep;
  if (two_step) explanation.exact_q = oracle_.q(point.bias, point.acc);
  explanation.exact_out =
      two_step ? oracle_.table_entry(explanation.exact_q) : oracle_.fused_out(point.bias, point.acc);
  describe_exact(explanation);
  const LadderResult exact = ladder_.evaluate(point, ladder_.ops());
  if (exact.out != explanation.exact_out || exact.q != explanation.exact_q)
    return explanation;  // two homes of the truth disagree
  if (matches(exact, observed)) {
    explanation.causes = {"no difference"};
    explanation.explained = true;
  } else if (variant_.math == MathMode::kPrecise) {
    explain_precise(explanation, exact);
  } else {
    explain_fast(explanation, exact);
  }
  return explanation;
}

}  // namespace quasim::compile
