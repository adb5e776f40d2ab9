// round_shift and clamp of the contract against SystemC's own fixed point: SC_RND_CONV is half to even,
// SC_RND_INF half away from zero, SC_SAT the clamp.
#define SC_INCLUDE_FX
#include <gtest/gtest.h>

#include <cmath>
#include <iostream>
#include <random>
#include <systemc>

#include "spec/contract.hpp"

namespace quasim {
namespace {

template <int Bits, sc_dt::sc_q_mode Mode>
std::int64_t sc_round_clamp(std::int64_t p, int shift_bits) {
  const sc_dt::sc_fixed<Bits, Bits, Mode, sc_dt::SC_SAT> value =
      std::ldexp(static_cast<double>(p), -shift_bits);
  return static_cast<std::int64_t>(value.to_double());
}

template <int Bits>
std::int64_t compare_point(std::int64_t p, int shift_bits) {
  const auto ours = [&](Rounding rounding) {
    return spec::clamp_bits(spec::round_shift(p, shift_bits, rounding), Bits);
  };
  EXPECT_EQ(ours(Rounding::kHalfEven), (sc_round_clamp<Bits, sc_dt::SC_RND_CONV>(p, shift_bits)))
      << p << " >> " << shift_bits;
  EXPECT_EQ(ours(Rounding::kHalfAway), (sc_round_clamp<Bits, sc_dt::SC_RND_INF>(p, shift_bits)))
      << p << " >> " << shift_bits;
  return 2;
}

template <int Bits>
std::int64_t compare_all(int shift_bits) {
  std::int64_t compared = 0;
  const std::int64_t reach = std::int64_t{1} << (Bits + shift_bits);  // twice the range of the clamp
  for (std::int64_t p = -reach; p <= reach; ++p) compared += compare_point<Bits>(p, shift_bits);
  return compared;
}

TEST(round_clamp, equals_sc_fixed_for_every_small_product) {
  std::int64_t compared = 0;
  for (int shift_bits : {0, 1, 2, 5}) {
    compared += compare_all<2>(shift_bits);
    compared += compare_all<8>(shift_bits);
  }
  compared += compare_all<12>(3);
  std::cout << compared << " comparisons\n";
  EXPECT_GT(compared, 100000);
}

TEST(round_clamp, equals_sc_fixed_around_every_tie_of_wide_products) {
  std::mt19937_64 random(20240901);
  std::int64_t compared = 0;
  for (int shift_bits = 1; shift_bits <= 44; ++shift_bits)
    for (std::int64_t level = -130; level <= 130; ++level) {
      const std::int64_t tie = (2 * level - 1) * (std::int64_t{1} << (shift_bits - 1));
      for (std::int64_t offset = -1; offset <= 1; ++offset)
        compared += compare_point<8>(tie + offset, shift_bits);
      compared += compare_point<8>(
          tie + static_cast<std::int64_t>(random() % (std::uint64_t{1} << shift_bits)), shift_bits);
    }
  std::cout << compared << " comparisons\n";
  EXPECT_GT(compared, 10000);
}

}  // namespace
}  // namespace quasim

int sc_main(int argc, char** argv) {
  testing::InitGoogleTest(&argc, argv);
  return RUN_ALL_TESTS();
}
