#include "prove/explanation.hpp"

#include <algorithm>
#include <boost/multiprecision/mpfr.hpp>
#include <cmath>

#include "prove/differing_points.hpp"
#include "spec/error.hpp"

namespace quasim::compile {
namespace {

namespace mp = boost::multiprecision;
using Fp100Digits = mp::number<mp::mpfr_float_backend<100>, mp::et_off>;

constexpr int kDecimalDigits = 30;
constexpr std::array<int, 5> kExpUlps{0, 1, -1, 2, -2};

Fp100Digits wide_of(const exact::Rational& value) {
  return Fp100Digits(mp::numerator(value)) / Fp100Digits(mp::denominator(value));
}

bool matches(const LadderResult& result, const Observed& observed) {
  return result.out == observed.out && (!observed.q || *observed.q == result.q);
}

std::string ulps_text(int ulps) {
  return "expf off by " + std::to_string(ulps) + " ulp";
}

bool same(const LadderResult& a, const LadderResult& b) {
  return a.q == b.q && a.out == b.out;
}

std::string order_name(Order order) {
  return order == Order::kSeqLast ? "seqlast" : order == Order::kChannelLast ? "channellast" : "update";
}

Variant with_order(Variant variant, Order order) {
  variant.order = order;
  return variant;
}

std::string rule_name(Rounding rounding) {
  return rounding == Rounding::kHalfEven ? "half_even" : "half_away";
}

Variant with_other_rule(Variant variant) {
  variant.rounding = variant.rounding == Rounding::kHalfEven ? Rounding::kHalfAway : Rounding::kHalfEven;
  return variant;
}

/// What the clamp does to the difference of one stage; empty where nothing.
std::string clamp_effect(const char* stage, int golden, std::int64_t golden_unclamped, int exact,
                         std::int64_t exact_unclamped) {
  const std::int64_t before = std::abs(golden_unclamped - exact_unclamped), after = std::abs(golden - exact);
  if (before == after) return {};
  return std::string(after == 0 ? "hides" : "reduces") + " a difference of " + stage + ", " +
         std::to_string(golden_unclamped) + " against " + std::to_string(exact_unclamped);
}

}  // namespace

Explainer::Explainer(const LayerParams& layer, const Variant& variant, Deviations deviations)
    : oracle_(as_variant(layer, variant)),
      variant_(variant),
      deviations_(deviations),
      ladder_(oracle_.layer(), variant),
      seqlast_(oracle_.layer(), with_order(variant, Order::kSeqLast)),
      channellast_(oracle_.layer(), with_order(variant, Order::kChannelLast)),
      other_rule_(oracle_.layer(), with_other_rule(variant)) {}

void Explainer::describe_exact(Explanation& explanation) const {
  const LayerParams& layer = oracle_.layer();
  const GoldenPoint& point = explanation.point;
  explanation.exact_y = oracle_.y(point.bias, point.acc).rational();
  const bool two_step = layer.dataflow == Dataflow::kTwoStep;
  const float divisor = two_step ? layer.effective_conv_scale() : layer.output_scale;
  explanation.exact_scaled = explanation.exact_y / exact::dyadic_of(divisor).rational();
  const bool q_decides =
      two_step && explanation.golden_q.value_or(explanation.exact_q) != explanation.exact_q;
  explanation.stage = q_decides ? "q" : "out";
  Fp100Digits value = wide_of(explanation.exact_scaled);
  if (!q_decides) {
    const Fp100Digits v = two_step
                              ? Fp100Digits(explanation.exact_q * Fp100Digits(layer.effective_conv_scale()))
                              : wide_of(explanation.exact_y);
    value = (layer.activation == Activation::kIdentity ? v : Fp100Digits(v / (1 + exp(Fp100Digits(-v))))) /
            layer.output_scale;
  }
  explanation.decided_value = value.str(kDecimalDigits);
  explanation.boundary_lsb = static_cast<double>(abs(Fp100Digits(value - floor(value) - 0.5)));
  explanation.exact_tie = two_step && mp::denominator(explanation.exact_scaled) == 2;
}

void Explainer::note_golden(Explanation& explanation, const LadderResult& golden,
                            const LadderResult& exact) const {
  if (variant_.dataflow == Dataflow::kTwoStep && !explanation.golden_q) explanation.golden_q = golden.q;
  describe_exact(explanation);
  explanation.golden_tie = explanation.stage == "q" ? golden.q_tie : golden.out_tie;
  explanation.clamp = clamp_effect("q", golden.q, golden.q_unclamped, exact.q, exact.q_unclamped);
  if (explanation.clamp.empty())
    explanation.clamp = clamp_effect("out", golden.out, golden.out_unclamped, exact.out, exact.out_unclamped);
}

std::vector<std::string> Explainer::restoring_sets(const GoldenPoint& point, const LadderResult& exact,
                                                   const Reproduction& found) const {
  const unsigned ops = found.ladder->ops(found.options.contracted);
  std::vector<std::string> sets;
  for (int size = 1; size <= static_cast<int>(kOps) && sets.empty(); ++size) {
    for (unsigned mask = 1; mask < (1U << kOps); ++mask) {
      if (__builtin_popcount(mask) != size || (mask & ~ops) != 0) continue;
      if (!same(found.ladder->evaluate(point, mask, found.options), exact)) continue;
      std::string text;
      for (unsigned op = 0; op < kOps; ++op)
        if ((mask & (1U << op)) != 0)
          text += (text.empty() ? "" : " and ") + std::string(to_string(static_cast<Op>(op)));
      sets.push_back(text);
    }
  }
  return sets;
}

std::optional<Explainer::Reproduction> Explainer::reproduce(const GoldenPoint& point,
                                                            const Observed& observed) const {
  for (int ulps : kExpUlps) {
    const LadderOptions options{ulps, true};
    const LadderResult result = ladder_.evaluate(point, 0, options);
    if (matches(result, observed)) return Reproduction{&ladder_, options, result, {}, {}};
  }
  return std::nullopt;
}

std::optional<Explainer::Reproduction> Explainer::reproduce_deviating(const GoldenPoint& point,
                                                                      const Observed& observed) const {
  std::vector<Reproduction> ways{{&ladder_, {0, false}, {}, "contraction", "without contraction"}};
  for (const GoldenLadder* ladder : {&seqlast_, &channellast_})
    if (ladder->variant().order != variant_.order && (ladder == &seqlast_ || !point.window.empty()))
      ways.push_back({ladder, {}, {}, "order of taps", "order " + order_name(ladder->variant().order)});
  const std::string rule = rule_name(other_rule_.variant().rounding);
  ways.push_back({&other_rule_, {}, {}, "tie rule", rule});
  for (Reproduction& way : ways) {
    way.result = way.ladder->evaluate(point, 0, way.options);
    if (matches(way.result, observed)) return way;
  }
  Reproduction way{&ladder_, {}, ladder_.evaluate(point, 0), "clamp", "without the clamp of out, wrapped"};
  const bool wrapped = way.result.out_unclamped != way.result.out &&
                       static_cast<std::int8_t>(way.result.out_unclamped) == observed.out;
  if (wrapped && (!observed.q || *observed.q == way.result.q)) return way;
  return std::nullopt;
}

void Explainer::explain_reproduced(Explanation& explanation, const Reproduction& found,
                                   const LadderResult& exact) const {
  const GoldenPoint& point = explanation.point;
  note_golden(explanation, found.result, exact);
  explanation.evaluated_as = found.evaluated_as;
  const auto gives_exact = [&](const GoldenLadder& ladder, const LadderOptions& options) {
    return same(ladder.evaluate(point, 0, options), exact);
  };
  if (!found.cause.empty()) {
    const bool tie_rule = found.ladder == &other_rule_;
    if (gives_exact(ladder_, {}))
      explanation.causes = {tie_rule && explanation.exact_tie ? "exact tie, decided by " + found.evaluated_as
                            : tie_rule ? "tie in fp32, decided by " + found.evaluated_as
                                       : found.cause};
    if (found.cause != "clamp")
      for (std::string& set : restoring_sets(point, exact, found))
        explanation.causes.push_back(std::move(set));
    explanation.explained = !explanation.causes.empty();
    return;
  }
  if (found.options.exp_ulps != 0 && gives_exact(ladder_, {}))
    explanation.causes = {ulps_text(found.options.exp_ulps)};
  else
    explanation.causes = restoring_sets(point, exact, found);
  if (gives_exact(ladder_, {found.options.exp_ulps, false})) explanation.causes.emplace_back("contraction");
  if (variant_.order != Order::kSeqLast && gives_exact(seqlast_, found.options))
    explanation.causes.emplace_back("order of taps");
  if ((explanation.exact_tie || explanation.golden_tie) &&
      same(other_rule_.evaluate(point, 0, found.options),
           other_rule_.evaluate(point, other_rule_.ops(), found.options)))
    explanation.causes.push_back(
        (explanation.exact_tie ? "exact tie, decided by " : "tie in fp32, decided by ") +
        rule_name(variant_.rounding));
  explanation.explained = !explanation.causes.empty();
}

void Explainer::explain_fast(Explanation& explanation, const LadderResult& exact) const {
  const std::vector<LadderResult> results = ladder_.fast_results(explanation.point);
  const auto found = std::find_if(results.begin(), results.end(), [&](const LadderResult& result) {
    return matches(result, explanation.observed);
  });
  if (found == results.end()) return;
  note_golden(explanation, *found, exact);
  explanation.causes = {"fast math"};
  const LadderResult precise = ladder_.evaluate(explanation.point, 0);
  if (!same(precise, exact))
    explanation.causes.front() +=
        "; in precise math " +
        restoring_sets(explanation.point, exact, {&ladder_, {}, precise, {}, {}}).front();
  explanation.explained = true;
}

Explanation Explainer::explain(const GoldenPoint& point, const Observed& observed) const {
  Explanation explanation;
  explanation.point = point;
  explanation.observed = observed;
  explanation.golden_q = observed.q;
  const bool two_step = oracle_.layer().dataflow == Dataflow::kTwoStep;
  if (two_step) explanation.exact_q = oracle_.q(point.bias, point.acc);
  explanation.exact_out =
      two_step ? oracle_.table_entry(explanation.exact_q) : oracle_.fused_out(point.bias, point.acc);
  describe_exact(explanation);
  const LadderResult exact = ladder_.evaluate(point, ladder_.ops());
  if (exact.out != explanation.exact_out || exact.q != explanation.exact_q)
    return explanation;  // two homes of the truth disagree
  std::optional<Reproduction> found = reproduce(point, observed);
  if (matches(exact, observed)) {
    if (found) note_golden(explanation, found->result, exact);
    explanation.causes = {"no difference"};
    explanation.explained = true;
    return explanation;
  }
  if (!found && variant_.math == MathMode::kFast) {
    explain_fast(explanation, exact);
    return explanation;
  }
  if (!found && deviations_ == Deviations::kNamed) found = reproduce_deviating(point, observed);
  if (found) explain_reproduced(explanation, *found, exact);
  return explanation;
}

namespace {

Variant with_other_dataflow(Variant variant) {
  variant.dataflow = variant.dataflow == Dataflow::kTwoStep ? Dataflow::kFused : Dataflow::kTwoStep;
  variant.rounding = default_rounding(variant.dataflow);
  return variant;
}

/// The exact outputs of a layer, looked up by accumulator.
class ExactOutputs {
 public:
  ExactOutputs(const Bundle& bundle, const exact::Domain& domain, const Variant& variant)
      : domain_(domain), out_(exact::Oracle(as_variant(bundle.layer, variant)).steps(domain).out) {}
  const exact::SliceSteps& of_bias(int bias) const { return out_[domain_.slice_of(bias)]; }

