// quasim outliers PATH...: distribution and outliers of every stage of a layer bundle, or of tensor files.
#include "analysis/outliers.hpp"

#include <memory>

#include "analysis/text.hpp"
#include "analysis/verdicts.hpp"
#include "cli/bundle_loop.hpp"
#include "cli/cli.hpp"
#include "cli/usage.hpp"
#include "io/files.hpp"

namespace quasim::cli {
namespace {

using analysis::Distribution;
using analysis::LayerOutliers;
using analysis::number_text;
using analysis::percent_text;
using Rows = std::vector<std::vector<std::string>>;

constexpr std::size_t kChannelsShown = 8;

struct OutliersOptions {
  std::vector<std::filesystem::path> paths;
  OutputOption output;
  bool json = false;
};

std::string percent(double share) {
  return number_text(100 * share) + " %";
}

std::string percent_label(double value) {
  return "p" + number_text(value);
}

std::string largest_text(const Distribution& d) {
  std::string text = "  largest at";
  for (const analysis::Extreme& item : d.largest)
    text += " " + shape_text(analysis::index_of(item.index, d.tensor.shape)) + "=" + number_text(item.value);
  return text + "\n";
}

std::string channels_text(const Distribution& d) {
  if (d.channel_maxima.empty()) return "";
  std::vector<std::size_t> order(d.channel_maxima.size());
  for (std::size_t i = 0; i < order.size(); ++i) order[i] = i;
  const std::size_t shown = std::min(kChannelsShown, order.size());
  std::partial_sort(
      order.begin(), order.begin() + static_cast<std::ptrdiff_t>(shown), order.end(),
      [&](std::size_t a, std::size_t b) {
        return d.channel_maxima[a] != d.channel_maxima[b] ? d.channel_maxima[a] > d.channel_maxima[b] : a < b;
      });
  std::string text = "  channels with the largest maxima:";
  for (std::size_t i = 0; i < shown; ++i)
    text += " " + std::to_string(order[i]) + "=" + number_text(d.channel_maxima[order[i]]);
  return text + "\n";
}

std::string distribution_text(const Distribution& d, const std::string& origin) {
  const std::uint64_t elements = d.summary.finite;
  std::string text = printable(d.tensor.name) + "  " + std::string(to_string(d.tensor.dtype)) + " " +
                     shape_text(d.tensor.shape) + (origin.empty() ? "" : "  from " + origin) + "\n";
  if (d.summary.nan + d.summary.infinite > 0)
    text += "  FINDING: " + group_digits(d.summary.nan) + " NaN and " + group_digits(d.summary.infinite) +
            " infinite values are left out of every figure\n";
  text += "  min " + number_text(d.summary.min) + ", max " + number_text(d.summary.max) + ", mean " +
          number_text(d.summary.mean) + ", std " + number_text(d.summary.std()) + ", median " +
          number_text(d.median) + "\n  magnitude";
  for (std::size_t i = 0; i < analysis::kPercents.size(); ++i)
    text += (i == 0 ? " " : ", ") + percent_label(analysis::kPercents[i]) + " " +
            number_text(d.magnitude_percentiles[i]);
  text += "\n  outliers: mild " + group_digits(d.mild) + " (" + percent_text(d.mild, elements) +
          "), extreme " + group_digits(d.extreme) + " (" + percent_text(d.extreme, elements) +
          "); positive " + percent_text(d.positive, elements) + ", negative " +
          percent_text(d.negative, elements) + ", zero " + percent_text(d.zero, elements) +
          "\n  magnitude as share of the maximum:";
  for (const analysis::RangeShare& range : d.ranges)
    text += " to " + percent(range.to) + ": " + percent_text(range.count, elements) + ";";
  text.back() = '\n';
  text += largest_text(d) + channels_text(d);
  if (d.clip)
    text += "  CLIPPING: maximum / p99.95 = " + number_text(d.clip->ratio) + "; clip at " +
            number_text(d.clip->clip) + ", scale " + number_text(d.clip->scale) +
            (d.clip->of_present ? " of the present one\n" : "\n");
  return text;
}

std::string saturation_text(const char* clamp, const analysis::Clamped& s, std::size_t elements) {
  return std::string("  ") + clamp + ": " + group_digits(s.below) + " below, " + group_digits(s.above) +
         " above (" + percent_text(s.below + s.above, elements) + ")\n";
}

std::string layer_text(const std::string& label, const LayerOutliers& layer) {
  std::string text = label + ": " + layer.variant + "\n";
  for (const analysis::StageOutliers& stage : layer.stages)
    text += distribution_text(stage.distribution, stage.origin);
  const analysis::SiluEffect& silu = layer.silu;
  text += "SiLU: conv1d_raw [" + number_text(silu.conv_min) + ", " + number_text(silu.conv_max) +
          "] becomes silu_raw [" + number_text(silu.silu_min) + ", " + number_text(silu.silu_max) +
          "]; range kept " + percent(silu.range_kept) + ", std ratio " + number_text(silu.std_ratio) + ", " +
          percent(silu.negative_share) + " of conv1d_raw negative, " + percent(silu.rounds_to_zero_share) +
          " of outputs 0\n";
  text += "values changed by a clamp\n";
  if (layer.conv_clamp) text += saturation_text("conv clamp", *layer.conv_clamp, layer.elements);
  return text + saturation_text("output clamp", layer.output_clamp, layer.elements) + "verdict: " + label +
         ": " + verdict(layer) + "\n";
}

int analyse_paths(const OutliersOptions& options) {
  nlohmann::ordered_json layers = nlohmann::ordered_json::array(), tensors = nlohmann::ordered_json::array();
  std::string text;
  InputSet inputs;
  for (const auto& path : options.paths) {
    inputs.add_bundle(path);
    inputs.add_tensors(path);
  }
  const auto output = analysis::report_file(options.output, inputs);
  BundleLoop loop("outliers", options.paths);
  loop.run([&](const std::filesystem::path& path) {
    if (is_present(path / "layer.json")) {
      for (const Bundle& bundle : read_grouped_bundle(path).split()) {
        const analysis::StageSet stages(bundle);
        const LayerOutliers layer = analysis::analyse_layer(bundle, stages);
        stages.require_unchanged();
        layers.push_back(bundle_entry(path, bundle));
        layers.back().update(to_json(layer));
        layers.back()["verdict"] = verdict(layer);
        text += layer_text(bundle_label(path, layer.layer), layer) + "\n";
      }
      return;
    }
    const analysis::TensorSource source(path);
    if (source.tensors().empty())
      throw InputError(path, "directory", "a layer bundle or .npy and .npz files");
    for (const analysis::TensorView& tensor : source.tensors()) {
      const Distribution distribution = analysis::analyse(tensor);
      tensors.push_back({{"file", path.string()}});
      tensors.back().update(to_json(distribution));
      tensors.back()["verdict"] = verdict(distribution);
      text += distribution_text(distribution, "") + "verdict: " + printable(tensor.name) + ": " +
              verdict(distribution) + "\n\n";
    }
    source.require_unchanged();
  });
  return loop.finish(kAgree, [&] {
    nlohmann::ordered_json json = document("quasim.outliers/1", "outliers");
    json.update({{"layers", layers}, {"tensors", tensors}, {"failed", loop.failures()}});
    analysis::emit(
        options.json, output, [&] { return json; }, [&] { return text; });
  });
}

}  // namespace

Action add_outliers(CLI::App& app) {
  auto options = std::make_shared<OutliersOptions>();
  CLI::App* verb = app.add_subcommand(
      "outliers", "distribution, exact percentiles, outliers and saturation of every stage");
  verb->add_option("PATH", options->paths, "layer bundles, .npy or .npz files, or directories of them")
      ->required();
  add_output_option(*verb, options->output, "also write the report here; .json or text by its extension");
  verb->add_flag("--json", options->json, "print JSON");
  add_examples(*verb,
               {"quasim outliers layer00", "quasim outliers activations.npy weights.npz -o outliers.txt",
                "quasim outliers layer00 layer01 --json"});
  return [options] { return analyse_paths(*options); };
}

}  // namespace quasim::cli
