// Two tensors that look different because their axes are: a transposed one, or one with an axis of extent 1
// more.
#pragma once

#include <string>

#include "analysis/tensor_source.hpp"

namespace quasim::analysis {

/// How `b` holds exactly the values of `a` in another shape or axis order, in numpy's words, for instance
/// "the same values in another axis order: B = A.transpose(0, 2, 1)"; empty where it does not. Tensors of
/// more than five axes or 2^26 elements are not looked at.
std::string same_values_otherwise(const TensorView& a, const TensorView& b);

}  // namespace quasim::analysis
