#include "analysis/outliers.hpp"

#include <algorithm>

namespace quasim::analysis {
namespace {

double share(std::uint64_t part, std::uint64_t whole) {
  return whole == 0 ? 0.0 : static_cast<double>(part) / static_cast<double>(whole);
}

SiluEffect silu_effect(const Distribution& conv, const Distribution& silu, const Distribution& out) {
  SiluEffect effect;
  effect.conv_min = conv.summary.min;
  effect.conv_max = conv.summary.max;
  effect.silu_min = silu.summary.min;
  effect.silu_max = silu.summary.max;
  const double conv_range = effect.conv_max - effect.conv_min;
  effect.range_kept = conv_range > 0 ? (effect.silu_max - effect.silu_min) / conv_range : 0.0;
  effect.std_ratio = conv.summary.std() > 0 ? silu.summary.std() / conv.summary.std() : 0.0;
  effect.negative_share = share(conv.negative, conv.summary.finite);
  effect.rounds_to_zero_share = share(out.zero, out.summary.finite);
  return effect;
}

}  // namespace

LayerOutliers analyse_layer(const Bundle& bundle, const StageSet& stages) {
  const LayerParams& layer = bundle.layer;
  LayerOutliers result;
  result.layer = layer.name;
  result.variant = stages.variant().to_string();
  result.elements = stages.elements();
  for (const StageTensor& stage : stages.stages())
    if (stage.tensor.name != "conv1d_int8simulated")  // conv1d_q times a constant
      result.stages.push_back({analyse(stage.tensor), stage.origin});
  const auto of = [&](const char* name) -> const Distribution& {
    return std::find_if(result.stages.begin(), result.stages.end(),
                        [&](const StageOutliers& s) { return s.distribution.tensor.name == name; })
        ->distribution;
  };
  result.silu = silu_effect(of("conv1d_raw"), of("silu_raw"), of("conv1d_output_int8"));
  const Rounding rounding = stages.variant().rounding;
  if (stages.variant().dataflow == Dataflow::kTwoStep)
    result.conv_clamp = saturation(stages.floats("conv1d_raw"), result.elements, layer.effective_conv_scale(),
                                   layer.conv_bits, rounding);
  result.output_clamp =
      saturation(stages.floats("silu_raw"), result.elements, layer.output_scale, spec::kSampleBits, rounding);
  return result;
}

nlohmann::ordered_json to_json(const LayerOutliers& layer) {
  nlohmann::ordered_json json{
      {"layer", layer.layer}, {"variant", layer.variant}, {"stages", nlohmann::ordered_json::array()}};
  for (const StageOutliers& stage : layer.stages) {
    json["stages"].push_back(to_json(stage.distribution));
    json["stages"].back()["origin"] = stage.origin;
  }
  json["silu_effect"] = {{"conv_min", layer.silu.conv_min},
                         {"conv_max", layer.silu.conv_max},
                         {"silu_min", layer.silu.silu_min},
                         {"silu_max", layer.silu.silu_max},
                         {"range_kept", layer.silu.range_kept},
                         {"std_ratio", layer.silu.std_ratio},
                         {"negative_share", layer.silu.negative_share},
                         {"rounds_to_zero_share", layer.silu.rounds_to_zero_share}};
  if (layer.conv_clamp) json["saturation"]["conv_clamp"] = to_json(*layer.conv_clamp, layer.elements);
  json["saturation"]["output_clamp"] = to_json(layer.output_clamp, layer.elements);
  return json;
}

}  // namespace quasim::analysis
