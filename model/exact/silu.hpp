// round(silu(v) / scale) for an exact v, proven: Ziv's method on rigorous interval arithmetic.
#pragma once

#include "exact/rational.hpp"

namespace quasim::exact {

/// Limits the level that is returned; wide enough to tell every int8 output and both sides of its clamps.
constexpr int kSiluLevelLimit = 1000;

/// floor(silu(v)/scale + 1/2), limited to +-kSiluLevelLimit; scale > 0. For v = 0 the level is 0. For any
/// other rational v silu(v) is irrational (exp of a non-zero rational is transcendental,
/// Lindemann-Weierstrass), so it is never exactly between two integers: no tie rule is involved, and an
/// interval that is narrow enough always decides.
int silu_level(const Dyadic& v, const Dyadic& scale);

/// Sign of silu'(v), which is the sign of 1 + v + exp(v): negative below v = -1.2784645..., positive above;
/// never 0 at a rational v.
int silu_slope_sign(const Dyadic& v);

}  // namespace quasim::exact
