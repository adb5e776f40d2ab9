#include "analysis/sweep.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>

#include "analysis/order_statistics.hpp"
#include "analysis/summary.hpp"
#include "analysis/text.hpp"
#include "compile/compiler.hpp"
#include "io/files.hpp"
#include "io/npy.hpp"
#include "reference/committed.hpp"
#include "reference/targets.hpp"
#include "spec/error.hpp"

namespace quasim::analysis {
namespace {

double activate(double value, Activation activation) {
  return activation == Activation::kIdentity ? value : value / (1 + std::exp(-value));
}

double round_by(double value, Rounding rounding) {
  return rounding == Rounding::kHalfEven ? std::nearbyint(value) : std::round(value);
}

double percentile_of_magnitude(const TensorView& view, double percent) {
  return percentiles(view, OrderBy::kMagnitude, view.length_elems, {percent}).front();
}

double maximum_of_magnitude(const TensorView& view) {
  return percentile_of_magnitude(view, 100);
}

/// The magnitude that the largest code should stand for.
double range_of(const ScaleRule& rule, const TensorView& values) {
  return rule.kind == ScaleRule::Kind::kMaximum ? maximum_of_magnitude(values)
                                                : percentile_of_magnitude(values, rule.number);
}

double conv_scale_of(const ScaleRule& rule, const LayerParams& layer, int bits, const TensorView& raw) {
  const auto codes = static_cast<double>(spec::max_of_bits(bits));
  switch (rule.kind) {
    case ScaleRule::Kind::kLayer:
      return layer.effective_conv_scale() * static_cast<double>(spec::max_of_bits(layer.conv_bits)) / codes;
    case ScaleRule::Kind::kNumber:
      return rule.number;
    default:
      return range_of(rule, raw) / codes;
  }
}

double output_scale_of(const ScaleRule& rule, const LayerParams& layer, const TensorView& silu_values) {
  switch (rule.kind) {
    case ScaleRule::Kind::kLayer:
      return layer.output_scale;
    case ScaleRule::Kind::kNumber:
      return rule.number;
    default:
      return range_of(rule, silu_values) / static_cast<double>(spec::max_of_bits(spec::kSampleBits));
  }
}

void require_scale(double scale, const ScaleRule& rule) {
  if (!(scale > 0))
    throw InputError("scale rule " + rule.text + ": expected a positive scale; the data are all zero");
  if (!std::isnormal(static_cast<float>(scale)))
    throw InputError("scale rule " + rule.text + ": expected a finite, positive, normal fp32 number");
}

/// What the unrounded outputs of one intermediate code add up to.
struct CodeSums {
  std::uint64_t count = 0;
  double sum = 0, squares = 0;
  double low = std::numeric_limits<double>::infinity(), high = -std::numeric_limits<double>::infinity();

  void add(double value) {
    ++count;
    sum += value;
    squares += value * value;
    low = std::min(low, value);
    high = std::max(high, value);
  }
};

/// Error of a set of outputs against their references.
struct ErrorSums {
  double noise = 0, signal = 0, max_error = 0;
  std::uint64_t saturated = 0;

