#include "analysis/verdicts.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>

#include "analysis/layer_report.hpp"
#include "analysis/text.hpp"

namespace quasim::analysis {
namespace {

using Json = nlohmann::ordered_json;

std::string decibels(double value) {
  if (std::isinf(value)) return "unlimited";
  char text[32];
  std::snprintf(text, sizeof text, "%.1f dB", value);
  return text;
}

std::string percent(std::uint64_t part, std::uint64_t whole) {
  if (part == 0 || whole == 0) return "0 %";
  char text[32];
  std::snprintf(text, sizeof text, "%.2g %%", 100.0 * static_cast<double>(part) / static_cast<double>(whole));
  return text;
}

/// "a, b and c"
std::string list_of(const std::vector<std::string>& words) {
  std::string text;
  for (std::size_t i = 0; i < words.size(); ++i)
    text += (i == 0 ? "" : i + 1 == words.size() ? " and " : ", ") + words[i];
  return text;
}

bool has_holes(const Distribution& distribution) {
  return distribution.summary.nan + distribution.summary.infinite > 0;
}

std::string clip_advice(const std::vector<std::string>& names) {
  return names.empty() ? "no stage needs clipping"
                       : "clip " + list_of(names) + ", whose maximum lies far beyond nearly all values";
}

std::string widths_text(const SweepPoint& point) {
  return std::to_string(point.conv_bits) + " bits (s_c by " + point.conv_rule + ", s_y by " +
         point.output_rule + ")";
}

// --- the report ----------------------------------------------------------------------------------------

std::string count_of(std::size_t count, std::size_t whole) {
  return count == whole ? (whole == 1 ? "the layer" : "all " + std::to_string(whole) + " layers")
                        : std::to_string(count) + " of " + std::to_string(whole) + " layers";
}

/// The layers whose document under `key` is there, and those for which it says that all is well.
struct Evidence {
  std::vector<std::string> missing, failed;
  std::size_t good = 0;
  std::uint64_t figure = 0;  ///< the sum of a figure over the good ones
};

Evidence evidence_of(const Json& layers, const char* key, const char* verdict_key, const char* figure_key) {
  Evidence evidence;
  for (const Json& layer : layers) {
    const Json& document = layer.at(key);
    if (document.is_null()) {
      evidence.missing.push_back(layer.at("name").get<std::string>());
    } else if (document.value(verdict_key, false)) {
      ++evidence.good;
      evidence.figure += document.value(figure_key, std::uint64_t{0});
    } else {
      evidence.failed.push_back(layer.at("name").get<std::string>());
    }
  }
  return evidence;
}

void add_evidence(std::vector<std::string>& sentences, const Evidence& evidence, std::size_t layers,
                  const std::string& good, const std::string& failed, const std::string& missing) {
  if (!evidence.failed.empty()) sentences.push_back(failed + list_of(evidence.failed) + ".");
  if (evidence.good > 0) sentences.push_back(good);
  if (evidence.missing.size() == layers)
    sentences.push_back(missing + ".");
  else if (!evidence.missing.empty())
    sentences.push_back(missing + " for " + list_of(evidence.missing) + ".");
}

/// Layers in which two tensors differ that must be equal.
bool add_differences(std::vector<std::string>& sentences, const Json& layers) {
  bool found = false;
  for (const Json& layer : layers)
    for (const Json& map : layer.at("maps")) {
      const auto differing = map.at("differing").get<std::uint64_t>();
      if (!map.value(kMustBeEqual, false) || differing == 0) continue;
      found = true;
      sentences.push_back(map.at("a").get<std::string>() + " and " + map.at("b").get<std::string>() +
                          " differ in " + group_digits(differing) + " of " +
                          group_digits(map.at("compared").get<std::uint64_t>()) + " outputs of " +
                          layer.at("name").get<std::string>() + ".");
    }
  return found;
}

/// The worst and best SQNR of the int8 outputs of the layers' own dataflows.
void add_quality(std::vector<std::string>& sentences, const Json& layers) {
  double worst = INFINITY, best = -INFINITY;
  std::string worst_layer;
  for (const Json& layer : layers)
    for (const Json& row : layer.at("modes").at("modes")) {
      if (row.at("mode") != "baseline" || row.at("dataflow") != layer.at("parameters").at("dataflow"))
        continue;
      const Json& found = row.at("ssm_against_fp32").at("sqnr_db");  // null: nothing differs
      const double sqnr = found.is_number() ? found.get<double>() : INFINITY;
      if (sqnr < worst) worst_layer = layer.at("name").get<std::string>();
      worst = std::min(worst, sqnr);
      best = std::max(best, sqnr);
    }
  if (worst > best) return;
  const std::string range = worst == best ? decibels(worst) : decibels(worst) + " to " + decibels(best);
  sentences.push_back("Rounding to int8 leaves a signal-to-noise ratio of " + range + " against fp32" +
                      (worst == best ? "." : ", lowest in " + worst_layer + "."));
}

void add_clipping(std::vector<std::string>& sentences, const Json& layers) {
  std::vector<std::string> names;
  for (const Json& layer : layers)
    if (std::any_of(layer.at("stages").begin(), layer.at("stages").end(),
                    [](const Json& stage) { return stage.contains("clip") && !stage["clip"].is_null(); }))
      names.push_back(layer.at("name").get<std::string>());
  if (!names.empty()) sentences.push_back("Clipping the largest values may help in " + list_of(names) + ".");
}

}  // namespace

std::string verdict(const LayerOutliers& layer) {
  std::vector<std::string> clip, holes;
  for (const StageOutliers& stage : layer.stages) {
    if (stage.distribution.clip) clip.push_back(stage.distribution.tensor.name);
    if (has_holes(stage.distribution)) holes.push_back(stage.distribution.tensor.name);
  }
  std::string text = holes.empty() ? "" : "NaN or infinity in " + list_of(holes) + "; ";
  text += clip_advice(clip) + "; the clamps change ";
  if (layer.conv_clamp)
    text += percent(layer.conv_clamp->below + layer.conv_clamp->above, layer.elements) + " of q and ";
  return text + percent(layer.output_clamp.below + layer.output_clamp.above, layer.elements) +
         " of the outputs";
}

std::string verdict(const Distribution& distribution) {
  std::vector<std::string> clip;
  if (distribution.clip) clip.push_back("it at " + number_text(distribution.clip->clip));
  return (has_holes(distribution) ? "NaN or infinity in it; " : std::string()) +
         (clip.empty() ? "no clipping needed"
                       : "clip " + list_of(clip) + ": its maximum lies far beyond nearly all values");
}

std::string verdict(const SweepResult& swept) {
  const auto applicable = [](std::vector<SweepPoint> points) {
    points.erase(std::remove_if(points.begin(), points.end(),
                                [](const SweepPoint& point) { return !point.refused.empty(); }),
                 points.end());
    return points;
  };
  SweepResult result;
  result.points = applicable(swept.points);
  result.fused = applicable(swept.fused);
  if (result.points.empty())
    return swept.points.empty() ? "nothing was swept" : "no row of the sweep can be applied";
  const auto better = [](const SweepPoint& a, const SweepPoint& b) { return a.sqnr_db < b.sqnr_db; };
  const SweepPoint& best = *std::max_element(result.points.begin(), result.points.end(), better);
  const SweepPoint* chosen = &best;
  for (const SweepPoint& point : result.points) {
    const bool as_good = point.sqnr_db >= best.sqnr_db - kAsGoodAsTheBestDb;
    if (as_good && (point.conv_bits < chosen->conv_bits ||
                    (point.conv_bits == chosen->conv_bits && point.sqnr_db > chosen->sqnr_db)))
      chosen = &point;
  }
  std::string text = widths_text(*chosen) + " reach " + decibels(chosen->sqnr_db);
  text += chosen == &best ? ", the best of all points"
                          : ", as good as the best, " + widths_text(best) + " with " + decibels(best.sqnr_db);
  const auto today = std::find_if(result.points.begin(), result.points.end(), [](const SweepPoint& point) {
    return point.conv_rule == "layer" && point.output_rule == "layer";
  });
  if (today != result.points.end() && &*today != chosen)
    text += "; " + widths_text(*today) + " reach " + decibels(today->sqnr_db);
  if (!result.fused.empty())
    text += "; without the intermediate (fused) " +
            decibels(std::max_element(result.fused.begin(), result.fused.end(), better)->sqnr_db);
  return text;
}

nlohmann::ordered_json report_summary(const nlohmann::ordered_json& layers) {
  std::vector<std::string> sentences;
  const bool differs = add_differences(sentences, layers);
  const std::size_t count = layers.size();
  const Evidence certified = evidence_of(layers, "certificate", "passed", "points");
  add_evidence(sentences, certified, count,
               "Proven for " + count_of(certified.good, count) +
                   ": the integer unit equals its reference on every input that the weights allow (" +
                   group_digits(certified.figure) + " points).",
               "The certificate did not pass: the unit differs from its reference, or a difference has no "
               "explanation, in ",
               "No certificate was given");
  const Evidence streamed = evidence_of(layers, "cosim", "agrees", "compared");
  add_evidence(sentences, streamed, count,
               "Co-simulated for " + count_of(streamed.good, count) +
                   ": RTL, SystemC model and golden agree in all " + group_digits(streamed.figure) +
                   " comparisons.",
               "RTL, SystemC model and golden do not agree in ", "No co-simulation was given");
  add_quality(sentences, layers);
  add_clipping(sentences, layers);
  const bool bad = differs || !certified.failed.empty() || !streamed.failed.empty();
  const bool open = !certified.missing.empty() || !streamed.missing.empty();
  const std::string what = std::to_string(count) + (count == 1 ? " layer: " : " layers: ");
  sentences.insert(sentences.begin(),
                   what + (bad    ? "something differs."
                           : open ? "nothing that was looked at differs, but not everything was "
                                    "looked at."
                                  : "every one is proven and co-simulated, and nothing differs."));
  return {{"status", bad ? "bad" : open ? "open" : "good"}, {"sentences", sentences}};
}

}  // namespace quasim::analysis
