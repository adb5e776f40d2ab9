#include "analysis/sweep.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>

#include "analysis/order_statistics.hpp"
#include "analysis/summary.hpp"
#include "reference/targets.hpp"
#include "spec/error.hpp"

namespace quasim::analysis {
namespace {

double silu(double value) {
  return value / (1 + std::exp(-value));
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

  void finish(SweepPoint& point, std::size_t elements) const {
    const auto total = static_cast<double>(elements);
    point.rms_error = std::sqrt(std::max(0.0, noise) / total);
    point.max_error = max_error;
    point.sqnr_db = noise > 0 ? 10 * std::log10(signal / noise) : std::numeric_limits<double>::infinity();
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

class Sweeper {
 public:
  Sweeper(const Bundle& bundle, const Variant& variant)
      : layer_(bundle.layer),
        rounding_(variant.rounding),
        stages_(bundle, variant),
        raw_(stages_.stage("conv1d_raw").tensor) {
    const float* raw = stages_.floats("conv1d_raw");
    reference_.reserve(raw_.length_elems);
    for (std::size_t i = 0; i < raw_.length_elems; ++i)
      reference_.push_back(static_cast<float>(silu(raw[i])));
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
        const std::vector<CodeSums> codes = collect(bits, conv_scale);
        for (std::size_t o = 0; o < output_scales.size(); ++o) {
          SweepPoint point{bits, rule.text, plan.output_scales[o].text, conv_scale, output_scales[o]};
          evaluate(codes, point);
          result.points.push_back(point);
        }
      }
    for (std::size_t o = 0; o < output_scales.size(); ++o) {
      SweepPoint point{0, "none", plan.output_scales[o].text, 0, output_scales[o]};
      evaluate_fused(point);
      result.fused.push_back(point);
    }
    mark_pareto(result.points);
    stages_.require_unchanged();
    return result;
  }

 private:
  std::vector<CodeSums> collect(int bits, double conv_scale) {
    const auto low = static_cast<double>(spec::min_of_bits(bits)),
               high = static_cast<double>(spec::max_of_bits(bits));
    std::vector<CodeSums> codes(std::size_t{1} << bits);
    const float* raw = stages_.floats("conv1d_raw");
    conv_saturated_ = 0;
    for (std::size_t i = 0; i < reference_.size(); ++i) {
      const double rounded = round_by(raw[i] / conv_scale, rounding_);
      const double code = std::clamp(rounded, low, high);
      conv_saturated_ += code == rounded ? 0U : 1U;
      codes[static_cast<std::size_t>(code - low)].add(reference_[i]);
    }
    return codes;
  }

  void evaluate(const std::vector<CodeSums>& codes, SweepPoint& point) const {
    ErrorSums sums;
    const std::int64_t low = spec::min_of_bits(point.conv_bits);
    for (std::size_t i = 0; i < codes.size(); ++i) {
      const CodeSums& code = codes[i];
      if (code.count == 0) continue;
      const double u = static_cast<double>(low + static_cast<std::int64_t>(i)) * point.conv_scale;
      bool saturated = false;
      const double value =
          output_code(silu(u), point.output_scale, rounding_, saturated) * point.output_scale;
      const auto count = static_cast<double>(code.count);
      const double mean = code.sum / count, spread = std::max(0.0, code.squares - code.sum * mean);
      sums.noise += spread + count * (value - mean) * (value - mean);
      sums.signal += code.squares;
      sums.max_error = std::max({sums.max_error, value - code.low, code.high - value});
      sums.saturated += saturated ? code.count : 0;
    }
    sums.finish(point, reference_.size());
    point.conv_saturated = static_cast<double>(conv_saturated_) / static_cast<double>(reference_.size());
  }

  void evaluate_fused(SweepPoint& point) const {
    ErrorSums sums;
    for (float expected : reference_) {
      bool saturated = false;
      const double value =
          output_code(expected, point.output_scale, rounding_, saturated) * point.output_scale;
      const double error = value - expected;
      sums.noise += error * error;
      sums.signal += static_cast<double>(expected) * expected;
      sums.max_error = std::max(sums.max_error, std::fabs(error));
      sums.saturated += saturated ? 1U : 0U;
    }
    sums.finish(point, reference_.size());
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
  std::vector<float> reference_;
  TensorView reference_view_;
  std::uint64_t conv_saturated_ = 0;
};

double positive_number(const std::string& text, const std::string& whole) {
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || !(value > 0) || !std::isfinite(value))
    throw InputError(
        "scale rule: expected layer, max, a percentile such as p99.95, or a positive number; got '" + whole +
        "'");
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

ScaleRule ScaleRule::parse(const std::string& text) {
  if (text == "layer") return {Kind::kLayer, 0, text};
  if (text == "max") return {Kind::kMaximum, 0, text};
  if (!text.empty() && text[0] == 'p') {
    const double percent = positive_number(text.substr(1), text);
    if (percent > 100) throw InputError("scale rule: expected a percentile up to 100; got '" + text + "'");
    return {Kind::kPercentile, percent, text};
  }
  return {Kind::kNumber, positive_number(text, text), text};
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

nlohmann::ordered_json to_json(const SweepResult& result) {
  nlohmann::ordered_json json{{"layer", result.layer}, {"elements", result.elements}};
  const auto list = [](const std::vector<SweepPoint>& points) {
    nlohmann::ordered_json rows = nlohmann::ordered_json::array();
    for (const SweepPoint& point : points)
      rows.push_back({{"conv_bits", point.conv_bits},
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
    return rows;
  };
  json["points"] = list(result.points);
  json["fused"] = list(result.fused);
  return json;
}

}  // namespace quasim::analysis