  double sqnr_db() const {
    return noise > 0 ? 10 * std::log10(signal / noise) : std::numeric_limits<double>::infinity();
  }
  /// `count` outputs of `value`, whose references are those of `code`.
  void add(const CodeSums& code, double value) {
    const auto count = static_cast<double>(code.count);
    const double mean = code.sum / count, spread = std::max(0.0, code.squares - code.sum * mean);
    noise += spread + count * (value - mean) * (value - mean);
    signal += code.squares;
    max_error = std::max({max_error, value - code.low, code.high - value});
  }
  void finish(SweepPoint& point, std::size_t elements) const {
    const auto total = static_cast<double>(elements);
    point.rms_error = std::sqrt(std::max(0.0, noise) / total);
    point.max_error = max_error;
    point.sqnr_db = sqnr_db();
    point.output_saturated = static_cast<double>(saturated) / total;
  }
};

/// round and clamp of the output; true in `saturated` where the clamp changed the value.
double output_code(double value, double scale, Rounding rounding, bool& saturated) {
  const auto low = static_cast<double>(spec::min_of_bits(spec::kSampleBits));
  const auto high = static_cast<double>(spec::max_of_bits(spec::kSampleBits));
  const double rounded = round_by(value / scale, rounding);
  saturated = rounded < low || rounded > high;
  return std::clamp(rounded, low, high);
}

/// Of the bundle's own channels of a file of floats.
void require_finite(const Bundle& bundle, const std::filesystem::path& file, const TensorView& view,
                    std::size_t channel_axis) {
  const auto* values = reinterpret_cast<const float*>(view.data);
  const float* end = values + view.length_elems;
  const float* found = std::find_if_not(values, end, [](float value) { return std::isfinite(value); });
  if (found == end) return;
  std::vector<std::size_t> place = index_of(static_cast<std::size_t>(found - values), view.shape);
  if (bundle.part) place[channel_axis] = bundle.part->channels[place[channel_axis]];
  throw InputError(file, shape_text(place),
                   "finite numbers; got " + (std::isnan(*found) ? "nan" : number_text(*found)));
}

/// A tensor of the bundle's float/, [C, ...] or [B, C, L]; the bundle's own channels of it. Empty where it is
/// not there.
std::vector<float> read_float_tensor(const Bundle& bundle, const std::string& name, const std::string& axes,
                                     const std::vector<std::size_t>& own_shape) {
  const std::filesystem::path file = bundle.directory / "float" / (name + ".npy");
  if (!is_present(file)) return {};
  const std::size_t channel_axis = axes.find('C');
  std::vector<std::size_t> shape = own_shape;
  if (bundle.part) shape[channel_axis] = bundle.part->layer_channels;
  const NpyFile npy(file);
  require_dtype(npy.header(), DType::kFloat32, file);
  require_shape(file, axes, shape, npy.header().shape);
  const auto* data = reinterpret_cast<const float*>(npy.data());
  std::size_t inner = 1;
  for (std::size_t axis = channel_axis + 1; axis < shape.size(); ++axis) inner *= shape[axis];
  const std::size_t outer = channel_axis == 0 ? 1 : shape[0];
  std::vector<float> taken;
  if (!bundle.part) {
    taken.assign(data, data + npy.header().length_elems);
  } else {
    for (std::size_t b = 0; b < outer; ++b)
      for (const std::size_t channel : bundle.part->channels) {
        const float* row = data + (b * shape[channel_axis] + channel) * inner;
        taken.insert(taken.end(), row, row + inner);
      }
  }
  npy.require_unchanged();
  require_finite(bundle, file, view_of(name, own_shape, taken.data()), channel_axis);
  return taken;
}

/// The same in floats where the bundle has no float/ of it.
std::vector<float> dequantised(const std::int8_t* values, std::size_t count, float scale) {
  std::vector<float> floats(count);
  for (std::size_t i = 0; i < count; ++i) floats[i] = static_cast<float>(values[i]) * scale;
  return floats;
}

/// What the float layer puts out, [B, C, L]; empty where the bundle has no float weights. Throws InputError
/// where it leaves the range of fp32.
std::vector<float> float_reference(const Bundle& bundle) {
  const auto& input = bundle.require_input();
  const std::size_t sequences = input.extent<'B'>(), channels = input.extent<'C'>(),
                    length = input.extent<'L'>(), taps = bundle.weight.extent<'K'>();
  const std::vector<float> weight = read_float_tensor(bundle, "conv1d_weight", "CK", {channels, taps});
  if (weight.empty()) return {};
  std::vector<float> bias = read_float_tensor(bundle, "conv1d_bias", "C", {channels});
  std::vector<float> x = read_float_tensor(bundle, "conv1d_input", "BCL", {sequences, channels, length});
  if (bias.empty() && !bundle.bias.empty())
    bias = dequantised(bundle.bias.data(), channels, bundle.layer.bias_scale.value_or(0.0F));
  bias.resize(channels);
  if (x.empty()) x = dequantised(input.data(), input.size(), bundle.layer.input_scale);
  std::vector<float> out(input.size());
  for (std::size_t row = 0; row < sequences * channels; ++row) {
    const float* w = weight.data() + row % channels * taps;
    for (std::size_t t = 0; t < length; ++t) {
      double y = bias[row % channels];
      for (std::size_t k = taps - std::min(taps, t + 1); k < taps; ++k)
        y += double{w[k]} * x[row * length + t + k + 1 - taps];
      const double value = activate(y, bundle.layer.activation);
      if (!(std::fabs(value) <= std::numeric_limits<float>::max())) {
        const std::size_t own = row % channels, channel = bundle.part ? bundle.part->channels[own] : own;
        throw InputError(bundle.directory / "float", "channel " + std::to_string(channel),
                         "a layer that stays in the range of fp32");
      }
      out[row * length + t] = static_cast<float>(value);
    }
  }
  return out;
}

/// The layer with the width and scales of a point.
LayerParams layer_of(LayerParams layer, const SweepPoint& point) {
  const Rounding swept = default_variant(layer, Dataflow::kTwoStep).rounding;
  layer.dataflow = point.conv_bits == 0 ? Dataflow::kFused : Dataflow::kTwoStep;
  layer.rounding.reset();
  if (swept != default_rounding(layer.dataflow)) layer.rounding = swept;
  layer.conv_bits = point.conv_bits == 0 ? spec::kConvBitsDefault : point.conv_bits;
  layer.conv_scale.reset();
  if (point.conv_bits != 0) layer.conv_scale = static_cast<float>(point.conv_scale);
  layer.output_scale = static_cast<float>(point.output_scale);
  return layer;
}

/// What compile or golden would say of it; nothing where they take it.
std::string refusal_of(const LayerParams& layer) {
  try {
    compile::require_compilable(layer);
    (void)make_twin_source(layer, default_variant(layer));
  } catch (const InputError& error) {
    return error.what();
  }
  return {};
}

class Sweeper {
 public:
  Sweeper(const Bundle& bundle, const Variant& variant)
      : layer_(bundle.layer),
        rounding_(variant.rounding),
        stages_(bundle, variant),
        raw_(stages_.stage("conv1d_raw").tensor),
        float_reference_(float_reference(bundle)) {
    // The CPU twin's own are finite.
    require_finite(bundle, golden_file(bundle, variant, "conv1d_raw.npy"), raw_, 1);
    const float* raw = stages_.floats("conv1d_raw");
    reference_.reserve(raw_.length_elems);
    for (std::size_t i = 0; i < raw_.length_elems; ++i)
      reference_.push_back(static_cast<float>(activate(raw[i], layer_.activation)));
    reference_view_ = view_of("silu", raw_.shape, reference_.data());
  }

