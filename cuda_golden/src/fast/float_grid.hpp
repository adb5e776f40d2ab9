// From a float to the int8 grid without a division: the constants, and the proof that they are right at every
// fp32 number.
#ifndef QUASIM_CUDA_GOLDEN_FLOAT_GRID_HPP_
#define QUASIM_CUDA_GOLDEN_FLOAT_GRID_HPP_

namespace qg {

// clamp_8(round_half_even(fl(x / scale))) is round_half_even(fma(c, inverse, fl(c * rest))), where c is x
// clamped to low .. high.
struct FloatGrid {
  float low, high;      // the fp32 numbers from the least that becomes -128 to the greatest that becomes 127
  float inverse, rest;  // their sum is 1 / scale to some 48 bits
};

// Beyond them `rest` may be a subnormal number, which math fast takes for 0.
constexpr float kFloatScaleMin = 0x1p-64f, kFloatScaleMax = 0x1p64f;

// False where the two are not proven to agree, and for scales that are not kFloatScaleMin to kFloatScaleMax.
// Both sides rise with x (the second because an ulp of c moves c * inverse by 2^-24 of it, and the rest with
// its rounding only by some 2^-47), so that they agree everywhere if each of the 255 steps lies between the
// same two neighbouring fp32 numbers; that is what is looked at.
bool make_float_grid(float scale, FloatGrid& grid);

}  // namespace qg

#endif  // QUASIM_CUDA_GOLDEN_FLOAT_GRID_HPP_
