// What the figures come to, in sentences for people who do not read figures.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "analysis/outliers.hpp"
#include "analysis/sweep.hpp"

namespace quasim::analysis {

/// One sentence about a layer: what is not finite, what to clip, how much the clamps change.
std::string verdict(const LayerOutliers& layer);
/// The same about one tensor.
std::string verdict(const Distribution& distribution);

/// Widths within this of the best SQNR are as good as the best.
inline constexpr double kAsGoodAsTheBestDb = 0.5;
/// One sentence about a sweep: the narrowest width within kAsGoodAsTheBestDb of the best point, and what the
/// layer has today.
std::string verdict(const SweepResult& swept);

/// The summary of a report over its "layers": {"status": "good", "open" or "bad", "sentences": [...]}. Good:
/// every layer has a certificate that passed and a co-simulation that agrees. Open: nothing failed, something
/// was not given.
nlohmann::ordered_json report_summary(const nlohmann::ordered_json& layers);

}  // namespace quasim::analysis