  SweepResult run(const SweepPlan& plan) {
    SweepResult result;
    result.layer = layer_.name;
    result.elements = reference_.size();
    std::vector<double> output_scales;
    for (const ScaleRule& rule : plan.output_scales) {
      output_scales.push_back(output_scale_of(rule, layer_, reference_view_));
      require_scale(output_scales.back(), rule);
    }
    for (int bits : plan.conv_bits)
      for (const ScaleRule& rule : plan.conv_scales) {
        const double conv_scale = conv_scale_of(rule, layer_, bits, raw_);
        require_scale(conv_scale, rule);
        const Codes codes = collect(bits, conv_scale);
        for (std::size_t o = 0; o < output_scales.size(); ++o) {
          SweepPoint point;
          point.conv_bits = bits;
          point.conv_rule = rule.text;
          point.output_rule = plan.output_scales[o].text;
          point.conv_scale = conv_scale;
          point.output_scale = output_scales[o];
          evaluate(codes, point);
          result.points.push_back(point);
        }
      }
    for (std::size_t o = 0; o < output_scales.size(); ++o) {
      SweepPoint point;
      point.conv_rule = "none";
      point.output_rule = plan.output_scales[o].text;
      point.output_scale = output_scales[o];
      evaluate_fused(point);
      result.fused.push_back(point);
    }
    int row = 0;
    for (auto* points : {&result.points, &result.fused})
      for (SweepPoint& point : *points) {
        point.row = ++row;
        point.refused = refusal_of(layer_of(layer_, point));
      }
    mark_pareto(result.points);
    stages_.require_unchanged();
    return result;
  }

 private:
  /// What the references of the elements of each intermediate code add up to.
  struct Codes {
    std::vector<CodeSums> exact;   ///< activation(y)
    std::vector<CodeSums> floats;  ///< of the float layer; empty where there is none
  };

  Codes collect(int bits, double conv_scale) {
    const auto low = static_cast<double>(spec::min_of_bits(bits)),
               high = static_cast<double>(spec::max_of_bits(bits));
    Codes codes;
    codes.exact.resize(std::size_t{1} << bits);
    if (!float_reference_.empty()) codes.floats.resize(codes.exact.size());
    const float* raw = stages_.floats("conv1d_raw");
    conv_saturated_ = 0;
    for (std::size_t i = 0; i < reference_.size(); ++i) {
      const double rounded = round_by(raw[i] / conv_scale, rounding_);
      // Also where another process writes a NaN into the file meanwhile, which require_unchanged() finds.
      const double code = rounded > low ? std::min(rounded, high) : low;
      conv_saturated_ += code == rounded ? 0U : 1U;
      const auto index = static_cast<std::size_t>(code - low);
      codes.exact[index].add(reference_[i]);
      if (!codes.floats.empty()) codes.floats[index].add(float_reference_[i]);
    }
    return codes;
  }

