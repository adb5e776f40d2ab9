#include "analysis/axis_order.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>

#include "analysis/decode.hpp"

namespace quasim::analysis {
namespace {

using Extents = std::vector<std::size_t>;

constexpr std::size_t kMaxAxes = 5;
constexpr std::size_t kMaxElems = std::size_t{1} << 26;

bool same_value(double a, double b) {
  return a == b || (std::isnan(a) && std::isnan(b));
}

/// Elements between neighbours along each axis.
Extents strides_of(const Extents& shape) {
  Extents strides(shape.size(), 1);
  for (std::size_t axis = shape.size(); axis-- > 1;) strides[axis - 1] = strides[axis] * shape[axis];
  return strides;
}

Extents permuted(const Extents& extents, const Extents& order) {
  Extents result;
  for (const std::size_t axis : order) result.push_back(extents[axis]);
  return result;
}

/// Whether element i of `b` is the element of `a` at the offsets that `shape` and `strides` give it.
bool equal_along(const TensorView& a, const TensorView& b, const Extents& shape, const Extents& strides) {
  Extents index(shape.size());
  std::size_t offset = 0;
  std::array<double, kBlockElems> block{};
  for (std::size_t i = 0; i < b.length_elems; ++i) {
    if (i % kBlockElems == 0) decode(b, i, std::min(kBlockElems, b.length_elems - i), block.data());
    double value = 0;
    decode(a, offset, 1, &value);
    if (!same_value(value, block[i % kBlockElems])) return false;
    for (std::size_t axis = shape.size(); axis-- > 0;) {
      offset += strides[axis];
      if (++index[axis] < shape[axis]) break;
      offset -= strides[axis] * shape[axis];
      index[axis] = 0;
    }
  }
  return true;
}

/// The order of the axes of `a` (of shape `from`) that makes it `b` (of shape `to`); empty where none does.
Extents order_that_fits(const TensorView& a, const TensorView& b, const Extents& from, const Extents& to) {
  Extents order(from.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  const Extents strides = strides_of(from);
  do {
    if (permuted(from, order) == to && equal_along(a, b, to, permuted(strides, order))) return order;
  } while (std::next_permutation(order.begin(), order.end()));
  return {};
}

Extents without_ones(const Extents& shape) {
  Extents kept;
  std::copy_if(shape.begin(), shape.end(), std::back_inserter(kept), [](std::size_t e) { return e != 1; });
  return kept;
}

std::string list_of(const Extents& order) {
  std::string text;
  for (const std::size_t axis : order) text += (text.empty() ? "" : ", ") + std::to_string(axis);
  return text;
}

}  // namespace

std::string same_values_otherwise(const TensorView& a, const TensorView& b) {
  if (a.length_elems != b.length_elems || a.length_elems < 2 || a.length_elems > kMaxElems ||
      std::max(a.shape.size(), b.shape.size()) > kMaxAxes)
    return "";
  const Extents from = without_ones(a.shape), to = without_ones(b.shape);
  if (from == to && a.shape != b.shape && equal_along(a, b, to, strides_of(to)))
    return "the same values, axes of extent 1 apart: A is " + shape_text(a.shape) + ", B is " +
           shape_text(b.shape);
  const bool squeeze = a.shape.size() != b.shape.size();
  const Extents order = squeeze ? order_that_fits(a, b, from, to) : order_that_fits(a, b, a.shape, b.shape);
  if (order.empty()) return "";
  return std::string("the same values in another axis order: B = A") + (squeeze ? ".squeeze()" : "") +
         ".transpose(" + list_of(order) + ")";
}

}  // namespace quasim::analysis
