// Outlier analysis of a whole layer: each stage's distribution, what SiLU does to the range, and what each
// clamp cuts off.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "analysis/distribution.hpp"
#include "analysis/stages.hpp"

namespace quasim::analysis {

struct StageOutliers {
  Distribution distribution;
  std::string origin;
};

/// conv1d_raw against silu_raw.
struct SiluEffect {
  double conv_min = 0, conv_max = 0, silu_min = 0, silu_max = 0;
  double range_kept = 0;            ///< (silu_max - silu_min) / (conv_max - conv_min)
  double std_ratio = 0;             ///< std(silu_raw) / std(conv1d_raw)
  double negative_share = 0;        ///< of conv1d_raw: what SiLU presses into [-0.2785, 0]
  double rounds_to_zero_share = 0;  ///< of outputs
};

struct LayerOutliers {
  std::string layer;
  std::string variant;
  std::vector<StageOutliers> stages;
  SiluEffect silu;
  std::optional<Clamped> conv_clamp;  ///< two_step only
  Clamped output_clamp;
  std::size_t elements = 0;
};

LayerOutliers analyse_layer(const Bundle& bundle, const StageSet& stages);

nlohmann::ordered_json to_json(const LayerOutliers& layer);

}  // namespace quasim::analysis
