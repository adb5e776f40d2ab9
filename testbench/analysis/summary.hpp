// Count, minimum, maximum, mean and standard deviation of a tensor in one pass; NaN and infinities counted
// apart.
#pragma once

#include <cstddef>
#include <cstdint>
#include <nlohmann/json.hpp>

#include "analysis/tensor_source.hpp"

namespace quasim::analysis {

struct Summary {
  std::uint64_t finite = 0;  ///< elements that min ... std speak of
  std::uint64_t nan = 0;
  std::uint64_t infinite = 0;
  double min = 0;
  double max = 0;
  double mean = 0;
  double squares = 0;  ///< sum of squared distances from the mean

  /// Population standard deviation (numpy's default).
  double std() const;
  /// `count` elements of one value.
  static Summary of_constant(double value, std::uint64_t count);
  /// Joins the summary of other elements.
  void merge(const Summary& other);
};

/// Summary of a decoded block; `count` at most kBlockElems.
Summary summarise(const double* values, std::size_t count);
/// Streams a whole tensor.
Summary summarise(const TensorView& view);

/// min, max, mean, std, and nan / infinite where there are any; null figures where nothing is finite.
nlohmann::ordered_json to_json(const Summary& summary);

}  // namespace quasim::analysis
