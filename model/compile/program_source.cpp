#include "compile/program_source.hpp"

#include "stages/requant.hpp"
#include "stages/silu.hpp"

namespace quasim::compile {
namespace {

/// The scalar stage over consecutive accumulators; compiled several times, the processor picks.
__attribute__((target_clones("default", "avx2", "arch=x86-64-v4"))) void requant_run(
    const LayerProgram& program, std::int64_t bias_word, std::int32_t acc_first, std::size_t count,
    std::int16_t* q) {
  const std::uint32_t multiplier = program.multiplier;
  const int shift_bits = program.shift_bits, conv_bits = program.conv_bits;
  const Rounding rounding = program.rounding;
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
  requant_run(program_, program_.bias_words[static_cast<std::size_t>(slice.channel)], acc_first, count, q);
  for (std::size_t i = 0; i < count; ++i)
    out[i] = program_.silu_table[stages::silu_index(q[i], program_.conv_bits)];
}

}  // namespace quasim::compile
