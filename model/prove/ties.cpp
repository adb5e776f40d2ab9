#include "prove/ties.hpp"

#include <algorithm>

namespace quasim::compile {
namespace {

/// Whether a product is a tie that shows in q.
class TieTest {
 public:
  explicit TieTest(const StageProgram& stage)
      : shift_bits_(stage.is_fused() ? 0 : stage.shift_bits),
        half_(shift_bits_ == 0 ? 0 : std::int64_t{1} << (shift_bits_ - 1)),
        mask_((std::int64_t{1} << shift_bits_) - 1),
        low_(spec::min_of_bits(stage.conv_bits)),
        high_(spec::max_of_bits(stage.conv_bits)) {}

  /// No two integers to choose from where nothing is shifted out; fused shifts nothing.
  bool possible() const { return shift_bits_ > 0; }
  bool operator()(std::int64_t p) const {
    if ((p & mask_) != half_) return false;
    const std::int64_t below = p >> shift_bits_;
    return below >= low_ && below < high_;
  }

 private:
  int shift_bits_;
  std::int64_t half_, mask_, low_, high_;
};

}  // namespace

std::int64_t ties_in(const LayerProgram& program, const exact::Domain& domain) {
  const StageProgram& stage = program.stage();
  const TieTest is_tie(stage);
  std::int64_t ties = 0;
  if (!is_tie.possible()) return 0;
  for (const exact::Slice& slice : domain.slices) {
    if (slice.channel < 0) continue;
    std::int64_t p = std::int64_t{stage.multiplier} * slice.acc_min +
                     program.bias_words[static_cast<std::size_t>(slice.channel)];
    for (std::int64_t acc = slice.acc_min; acc <= slice.acc_max; ++acc, p += stage.multiplier)
      ties += is_tie(p) ? 1 : 0;
  }
  return ties;
}

std::int64_t ties_in(const LayerProgram& program, const TensorBCL<std::int8_t>& input) {
  const StageProgram& stage = program.stage();
  const TieTest is_tie(stage);
  std::int64_t ties = 0;
  if (!is_tie.possible()) return 0;
  const auto taps = static_cast<std::size_t>(program.taps);
  for (std::size_t b = 0; b < input.extent<'B'>(); ++b)
    for (std::size_t c = 0; c < input.extent<'C'>(); ++c)
      for (std::size_t t = 0; t < input.extent<'L'>(); ++t) {
        std::int64_t acc = 0;
        for (std::size_t k = taps - std::min(taps, t + 1); k < taps; ++k)
          acc += std::int64_t{program.weight.at(c, k)} * input.at(b, c, t + k + 1 - taps);
        ties += is_tie(stage.multiplier * acc + program.bias_words[c]) ? 1 : 0;
      }
  return ties;
}

}  // namespace quasim::compile
