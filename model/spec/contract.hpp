// The vocabulary of the numerical contract: dataflows, rounding rules, evaluation orders, math modes, and the
// rounding and clamping rules of the integer datapath. This is their only home.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "spec/generated/spec_constants.hpp"

namespace quasim {

/// two_step rounds before and after SiLU; fused rounds once, after it.
enum class Dataflow { kTwoStep, kFused };
/// What happens to a value exactly between two integers: to the even one, or away from zero.
enum class Rounding { kHalfEven, kHalfAway };
/// Order in which an fp32 golden adds up a window.
enum class Order { kSeqLast, kChannelLast, kUpdate };
/// The function between the two roundings: SiLU, or none, for models whose convolution has no activation.
enum class Activation { kSilu, kIdentity };
/// precise: IEEE operations, contraction explicit; fast: what --use_fast_math makes of the same source.
enum class MathMode { kPrecise, kFast };

std::string_view to_string(Dataflow value);
std::string_view to_string(Rounding value);
std::string_view to_string(Order value);
std::string_view to_string(MathMode value);
std::string_view to_string(Activation value);

/// Each parser throws InputError naming the legal words.
Dataflow parse_dataflow(std::string_view text);
Rounding parse_rounding(std::string_view text);
Order parse_order(std::string_view text);
MathMode parse_math_mode(std::string_view text);
Activation parse_activation(std::string_view text);

/// The rounding a dataflow has unless a layer says otherwise.
constexpr Rounding default_rounding(Dataflow dataflow) {
  return dataflow == Dataflow::kTwoStep ? Rounding::kHalfEven : Rounding::kHalfAway;
}

/// A golden variant; its text form `dataflow.order.math.rounding` names a directory under golden/.
struct Variant {
  Dataflow dataflow = Dataflow::kTwoStep;
  Order order = Order::kSeqLast;
  MathMode math = MathMode::kPrecise;
  Rounding rounding = Rounding::kHalfEven;

  std::string to_string() const;
  static Variant parse(std::string_view text);
  friend bool operator==(const Variant& a, const Variant& b) {
    return a.dataflow == b.dataflow && a.order == b.order && a.math == b.math && a.rounding == b.rounding;
  }
};

namespace spec {

constexpr std::int64_t min_of_bits(int bits) {
  return -(std::int64_t{1} << (bits - 1));
}
constexpr std::int64_t max_of_bits(int bits) {
  return (std::int64_t{1} << (bits - 1)) - 1;
}

/// Near thresholds of a unit for fused, unless chosen otherwise.
inline constexpr int kNearRowsDefault = kNearBlockRows * kNearBlocksDefault;
inline constexpr int kNearRowsMax = kNearBlockRows * kNearBlocksMax;

/// Largest |acc| of K taps: every product at -128 * -128.
constexpr std::int32_t max_accumulator(int taps) {
  return taps << 14;
}

/// clamp_N of the contract.
constexpr std::int64_t clamp_bits(std::int64_t value, int bits) {
  const std::int64_t low = min_of_bits(bits), high = max_of_bits(bits);
  return value < low ? low : (value > high ? high : value);
}

/// p / 2^shift_bits rounded to an integer, ties by `rounding`; |p| < 2^62, shift_bits 0 ... 47.
constexpr std::int64_t round_shift(std::int64_t p, int shift_bits, Rounding rounding) {
  if (shift_bits == 0) return p;
  const std::int64_t half = std::int64_t{1} << (shift_bits - 1);
  const std::int64_t addend =
      rounding == Rounding::kHalfEven ? half - 1 + ((p >> shift_bits) & 1) : half - (p < 0 ? 1 : 0);
  return (p + addend) >> shift_bits;
}

}  // namespace spec
}  // namespace quasim
