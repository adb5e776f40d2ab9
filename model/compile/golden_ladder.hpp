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
  kBiasProduct,    ///< s_b * b
  kWeightFold,     ///< s_wx * w, orders channellast and update
  kSum,            ///< fma(s_wx, acc, bias); tap by tap in the other orders
  kRequantDivide,  ///< y / s_c
  kUnscale,        ///< q * s_c
  kExp,            ///< expf(-v)
  kDenominator,    ///< 1 + e
  kSiluDivide,     ///< v / (1 + e)
  kOutDivide,      ///< silu / s_y
};
constexpr unsigned kOps = 10;
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
};

class GoldenLadder {
 public:
  GoldenLadder(const LayerParams& layer, const Variant& variant) : layer_(layer), variant_(variant) {}

  /// Evaluates with every rounding but those in `exact_ops`. expf is the correctly rounded one plus
  /// `exp_ulps`.
  LadderResult evaluate(const GoldenPoint& point, unsigned exact_ops, int exp_ulps = 0) const;

  /// Roundings that this variant performs.
  unsigned ops() const;

 private:
  LayerParams layer_;
  Variant variant_;
};

}  // namespace quasim::compile
