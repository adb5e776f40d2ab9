// The words and the small rules of the contract.
#include "spec/contract.hpp"

#include <gtest/gtest.h>

#include <iostream>

#include "spec/error.hpp"

namespace quasim {
namespace {

TEST(contract, every_variant_has_one_name_and_comes_back_from_it) {
  std::int64_t variants = 0;
  for (const char* dataflow : {"two_step", "fused"})
    for (const char* order : {"seqlast", "channellast", "update"})
      for (const char* math : {"precise", "fast"})
        for (const char* rounding : {"half_even", "half_away"}) {
          const std::string name = std::string(dataflow) + "." + order + "." + math + "." + rounding;
          const Variant variant = Variant::parse(name);
          EXPECT_EQ(variant.to_string(), name);
          EXPECT_EQ(to_string(variant.dataflow), dataflow);
          EXPECT_EQ(to_string(variant.order), order);
          EXPECT_EQ(to_string(variant.math), math);
          EXPECT_EQ(to_string(variant.rounding), rounding);
          EXPECT_EQ(parse_dataflow(dataflow), variant.dataflow);
          EXPECT_EQ(parse_order(order), variant.order);
          EXPECT_EQ(parse_math_mode(math), variant.math);
          EXPECT_EQ(parse_rounding(rounding), variant.rounding);
          for (int field = 0; field < 4; ++field) {
            Variant other = variant;
            if (field == 0)
              other.dataflow = variant.dataflow == Dataflow::kFused ? Dataflow::kTwoStep : Dataflow::kFused;
            if (field == 1) other.order = variant.order == Order::kUpdate ? Order::kSeqLast : Order::kUpdate;
            if (field == 2)
              other.math = variant.math == MathMode::kFast ? MathMode::kPrecise : MathMode::kFast;
            if (field == 3)
              other.rounding =
                  variant.rounding == Rounding::kHalfEven ? Rounding::kHalfAway : Rounding::kHalfEven;
            EXPECT_FALSE(other == variant) << name << ", field " << field;
          }
          ++variants;
        }
  EXPECT_EQ(variants, 24);
  for (const char* wrong : {"", "two_step", "two_step.seqlast.precise", "two_step.seqlast.precise.half_even.",
                            "two_step.seqlast.precise.half_even.x", ".seqlast.precise.half_even",
                            "two_step.seqlast.precise.half_eve", "fused.two_step.precise.half_even"})
    EXPECT_THROW(Variant::parse(wrong), InputError) << wrong;
  try {
    parse_order("last");
    FAIL();
  } catch (const InputError& error) {
    EXPECT_STREQ(error.what(), "order: expected one of seqlast, channellast, update; got 'last'");
  }
}

TEST(contract, widths_limits_and_default_rules) {
  for (int bits = 2; bits <= 48; ++bits) {
    EXPECT_EQ(spec::max_of_bits(bits) - spec::min_of_bits(bits), (std::int64_t{1} << bits) - 1);
    EXPECT_EQ(spec::max_of_bits(bits), -spec::min_of_bits(bits) - 1);
    for (const std::int64_t edge : {spec::min_of_bits(bits), spec::max_of_bits(bits)})
      for (std::int64_t off = -1; off <= 1; ++off) {
        const std::int64_t value = edge + off, clamped = spec::clamp_bits(value, bits);
        EXPECT_EQ(clamped, value < spec::min_of_bits(bits)   ? spec::min_of_bits(bits)
                           : value > spec::max_of_bits(bits) ? spec::max_of_bits(bits)
                                                             : value);
      }
  }
  EXPECT_EQ(spec::max_accumulator(4), 65536);
  EXPECT_EQ(spec::max_accumulator(2), 32768);
  EXPECT_EQ(default_rounding(Dataflow::kTwoStep), Rounding::kHalfEven);
  EXPECT_EQ(default_rounding(Dataflow::kFused), Rounding::kHalfAway);
  EXPECT_EQ(spec::kNearRowsDefault, 40);
  EXPECT_EQ(spec::kNearRowsMax, 64);
}

}  // namespace
}  // namespace quasim
