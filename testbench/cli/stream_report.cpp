#include "cli/stream_report.hpp"

#include <algorithm>
#include <cstdio>
#include <map>

#include "cli/bundle_loop.hpp"
#include "cli/cli.hpp"
#include "stages/fused.hpp"

namespace quasim::cli {
namespace {

std::string fixed(double value, int digits) {
  char text[64];
  std::snprintf(text, sizeof text, "%.*f", digits, value);
  return text;
}

double elements_per_second(const LayerResult& layer) {
  return layer.result.seconds > 0 ? static_cast<double>(layer.elements) / layer.result.seconds : 0.0;
}

/// Elements a cycle and lane, over the cycles in which the stream was inside; 1.00 is the most a unit can do.
double elements_per_cycle_per_lane(const LayerResult& layer) {
  const std::uint64_t streaming = layer.result.cycles > layer.result.latency_cycles
                                      ? layer.result.cycles - layer.result.latency_cycles
                                      : layer.result.cycles;
  if (streaming == 0) return 0.0;
  return static_cast<double>(layer.elements) /
         (static_cast<double>(streaming) * static_cast<double>(layer.lanes));
}

std::string cell(const cosim::ElementCounts& comparison) {
  if (comparison.compared == 0) return "-";
  return group_digits(comparison.mismatches);
}

std::string describe(const cosim::DifferingElement& d) {
  const auto list = [](const auto& values) {
    std::string text;
    for (const auto value : values) text += (text.empty() ? "" : " ") + std::to_string(value);
    return text;
  };
  const auto stages = [&d](const cosim::RegisterValues& v) {
    const auto [u, rank] = stages::fused_parts(v.q);
    const std::string index = d.fused ? "u " + std::to_string(u) + ", guessed rank " + std::to_string(rank)
                                      : "q " + std::to_string(v.q);
    return "acc " + std::to_string(v.acc) + ", M*acc+B " + std::to_string(v.p) + ", " + index + ", out " +
           std::to_string(v.out);
  };
  std::string text = "  " + d.what + ": sequence " + std::to_string(d.element.sequence) + ", time " +
                     std::to_string(d.element.time) + ", channel " + std::to_string(d.element.channel) +
                     ", lane " + std::to_string(d.lane) +
                     (d.cycle > 0 ? ", cycle " + std::to_string(d.cycle) : "") + ": " +
                     std::to_string(d.left) + " against " + std::to_string(d.right) + "\n      x [" +
                     list(d.window) + "], w [" + list(d.weight) + "], B " + std::to_string(d.bias_word) +
                     "\n      SystemC: " + stages(d.model) + "\n";
  if (d.rtl) text += "      RTL:     " + stages(*d.rtl) + "\n";
  return text;
}

nlohmann::ordered_json comparison_json(const cosim::ElementCounts& comparison) {
  return {{"compared", comparison.compared},
          {"mismatches", comparison.mismatches},
          {"largest", comparison.largest}};
}

nlohmann::ordered_json stages_json(const cosim::RegisterValues& v, std::int64_t bias_word, bool fused) {
  nlohmann::ordered_json json{{"acc", v.acc}, {"product", v.p - bias_word}, {"p", v.p}};
  const auto [u, rank] = stages::fused_parts(v.q);
  if (fused)
    json.update({{"u", u}, {"guessed_rank", rank}});
  else
    json["q"] = v.q;
  json["out"] = v.out;
  return json;
}

nlohmann::ordered_json difference_json(const cosim::DifferingElement& d) {
  nlohmann::ordered_json json{{"what", d.what},
                              {"sequence", d.element.sequence},
                              {"time", d.element.time},
                              {"channel", d.element.channel},
                              {"lane", d.lane},
                              {"cycle", d.cycle},
                              {"left", d.left},
                              {"right", d.right},
                              {"x", d.window},
                              {"w", d.weight},
                              {"bias_word", d.bias_word},
                              {"systemc", stages_json(d.model, d.bias_word, d.fused)}};
  if (d.rtl) json["rtl"] = stages_json(*d.rtl, d.bias_word, d.fused);
  return json;
}

/// Over all layers.
cosim::Bins all_bins(const std::vector<LayerResult>& layers) {
  cosim::Bins bins;
  for (const LayerResult& layer : layers)
    for (const auto& [name, count] : layer.result.bins) bins[name] += count;
  return bins;
}

/// A row for each group of bins, with the first that are missing.
std::string coverage_text(const cosim::Bins& bins) {
  constexpr std::size_t kNamed = 6;
  struct Group {
    std::uint64_t bins = 0, met = 0;
    std::string missing;
  };
  std::map<std::string, Group> groups;
  for (const auto& [name, count] : bins) {
    Group& group = groups[name.substr(0, name.find('.'))];
    ++group.bins;
    group.met += count > 0 ? 1 : 0;
    if (count == 0 && group.bins - group.met <= kNamed)
      group.missing += (group.missing.empty() ? "" : " ") + name;
  }
  std::vector<std::vector<std::string>> rows{{"coverage", "bins", "met", "missing, the first"}};
  for (const auto& [name, group] : groups)
    rows.push_back({name, std::to_string(group.bins), std::to_string(group.met),
                    group.missing.empty() ? "-" : group.missing});
  return format_table(rows);
}

}  // namespace

std::string stream_text(const std::vector<LayerResult>& layers, bool with_rtl) {
  std::vector<std::vector<std::string>> rows;
  rows.push_back({"bundle", "golden", "program", "reference", "elements", "SystemC/golden", "q"});
  if (with_rtl) rows[0].insert(rows[0].end(), {"RTL/golden", "RTL/SystemC", "cycles compared"});
  const bool has_traffic = std::any_of(layers.begin(), layers.end(),
                                       [](const LayerResult& layer) { return layer.has_bus_traffic; });
  if (has_traffic) rows[0].push_back("bus accesses");
  rows[0].insert(rows[0].end(), {"ties", "cycles", "el/cycle/lane", "stalls in", "stalls out", "M el/s"});
  std::string notes;
  for (const LayerResult& layer : layers) {
    const cosim::JobResult& r = layer.result;
    const std::string label = bundle_label(layer.bundle, layer.name);
    std::vector<std::string> row{label,
                                 layer.variant,
                                 layer.program,
                                 layer.reference,
                                 group_digits(layer.elements),
                                 cell(r.model_golden),
                                 cell(r.model_golden_q)};
    if (with_rtl) {
      row.push_back(cell(r.rtl_golden));
      row.push_back(cell(r.rtl_model));
      row.push_back(group_digits(r.cycles_compared));
    }
    if (has_traffic) row.push_back(group_digits(r.bus.all()));
    row.insert(row.end(), {group_digits(static_cast<std::uint64_t>(layer.ties)), group_digits(r.cycles),
                           fixed(elements_per_cycle_per_lane(layer), 2), group_digits(r.input_stalls),
                           group_digits(r.output_stalls), fixed(elements_per_second(layer) / 1e6, 1)});
    rows.push_back(row);
    if (!r.agrees()) notes += label + ", " + layer.variant + ":\n";
    if (!r.failure.empty()) notes += "  " + printable(r.failure) + "\n";
    if (r.compared() == 0) notes += "  nothing was compared\n";
    for (const cosim::DifferingElement& difference : r.differences) notes += describe(difference);
  }
  const cosim::Bins bins = all_bins(layers);
  return format_table(rows) + (bins.empty() ? "" : "\n" + coverage_text(bins)) +
         (notes.empty() ? "" : "\n" + notes);
}

nlohmann::ordered_json stream_json(const std::string& verb, const std::vector<LayerResult>& layers,
                                   bool with_rtl) {
  nlohmann::ordered_json json = document("quasim." + verb + "/1", verb);
  nlohmann::ordered_json list = nlohmann::ordered_json::array();
  std::uint64_t compared = 0, mismatches = 0, cycles = 0, elements = 0;
  double seconds = 0;
  for (const LayerResult& layer : layers) {
    const cosim::JobResult& r = layer.result;
    nlohmann::ordered_json entry{
        {"bundle", layer.bundle.string()}, {"layer", layer.name}, {"name", layer.name}};
    if (!layer.group.empty()) entry["group"] = layer.group;
    entry.update({{"variant", layer.variant},
                  {"program", layer.program},
                  {"program_target", layer.program_target},
                  {"reference", layer.reference},
                  {"reference_device", layer.device},
                  {"elements", layer.elements},
                  {"lanes", layer.lanes},
                  {"agrees", r.agrees()},
                  {"compared", r.compared()},
                  {"mismatches", r.mismatches()},
                  {"cycles", r.cycles},
                  {"latency_cycles", r.latency_cycles},
                  {"elements_per_cycle_per_lane", elements_per_cycle_per_lane(layer)},
                  {"elements_per_second", elements_per_second(layer)},
                  {"input_stalls", r.input_stalls},
                  {"output_stalls", r.output_stalls},
                  {"ties", layer.ties},
                  {"systemc_vs_golden", comparison_json(r.model_golden)},
                  {"systemc_q_vs_golden", comparison_json(r.model_golden_q)}});
    if (with_rtl) {
      entry["rtl_vs_golden"] = comparison_json(r.rtl_golden);
      entry["rtl_vs_systemc"] = comparison_json(r.rtl_model);
      entry["cycles_compared"] = r.cycles_compared;
      entry["bus"] = {{"reads", r.bus.reads},
                      {"reads_refused", r.bus.reads_refused},
                      {"writes", r.bus.writes},
                      {"writes_refused", r.bus.writes_refused}};
    }
    entry["timeline"] = {{"s_valid", r.timeline.s_valid},
                         {"s_ready", r.timeline.s_ready},
                         {"m_valid", r.timeline.m_valid},
                         {"m_ready", r.timeline.m_ready}};
    entry["layer_parameters"] = layer.layer_parameters;
    entry["hashes"] = layer.hashes;
    entry["failure"] = r.failure;
    entry["differences"] = nlohmann::ordered_json::array();
    for (const cosim::DifferingElement& difference : r.differences)
      entry["differences"].push_back(difference_json(difference));
    list.push_back(entry);
    compared += r.compared();
    mismatches += r.mismatches();
    cycles += r.cycles;
    elements += layer.elements;
    seconds += r.seconds;
  }
  json["layers"] = list;
  if (const cosim::Bins bins = all_bins(layers); !bins.empty()) json["coverage"] = bins;
  json["compared"] = compared;
  json["mismatches"] = mismatches;
  json["cycles"] = cycles;
  json["elements_per_second"] = seconds > 0 ? static_cast<double>(elements) / seconds : 0.0;
  return json;
}

int stream_exit(const std::vector<LayerResult>& layers) {
  const bool agree =
      std::all_of(layers.begin(), layers.end(), [](const LayerResult& l) { return l.result.agrees(); });
  return agree && !layers.empty() ? kAgree : kDiffer;
}

}  // namespace quasim::cli