 private:
  const exact::Domain& domain_;
  exact::StepFunction out_;
};

/// Calls visit(sequence, channel, time, accumulator) for every place of the input.
template <class Visit>
void for_each_accumulator(const Bundle& bundle, Visit visit) {
  const TensorBCL<std::int8_t>& input = bundle.require_input();
  const std::size_t taps = bundle.weight.extent<'K'>();
  for (std::size_t b = 0; b < input.extent<'B'>(); ++b)
    for (std::size_t c = 0; c < input.extent<'C'>(); ++c)
      for (std::size_t t = 0; t < input.extent<'L'>(); ++t) {
        std::int32_t acc = 0;
        for (std::size_t k = taps - std::min(taps, t + 1); k < taps; ++k)
          acc += std::int32_t{bundle.weight.at(c, k)} * input.at(b, c, t + k + 1 - taps);
        visit(b, c, t, acc);
      }
}

}  // namespace

GoldenPoint point_at(const Bundle& bundle, std::size_t sequence, std::size_t channel, std::size_t time) {
  const TensorBCL<std::int8_t>& input = bundle.require_input();
  if (sequence >= input.extent<'B'>() || channel >= input.extent<'C'>() || time >= input.extent<'L'>())
    throw InputError("element: expected sequence, channel, time within [" +
                     std::to_string(input.extent<'B'>()) + ", " + std::to_string(input.extent<'C'>()) + ", " +
                     std::to_string(input.extent<'L'>()) + "]; got " + std::to_string(sequence) + "," +
                     std::to_string(channel) + "," + std::to_string(time));
  const std::size_t taps = bundle.weight.extent<'K'>();
  GoldenPoint point;
  point.bias = bundle.bias_of(static_cast<int>(channel));
  point.window.assign(taps, 0);
  for (std::size_t k = 0; k < taps; ++k) {
    point.weights.push_back(bundle.weight.at(channel, k));
    if (time + k + 1 >= taps) point.window[k] = input.at(sequence, channel, time + k + 1 - taps);
    point.acc += std::int32_t{point.weights[k]} * point.window[k];
  }
  return point;
}

TensorComparison explain_outputs(const Bundle& bundle, const Variant& declared,
                                 const TensorBCL<std::int8_t>& output, std::int64_t examine,
                                 const std::function<bool(const TensorDifference&)>& visit,
                                 const std::function<void(std::int64_t)>& progress) {
  const TensorBCL<std::int8_t>& input = bundle.require_input();
  if (output.shape() != input.shape()) throw InputError("output: expected [B, C, L] of conv1d_input.npy");
  const exact::Domain domain = make_domain(exact::DomainKind::kReachable, bundle);
  const Variant other = with_other_dataflow(declared);
  const ExactOutputs as_declared(bundle, domain, declared), as_other(bundle, domain, other);

  TensorComparison result;
  std::int64_t differing_as_other = 0;
  for_each_accumulator(bundle, [&](std::size_t b, std::size_t c, std::size_t t, std::int32_t acc) {
    const int bias = bundle.bias_of(static_cast<int>(c)), observed = output.at(b, c, t);
    result.differing_as_declared += observed != value_at(as_declared.of_bias(bias), acc) ? 1 : 0;
    differing_as_other += observed != value_at(as_other.of_bias(bias), acc) ? 1 : 0;
    ++result.compared;
  });
  const bool is_other = differing_as_other < result.differing_as_declared;
  result.as = is_other ? other : declared;
  result.differing = is_other ? differing_as_other : result.differing_as_declared;

  const ExactOutputs& expected = is_other ? as_other : as_declared;
  const Explainer explainer(bundle.layer, result.as, Deviations::kNamed);
  const std::int64_t wanted = std::min(examine, result.differing);
  std::int64_t seen = 0;  // differing places so far
  bool go_on = true;
  for_each_accumulator(bundle, [&](std::size_t b, std::size_t c, std::size_t t, std::int32_t acc) {
    if (!go_on || result.examined == wanted) return;
    const int observed = output.at(b, c, t);
    if (observed == value_at(expected.of_bias(bundle.bias_of(static_cast<int>(c))), acc)) return;
    if (seen++ != sample_place(result.examined, wanted, result.differing)) return;
    ++result.examined;
    go_on = visit({b, c, t, explainer.explain(point_at(bundle, b, c, t), {std::nullopt, observed})});
    if (progress) progress(result.examined);
  });
  return result;
}

}  // namespace quasim::compile
