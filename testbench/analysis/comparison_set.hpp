// Two sources side by side: every tensor present in both compared, the others listed.
#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "analysis/tensor_comparison.hpp"

namespace quasim::analysis {

struct ComparisonSet {
  std::vector<TensorComparison> pairs;
  std::vector<std::string> only_in_a;
  std::vector<std::string> only_in_b;

  std::size_t identical() const;
  std::size_t identical_bits() const;
  /// Pairs of elements looked at over all tensors.
  std::uint64_t compared() const;
  bool all_identical() const { return identical() == pairs.size(); }
};

/// Pairs tensors by name; two sources of one tensor each are paired whatever their names. Throws
/// InputError when no tensor is present in both.
ComparisonSet compare(const TensorSource& a, const TensorSource& b, std::optional<double> lsb);

nlohmann::ordered_json to_json(const ComparisonSet& set);

}  // namespace quasim::analysis
