// Two tensors side by side, in one streaming pass.
#pragma once

#include <array>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "analysis/histogram.hpp"
#include "analysis/summary.hpp"
#include "analysis/tensor_source.hpp"

namespace quasim::analysis {

/// Values closer than this everywhere count as identical in practice (the habit of the PyTorch flow).
inline constexpr double kCloseEnough = 1e-6;
inline constexpr std::size_t kLargestListed = 10;

enum class Verdict {
  kIdenticalBits,    ///< same dtype, same bytes
  kIdenticalValues,  ///< same values; dtypes, zero signs or NaN payloads differ
  kIdenticalClose,   ///< every difference is below 1e-6
  kDifferent,
  kShapesDiffer,  ///< nothing was compared
  kEmpty          ///< nothing was compared: no elements
};

/// "IDENTICAL (bitwise)" and so on.
std::string to_string(Verdict verdict);
bool is_identical(Verdict verdict);

struct LargeDifference {
  std::size_t index = 0;
  double a = 0;
  double b = 0;
  double magnitude = 0;  ///< |a - b|
};

/// What came out of comparing two tensors.
struct TensorComparison {
  std::string name;
  TensorView a;  ///< name, dtype and shape outlive the data
  TensorView b;
  Verdict verdict = Verdict::kEmpty;
  std::string hint;  ///< same_values_otherwise() where the tensors are different
  Summary summary_a;
  Summary summary_b;
  std::uint64_t compared = 0;   ///< pairs of elements looked at
  std::uint64_t matches = 0;    ///< pairs with equal values; NaN equals NaN
  std::uint64_t unordered = 0;  ///< pairs where NaN or infinity meets another value; in no figure below
  double max_absolute = 0;
  double mean_absolute = 0;
  double max_relative = 0;  ///< of |a - b| / max(|a|, |b|), 0 where both are 0
  double mean_relative = 0;
  std::string step;                      ///< what a tick of the histogram is, e.g. "integer step"
  TickHistogram histogram;               ///< of a - b in ticks
  std::vector<LargeDifference> largest;  ///< largest first; equal ones by index
};

/// `lsb`: the tick for the histogram; without it 1 where either side is an integer tensor,
/// else one ulp.
TensorComparison compare(const TensorView& a, const TensorView& b, std::optional<double> lsb = std::nullopt);

nlohmann::ordered_json to_json(const TensorComparison& difference);

}  // namespace quasim::analysis
