#include "compile/program_source.hpp"

#include "stages/evaluate.hpp"

namespace quasim::compile {
namespace {

/// The scalar stage over consecutive accumulators; compiled several times, the processor picks.
__attribute__((target_clones("default", "avx2", "arch=x86-64-v4"))) void requant_run(
    const StageProgram& stage, std::int64_t bias_word, std::int32_t acc_first, std::size_t count,
    std::int16_t* q) {
  const std::uint32_t multiplier = stage.multiplier;
  const int shift_bits = stage.shift_bits, conv_bits = stage.conv_bits;
  const Rounding rounding = stage.rounding;
  for (std::size_t i = 0; i < count; ++i) {
    const std::int64_t product =
        stages::requant_product(multiplier, acc_first + static_cast<std::int32_t>(i));
    q[i] = static_cast<std::int16_t>(
        stages::requant_round(product, bias_word, shift_bits, rounding, conv_bits).q);
  }
}

}  // namespace

void ProgramSource::evaluate(const exact::Slice& slice, std::int32_t acc_first, std::size_t count,
                             std::int16_t* q, std::int8_t* out) const {
  const auto channel = static_cast<std::size_t>(slice.channel);
  const StageProgram& stage = program_.stage_of(channel);
  const std::int64_t bias_word = program_.bias_words[channel];
  if (stage.is_fused()) {
    for (std::size_t i = 0; i < count; ++i)
      out[i] = stages::evaluate(stage, bias_word, acc_first + static_cast<std::int32_t>(i)).out;
    return;
  }
  requant_run(stage, bias_word, acc_first, count, q);
  for (std::size_t i = 0; i < count; ++i) out[i] = stages::out_of(stage, q[i]);
}

}  // namespace quasim::compile
