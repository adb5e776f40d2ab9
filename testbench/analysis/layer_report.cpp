#include "analysis/layer_report.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>

#include "analysis/difference_map.hpp"
#include "analysis/documents.hpp"
#include "analysis/modes.hpp"
#include "analysis/outliers.hpp"
#include "analysis/step_comparison.hpp"
#include "analysis/sweep.hpp"
#include "compile/nearest.hpp"
#include "io/files.hpp"
#include "io/made_from.hpp"
#include "reference/targets.hpp"
#include "stages/conv_acc.hpp"
#include "stages/evaluate.hpp"

namespace quasim::analysis {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

constexpr std::size_t kFloatBins = 160;
constexpr std::size_t kChannelPoints = 2048;
constexpr char kOutput[] = "conv1d_output_int8";

/// Cuts every number to six significant digits: what a figure can show.
void shorten_numbers(Json& json) {
  if (json.is_number_float()) {
    char text[32];
    std::snprintf(text, sizeof text, "%.6g", json.get<double>());
    json = std::strtod(text, nullptr);
  }
  if (json.is_structured())
    for (Json& item : json) shorten_numbers(item);
}

template <class T>
Json code_histogram(const TensorView& tensor, int bits) {
  const auto low = static_cast<std::int64_t>(spec::min_of_bits(bits));
  std::vector<std::uint64_t> counts(std::size_t{1} << bits);
  const T* values = reinterpret_cast<const T*>(tensor.data);
  for (std::size_t i = 0; i < tensor.length_elems; ++i) {
    const std::int64_t code = spec::clamp_bits(values[i], bits);
    ++counts[static_cast<std::size_t>(code - low)];
  }
  return {{"first", low}, {"width", 1}, {"counts", counts}};
}

Json float_histogram(const TensorView& tensor, double low, double high) {
  std::vector<std::uint64_t> counts(kFloatBins);
  const double width = high > low ? (high - low) / kFloatBins : 1.0;
  const auto* values = reinterpret_cast<const float*>(tensor.data);
  for (std::size_t i = 0; i < tensor.length_elems; ++i) {
    const double place = (static_cast<double>(values[i]) - low) / width;
    if (std::isfinite(place))
      ++counts[static_cast<std::size_t>(std::clamp(place, 0.0, static_cast<double>(kFloatBins - 1)))];
  }
  return {{"first", low}, {"width", width}, {"counts", counts}};
}

Json histogram(const StageTensor& stage, const Summary& summary, int conv_bits) {
  switch (stage.tensor.dtype) {
    case DType::kInt8:
      return code_histogram<std::int8_t>(stage.tensor, spec::kSampleBits);
    case DType::kInt16:
      return code_histogram<std::int16_t>(stage.tensor, conv_bits);
    default:
      return float_histogram(stage.tensor, summary.min, summary.max);
  }
}

/// Largest magnitude of each group of channels, at most kChannelPoints groups.
Json channel_points(const std::vector<double>& maxima) {
  const std::size_t group = (maxima.size() + kChannelPoints - 1) / kChannelPoints;
  std::vector<double> points;
  for (std::size_t i = 0; i < maxima.size(); i += group)
    points.push_back(
        *std::max_element(maxima.begin() + static_cast<std::ptrdiff_t>(i),
                          maxima.begin() + static_cast<std::ptrdiff_t>(std::min(maxima.size(), i + group))));
  return {{"channels_per_point", group}, {"values", points}};
}

Json stages_json(const StageSet& stages, const LayerOutliers& outliers, int conv_bits) {
  Json list = Json::array();
  for (const StageOutliers& analysed : outliers.stages) {
    const Distribution& distribution = analysed.distribution;
    Json json = to_json(distribution);
    json["origin"] = analysed.origin;
    json["channel_maxima"] = channel_points(distribution.channel_maxima);
    json["histogram"] = histogram(stages.stage(distribution.tensor.name), distribution.summary, conv_bits);
    list.push_back(std::move(json));
  }
  return list;
}

TensorBCL<std::int8_t> output_of(const StageSet& stages, const TensorBCL<std::int8_t>& like) {
  const std::int8_t* data = stages.bytes(kOutput);
  return {like.shape(), std::vector<std::int8_t>(data, data + like.size())};
}

/// The integer datapath over a whole tensor, stage function by stage function.
TensorBCL<std::int8_t> run_program(const LayerProgram& program, const TensorBCL<std::int8_t>& input) {
  TensorBCL<std::int8_t> out(input.shape());
  const auto taps = static_cast<std::size_t>(program.taps);
  for (std::size_t b = 0; b < input.extent<'B'>(); ++b)
    for (std::size_t c = 0; c < input.extent<'C'>(); ++c) {
      std::int8_t weight[spec::kTapsMax][1] = {}, history[stages::kHistoryTaps][1] = {};
      for (std::size_t k = 0; k < taps; ++k) weight[spec::kTapsMax - taps + k][0] = program.weight.at(c, k);
      for (std::size_t t = 0; t < input.extent<'L'>(); ++t) {
        const std::int8_t x[1] = {input.at(b, c, t)};
        std::int32_t acc[1];
        stages::conv_acc(weight, history, x, acc);
        stages::shift_history(history, x);
        out.at(b, c, t) = stages::evaluate(program, c, acc[0]).out;
      }
    }
  return out;
}

std::optional<fs::path> model_output(const Bundle& bundle, const fs::path& model) {
  if (model.empty()) return std::nullopt;
  const fs::path name = fs::weakly_canonical(bundle.directory).filename();
  for (const fs::path& directory : {model / name, model})
    if (is_present(directory / (std::string(kOutput) + ".npy")))
      return directory / (std::string(kOutput) + ".npy");
  throw InputError(model, "model", std::string(kOutput) + ".npy in it or in " + name.string() + "/");
}

Json maps_json(const Bundle& bundle, const StageSet& stages, const ReportInputs& inputs) {
  const LayerParams& layer = bundle.layer;
  const auto& input = bundle.require_input();
  const auto twin = [&](Dataflow dataflow) {
    return evaluate_golden(bundle, default_variant(layer, dataflow), GoldenDevice::kCpu).output;
  };
  const TensorBCL<std::int8_t> golden = output_of(stages, input), own = twin(layer.dataflow);
  const Dataflow other = layer.dataflow == Dataflow::kTwoStep ? Dataflow::kFused : Dataflow::kTwoStep;
  const auto committed =
      committed_file(bundle, stages.variant(), std::string(kOutput) + ".npy", Inputs::kLayerAndInput);
  const std::string golden_name(to_string(committed ? committed->maker : GoldenMaker::kCpuTwin));
  Json maps = Json::array();
  const auto add_equal = [&maps](Json map) {
    map[kMustBeEqual] = true;
    maps.push_back(std::move(map));
  };
  if (const auto file = model_output(bundle, inputs.model)) {
    const auto model = read_layer_tensor<std::int8_t>(bundle, *file);
    add_equal(difference_map("SystemC model", model, golden_name, golden));
  }
  if (committed)
    add_equal(difference_map(golden_name, golden,
                             committed->maker == GoldenMaker::kGpu ? "CPU twin" : "CPU twin now", own));
  maps.push_back(difference_map(std::string(to_string(other)), twin(other),
                                std::string(to_string(layer.dataflow)), golden));
  if (layer.dataflow == Dataflow::kTwoStep)
    maps.push_back(difference_map("program from the scales alone",
                                  run_program(compile::nearest_program(bundle), input), golden_name, golden));
  return maps;
}

/// Throws InputError where the part of a document, about this variant, speaks of another state of the layer
/// than there is now.
void require_current(const Bundle& bundle, const fs::path& file, const Json& part, const Variant& made_for,
                     Inputs inputs) {
  const auto entry = [&](const char* key) { return part.contains(key) ? part.at(key) : Json(nullptr); };
  const Json hashes = entry("hashes");
  require_made_from(bundle.directory, as_variant(bundle.layer, made_for), file,
                    {entry("layer_parameters"), hashes}, inputs);
  if (!hashes.contains(kStepsFile)) return;
  const fs::path steps = golden_file(bundle, made_for, kStepsFile);
  if (!is_present(steps) || hashes.at(kStepsFile) != sha256_of_file(steps))
    throw InputError(file.string() + ": stale: it was made with another sweep than " + steps.string() +
                     " is now; make it again");
}

/// Of the entries that speak of the layer in its dataflow and rounding, the first that says that something is
/// wrong; else the first. The file beside the layer's goldens comes last. Layers may share a name: an entry
/// of another state of the layer is an error where its file has none of this one. null: there is no entry.
Json document_for(const Bundle& bundle, std::vector<fs::path> files, const char* name_in_golden,
                  std::vector<Json> (*about)(const std::string&, const fs::path&), const char* verdict_key,
                  Inputs inputs) {
  const fs::path beside = bundle.directory / "golden" / name_in_golden;
  if (is_present(beside)) files.push_back(beside);
  const Variant own = default_variant(bundle.layer);
  Json chosen = nullptr;
  for (const fs::path& file : files) {
    std::optional<InputError> stale;
    std::string other;
    bool is_current = false;
    for (Json& part : about(bundle.layer.name, file)) {
      const std::string variant = part.value("variant", own.to_string());
      const Variant made_for = Variant::parse(variant);
      if (made_for.dataflow != own.dataflow || made_for.rounding != own.rounding) {
        other = variant;
        continue;
      }
      try {
        require_current(bundle, file, part, made_for, inputs);
      } catch (const InputError& error) {
        if (!stale) stale = error;
        continue;
      }
      is_current = true;
      if (chosen.is_null() || (chosen.value(verdict_key, false) && !part.value(verdict_key, false)))
        chosen = std::move(part);
    }
    if (!is_current && !stale && !other.empty() && file != beside)
      throw InputError(file, "variant",
                       "an entry about " + bundle.layer.name + " in its dataflow and rounding, as in " +
                           own.to_string() + "; it speaks of " + other);
    if (stale && !is_current) throw InputError(*stale);
  }
  return chosen;
}

Json parameters_json(const Bundle& bundle) {
  const LayerParams& layer = bundle.layer;
  Json json{{"channels", layer.channels},
            {"taps", layer.taps},
            {"input_scale", layer.input_scale},
            {"weight_scale", layer.weight_scale}};
  if (layer.bias_scale) json["bias_scale"] = *layer.bias_scale;
  json["conv_scale"] = layer.effective_conv_scale();
  json["output_scale"] = layer.output_scale;
  json["conv_bits"] = layer.conv_bits;
  json["dataflow"] = to_string(layer.dataflow);
  json["rounding"] = to_string(layer.effective_rounding());
  json["source"] = Json::parse(layer.source.dump());
  return json;
}

Json provenance_json(const Bundle& bundle) {
  Json json{{"files", Json::object()}, {"goldens", Json::array()}};
  for (const char* name :
       {"layer.json", "conv1d_weight.npy", "conv1d_bias.npy", "channel_group.npy", "conv1d_input.npy"})
    if (is_present(bundle.directory / name)) json["files"][name] = sha256_of_file(bundle.directory / name);
  std::vector<fs::path> files;
  for (const fs::path& golden : entries_of(bundle.directory / "golden"))
    if (is_present(golden / "provenance.json")) files.push_back(golden / "provenance.json");
  std::sort(files.begin(), files.end());
  for (const fs::path& file : files) json["goldens"].push_back(read_provenance(file));
  return json;
}

SweepPlan default_plan() {
  SweepPlan plan{{8, 9, 10, 11, 12}, {}, {}};
  for (const char* rule : {"layer", "max", "p99.99", "p99.95"})
    plan.conv_scales.push_back(ScaleRule::parse("conv scale", rule));
  for (const char* rule : {"layer", "max", "p99.99"})
    plan.output_scales.push_back(ScaleRule::parse("output scale", rule));
  return plan;
}

/// Throws InputError where a document has no entry about any of the layers.
void require_about(const std::vector<std::string>& layers, const std::vector<fs::path>& files,
                   std::vector<Json> (*about)(const std::string&, const fs::path&)) {
  for (const fs::path& file : files)
    if (std::all_of(layers.begin(), layers.end(),
                    [&](const std::string& layer) { return about(layer, file).empty(); }))
      throw InputError(file, "layers", "one of the report's layers; it speaks of others");
}

}  // namespace

