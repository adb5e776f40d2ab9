// The fp32 golden, operation by operation, each rounding of which can be left out. Causes of differences are
// found by leaving out one rounding at a time and looking whether the exact result returns. Written from the
// contract; shares no code with the golden.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>
#include <vector>

#include "exact/oracle.hpp"

namespace quasim::compile {

/// The roundings of the golden, in order of evaluation.
enum class Op : unsigned {
  kScaleProduct,   ///< s_w * s_x
  kBiasProduct,    ///< s_b * b; not in update in fast math, whose first step is fma(s_b, b, first product)
  kWeightFold,     ///< s_wx * w, orders channellast and update
  kProduct,        ///< s_wx * acc, or each tap's product, where nothing is contracted; in update in fast math
                   ///< the first product
  kSum,            ///< fma(s_wx, acc, bias); tap by tap in the other orders
  kRequantDivide,  ///< y / s_c
  kUnscale,        ///< q * s_c
  kExp,            ///< expf(-v)
  kDenominator,    ///< 1 + e
  kSiluDivide,     ///< v / (1 + e)
  kOutDivide,      ///< silu / s_y
};
constexpr unsigned kOps = 11;
std::string_view to_string(Op op);
constexpr unsigned bit_of(Op op) {
  return 1U << static_cast<unsigned>(op);
}

/// A place to evaluate: the window where the order needs it, acc and bias always.
struct GoldenPoint {
  int bias = 0;
  std::int32_t acc = 0;
  std::vector<std::int8_t> window, weights;  ///< [K] oldest first; empty: seqlast only
};

struct LadderResult {
  int q = 0;  ///< 0 in fused
  int out = 0;
  bool q_tie = false;    ///< y / s_c, as evaluated, was exactly between two integers
  bool out_tie = false;  ///< silu / s_y likewise
  /// Rounded, before the clamp; +-2^62 stands for all beyond.
  std::int64_t q_unclamped = 0, out_unclamped = 0;
};

/// What may be evaluated differently besides leaving out roundings.
struct LadderOptions {
  int exp_ulps = 0;        ///< expf is the correctly rounded one plus this
  bool contracted = true;  ///< false: every fma is a product, rounded, and a sum
};

class GoldenLadder {
 public:
  GoldenLadder(const LayerParams& layer, const Variant& variant) : layer_(layer), variant_(variant) {}

  /// Evaluates with every rounding but those in `exact_ops`. In math fast the sums are fast math's, the
  /// divisions and expf those of precise. Throws InputError for a tap by tap order without a window.
  LadderResult evaluate(const GoldenPoint& point, unsigned exact_ops,
                        const LadderOptions& options = {}) const;

  /// All results that math fast may give: fma and products rounded once as IEEE says, divisions within
  /// `kFastDivideUlps` and the rest of SiLU within CUDA's documented error of __expf.
  std::vector<LadderResult> fast_results(const GoldenPoint& point) const;

  /// Roundings that this variant performs.
  unsigned ops(bool contracted = true) const;

  const Variant& variant() const { return variant_; }

 private:
  LayerParams layer_;
  Variant variant_;
};

/// CUDA's programming guide: fast division within 2 ulp, __expf within 2 + 1.173*|v|. One more ulp covers
/// that an ulp is counted at the result.
constexpr double kFastDivideUlps = 3;

}  // namespace quasim::compile
