#include "reference/golden_params.hpp"

namespace quasim {

qg_params golden_params(const LayerParams& layer, const Variant& variant,
                        const std::array<std::size_t, 3>& shape) {
  qg_params params{};
  params.batch = static_cast<std::int64_t>(shape[0]);
  params.channels = static_cast<std::int64_t>(shape[1]);
  params.length = static_cast<std::int64_t>(shape[2]);
  params.taps = layer.taps;
  params.conv_bits = layer.conv_bits;
  params.input_scale = layer.input_scale;
  params.weight_scale = layer.weight_scale;
  params.bias_scale = layer.bias_scale.value_or(1.0F);  // not used where the bias is absent
  params.conv_scale = layer.effective_conv_scale();
  params.output_scale = layer.output_scale;
  params.dataflow = variant.dataflow == Dataflow::kTwoStep ? QG_TWO_STEP : QG_FUSED;
  params.order = variant.order == Order::kSeqLast       ? QG_SEQLAST
                 : variant.order == Order::kChannelLast ? QG_CHANNELLAST
                                                        : QG_UPDATE;
  params.math = variant.math == MathMode::kPrecise ? QG_PRECISE : QG_FAST;
  params.rounding = variant.rounding == Rounding::kHalfEven ? QG_HALF_EVEN : QG_HALF_AWAY;
  params.layout = QG_BCL;
  params.output_mode = QG_BASELINE;
  params.activation = layer.activation == Activation::kSilu ? QG_SILU : QG_IDENTITY;
  return params;
}

}  // namespace quasim