void require_used(const ReportInputs& inputs, const std::vector<std::string>& layers) {
  require_about(layers, inputs.certificates, certificates_about);
  require_about(layers, inputs.cosims, cosims_about);
}

Json report_layer(const Bundle& bundle, const ReportInputs& inputs) {
  // What can be refused is read first.
  Json certificate = document_for(bundle, inputs.certificates, "certificate.json", certificates_about,
                                  "passed", Inputs::kLayer);
  Json cosim =
      document_for(bundle, inputs.cosims, "cosim.json", cosims_about, "agrees", Inputs::kLayerAndInput);
  Json provenance = provenance_json(bundle);
  const StageSet stages(bundle);
  const LayerOutliers outliers = analyse_layer(bundle, stages);
  Json outliers_json = to_json(outliers);
  Json json{{"name", bundle.layer.name},
            {"variant", stages.variant().to_string()},
            {"shape", bundle.require_input().shape()},
            {"parameters", parameters_json(bundle)},
            {"stages", stages_json(stages, outliers, bundle.layer.conv_bits)},
            {"silu_effect", outliers_json["silu_effect"]},
            {"saturation", outliers_json["saturation"]},
            {"maps", maps_json(bundle, stages, inputs)},
            {"modes", to_json(compare_modes(bundle))},
            {"sweep", to_json(sweep(bundle, default_plan()))}};
  json["steps"] = compare_steps(bundle);
  json["certificate"] = std::move(certificate);
  json["cosim"] = std::move(cosim);
  json["provenance"] = std::move(provenance);
  stages.require_unchanged();
  shorten_numbers(json);
  return json;
}

}  // namespace quasim::analysis