  void evaluate(const Codes& codes, SweepPoint& point) const {
    ErrorSums sums, float_sums;
    const std::int64_t low = spec::min_of_bits(point.conv_bits);
    for (std::size_t i = 0; i < codes.exact.size(); ++i) {
      const CodeSums& code = codes.exact[i];
      if (code.count == 0) continue;
      const double u = static_cast<double>(low + static_cast<std::int64_t>(i)) * point.conv_scale;
      bool saturated = false;
      const double value =
          output_code(activate(u, layer_.activation), point.output_scale, rounding_, saturated) *
          point.output_scale;
      sums.add(code, value);
      if (!codes.floats.empty()) float_sums.add(codes.floats[i], value);
      sums.saturated += saturated ? code.count : 0;
    }
    sums.finish(point, reference_.size());
    if (!codes.floats.empty()) point.float_sqnr_db = float_sums.sqnr_db();
    point.conv_saturated = static_cast<double>(conv_saturated_) / static_cast<double>(reference_.size());
  }

  void evaluate_fused(SweepPoint& point) const {
    ErrorSums sums, float_sums;
    for (std::size_t i = 0; i < reference_.size(); ++i) {
      bool saturated = false;
      const double value =
          output_code(reference_[i], point.output_scale, rounding_, saturated) * point.output_scale;
      add_one(sums, reference_[i], value);
      if (!float_reference_.empty()) add_one(float_sums, float_reference_[i], value);
      sums.saturated += saturated ? 1U : 0U;
    }
    sums.finish(point, reference_.size());
    if (!float_reference_.empty()) point.float_sqnr_db = float_sums.sqnr_db();
  }

  static void add_one(ErrorSums& sums, double expected, double value) {
    const double error = value - expected;
    sums.noise += error * error;
    sums.signal += expected * expected;
    sums.max_error = std::max(sums.max_error, std::fabs(error));
  }

  static void mark_pareto(std::vector<SweepPoint>& points) {
    for (SweepPoint& point : points)
      point.pareto = std::none_of(points.begin(), points.end(), [&](const SweepPoint& other) {
        return other.conv_bits <= point.conv_bits && other.rms_error <= point.rms_error &&
               (other.conv_bits < point.conv_bits || other.rms_error < point.rms_error);
      });
  }

  const LayerParams& layer_;
  Rounding rounding_;
  StageSet stages_;
  const TensorView& raw_;
  std::vector<float> reference_;        ///< activation(y), with the layer's int8 weights and input
  std::vector<float> float_reference_;  ///< of the float layer; empty where there is none
  TensorView reference_view_;
  std::uint64_t conv_saturated_ = 0;
};

double positive_number(const std::string& option, const std::string& text, const std::string& whole) {
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || !(value > 0) || !std::isfinite(value))
    throw InputError(option +
                     ": expected layer, max, a percentile such as p99.95, or a positive number; got '" +
                     whole + "'");
  return value;
}

int conv_bits_value(const std::string& text, const std::string& whole) {
  int value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || value < spec::kConvBitsMin ||
      value > spec::kConvBitsMax)
    throw InputError("conv-bits: expected widths from " + std::to_string(spec::kConvBitsMin) + " to " +
                     std::to_string(spec::kConvBitsMax) + " as 8..12 or 8,10,12; got '" + whole + "'");
  return value;
}

}  // namespace

ScaleRule ScaleRule::parse(const std::string& option, const std::string& text) {
  if (text == "layer") return {Kind::kLayer, 0, text};
  if (text == "max") return {Kind::kMaximum, 0, text};
  if (!text.empty() && text[0] == 'p') {
    const double percent = positive_number(option, text.substr(1), text);
    if (percent > 100) throw InputError(option + ": expected a percentile up to 100; got '" + text + "'");
    return {Kind::kPercentile, percent, text};
  }
  return {Kind::kNumber, positive_number(option, text, text), text};
}

std::vector<int> parse_conv_bits(const std::string& text) {
  std::vector<int> widths;
  const std::size_t dots = text.find("..");
  if (dots != std::string::npos) {
    const int first = conv_bits_value(text.substr(0, dots), text),
              last = conv_bits_value(text.substr(dots + 2), text);
    if (last < first) throw InputError("conv-bits: expected a rising range; got '" + text + "'");
    for (int width = first; width <= last; ++width) widths.push_back(width);
    return widths;
  }
  for (std::size_t begin = 0; begin <= text.size();) {
    const std::size_t end = std::min(text.find(',', begin), text.size());
    widths.push_back(conv_bits_value(text.substr(begin, end - begin), text));
    begin = end + 1;
  }
  return widths;
}

