#include "prove/program_explanation.hpp"

#include <cmath>

#include "stages/evaluate.hpp"

namespace quasim::compile {
namespace {

using exact::Rational;

double distance_from_half(const Rational& value) {
  const exact::Integer below = exact::floor_quotient(numerator(value), denominator(value));
  return std::fabs(static_cast<double>(Rational(value - below - Rational(1, 2))));
}

/// A fused program places each step of out between two accumulators. Where it differs from the exact one, a
/// step lies one accumulator further left or right, or the program is wrong.
ProgramExplanation explain_fused(const exact::Oracle& oracle, const StageProgram& stage,
                                 std::int64_t bias_word, int bias, std::int32_t acc) {
  ProgramExplanation result;
  result.exact_out = oracle.fused_out(bias, acc);
  result.program_out = stages::evaluate(stage, bias_word, acc).out;
  if (result.program_out == result.exact_out) {
    result.causes.emplace_back("no difference");
    result.explained = true;
    return result;
  }
  for (const int side : {-1, 1})
    if (oracle.fused_out(bias, acc + side) == result.program_out) {
      result.causes.emplace_back("step placed one accumulator off");
      result.explained = true;
      return result;
    }
  return result;
}

}  // namespace

ProgramExplanation explain_program(const exact::Oracle& oracle, const LayerProgram& program, int channel,
                                   int bias, std::int32_t acc) {
  const std::int64_t word = program.bias_words[static_cast<std::size_t>(channel)];
  const StageProgram& stage = program.stage_of(static_cast<std::size_t>(channel));
  if (stage.is_fused()) return explain_fused(oracle, stage, word, bias, acc);
  ProgramExplanation result;
  result.exact_q = oracle.q(bias, acc);
  result.exact_out = oracle.table_entry(result.exact_q);
  const stages::StageValues values = stages::evaluate(stage, word, acc);
  result.program_q = values.index.index;
  result.program_out = values.out;

  const Rational conv_scale = exact::dyadic_of(oracle.layer().effective_conv_scale()).rational();
  const Rational unit(1, exact::Integer(1) << static_cast<unsigned>(stage.shift_bits));
  const Rational exact_bias = oracle.y(bias, 0).rational() / conv_scale, own_bias = word * unit;
  const Rational exact_product = oracle.y(0, acc).rational() / conv_scale;
  const Rational own_product = exact::Integer(stage.multiplier) * acc * unit;
  result.error_lsb = static_cast<double>(Rational(own_product + own_bias - exact_product - exact_bias));
  result.boundary_lsb = distance_from_half(exact_product + exact_bias);

  const auto restores = [&](const Rational& value) {
    return exact::clamp_integer(exact::round_rational(value, stage.rounding), oracle.q_min(),
                                oracle.q_max()) == result.exact_q;
  };
  if (result.program_q != result.exact_q) {
    if (restores(exact_product + own_bias)) result.causes.emplace_back("quantised multiplier");
    if (restores(own_product + exact_bias)) result.causes.emplace_back("quantised bias word");
    if (result.causes.empty() && restores(exact_product + exact_bias))
      result.causes.emplace_back("quantised multiplier and quantised bias word");
    result.explained = !result.causes.empty() && std::fabs(result.error_lsb) <= kQuantisationLimitLsb;
  } else if (result.program_out != result.exact_out) {
    result.causes.emplace_back("table entry");
    // A table made from the golden differs there too, and the golden's explanation says why.
    result.explained = false;
  } else {
    result.causes.emplace_back("no difference");
    result.explained = true;
  }
  return result;
}

}  // namespace quasim::compile
