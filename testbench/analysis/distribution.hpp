// How the values of one tensor are spread: moments, exact percentiles, outliers, shares, extremes by place
// and channel.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <vector>

#include "analysis/summary.hpp"
#include "analysis/tensor_source.hpp"

namespace quasim::analysis {

inline constexpr std::size_t kExtremesListed = 20;
/// Percentiles of the magnitude that are reported.
inline const std::vector<double> kPercents{50, 75, 90, 95, 99, 99.5, 99.9, 99.95, 99.99};
/// Clipping is suggested where the maximum exceeds the 99.95th percentile by more than this factor.
inline constexpr double kClipPercent = 99.95;
inline constexpr double kClipRatio = 2.0;

struct Extreme {
  std::size_t index = 0;
  double value = 0;
};

/// Elements whose magnitude is in (from, to] of the largest magnitude; the first range includes 0.
struct RangeShare {
  double from = 0;
  double to = 0;
  std::uint64_t count = 0;
};

struct ClipSuggestion {
  double ratio = 0;  ///< largest magnitude / its 99.95th percentile
  double clip = 0;
  double scale = 0;         ///< clip / 127
  bool of_present = false;  ///< the tensor is integer: `scale` multiplies the scale it has
};

struct Distribution {
  TensorView tensor;  ///< name, dtype and shape outlive the data
  Summary summary;
  double median = 0, lower_quartile = 0, upper_quartile = 0;
  std::vector<double> magnitude_percentiles;  ///< at kPercents
  std::uint64_t mild = 0;     ///< beyond 1.5 interquartile ranges from the quartiles, not beyond 3
  std::uint64_t extreme = 0;  ///< beyond 3
  std::uint64_t positive = 0, negative = 0, zero = 0;
  std::vector<RangeShare> ranges;
  std::vector<Extreme> largest;  ///< by magnitude, equal ones by index
  std::vector<double>
      channel_maxima;  ///< largest magnitude of each channel; empty for tensors without channels
  std::optional<ClipSuggestion> clip;

  double absolute_max() const;
};

/// Five passes over the data, bounded memory. Axis 1 of a [B, C, L] tensor and axis 0 of a [C, K] tensor are
/// channels. Throws InputError for an empty tensor, one without finite values, or a dtype without exact
/// percentiles.
Distribution analyse(const TensorView& view);

nlohmann::ordered_json to_json(const Distribution& distribution);

}  // namespace quasim::analysis