SweepResult sweep(const Bundle& bundle, const SweepPlan& plan) {
  return Sweeper(bundle, default_variant(bundle.layer, Dataflow::kTwoStep)).run(plan);
}

const SweepPoint& SweepResult::row(int number) const {
  for (const auto* list : {&points, &fused})
    for (const SweepPoint& point : *list)
      if (point.row == number) return point;
  throw InputError("--apply: expected a row from 1 to " + std::to_string(points.size() + fused.size()) +
                   "; got " + std::to_string(number));
}

Recommendation recommend(const SweepResult& result) {
  const auto own = std::find_if(result.fused.begin(), result.fused.end(),
                                [](const SweepPoint& point) { return point.output_rule == "layer"; });
  const SweepPoint& fused = own == result.fused.end() ? result.fused.front() : *own;
  Recommendation found;
  found.fused_db = fused.sqnr_db;
  bool any = false;
  for (const SweepPoint& point : result.points) {
    if (point.output_rule != fused.output_rule) continue;
    if (!any || point.sqnr_db > found.best.sqnr_db) found.best = point;
    any = true;
    if (!point.refused.empty() || !(point.sqnr_db >= fused.sqnr_db - kNegligibleDb)) continue;
    if (!found.point || point.conv_bits < found.point->conv_bits ||
        (point.conv_bits == found.point->conv_bits && point.sqnr_db > found.point->sqnr_db))
      found.point = point;
  }
  return found;
}

std::string recommendation_text(const SweepResult& result) {
  const Recommendation found = recommend(result);
  const SweepPoint& point = found.point ? *found.point : found.best;
  const std::string row = std::to_string(point.conv_bits) + " bits at " +
                          (point.conv_rule == "layer" ? "layer's scale" : "scale " + point.conv_rule) +
                          " (s_c " + number_text(point.conv_scale) + ", row " + std::to_string(point.row) +
                          ")";
  const std::string figures = number_text(point.sqnr_db) + " against " + number_text(found.fused_db) + " dB";
  if (found.point)
    return row + " is within " + number_text(kNegligibleDb) + " dB of no rounding there: " + figures;
  return "no row is within " + number_text(kNegligibleDb) + " dB of no rounding; " + row +
         " comes nearest: " + figures;
}

GroupedBundle apply_row(GroupedBundle bundle, const std::vector<SweepResult>& groups, int row) {
  for (std::size_t g = 0; g < bundle.groups(); ++g) {
    const SweepPoint& point = groups[g].row(row);
    LayerParams& layer = bundle.layer.groups[g];
    if (!point.refused.empty())
      throw InputError("--apply: row " + std::to_string(row) + " of " + layer.name + ": " + point.refused);
    layer = layer_of(std::move(layer), point);
    if (!layer.source.is_object() && !layer.source.is_null()) layer.source = {{"source", layer.source}};
    layer.source["sweep"] = {
        {"row", row}, {"conv_rule", point.conv_rule}, {"output_rule", point.output_rule}};
  }
  return bundle;
}

nlohmann::ordered_json to_json(const SweepResult& result) {
  nlohmann::ordered_json json{{"layer", result.layer}, {"elements", result.elements}};
  const auto list = [](const std::vector<SweepPoint>& points) {
    nlohmann::ordered_json rows = nlohmann::ordered_json::array();
    for (const SweepPoint& point : points) {
      rows.push_back({{"row", point.row},
                      {"conv_bits", point.conv_bits},
                      {"conv_rule", point.conv_rule},
                      {"conv_scale", point.conv_scale},
                      {"output_rule", point.output_rule},
                      {"output_scale", point.output_scale},
                      {"rms_error", point.rms_error},
                      {"max_error", point.max_error},
                      {"sqnr_db", point.sqnr_db},
                      {"conv_saturated", point.conv_saturated},
                      {"output_saturated", point.output_saturated},
                      {"pareto", point.pareto}});
      if (point.float_sqnr_db) rows.back()["float_sqnr_db"] = *point.float_sqnr_db;
      if (!point.refused.empty()) rows.back()["refused"] = point.refused;
    }
    return rows;
  };
  json["points"] = list(result.points);
  json["fused"] = list(result.fused);
  return json;
}

}  // namespace quasim::analysis
