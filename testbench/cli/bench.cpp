// quasim bench: speeds side by side in one run; only the ratios mean anything on a shared machine.
#include <cstdio>
#include <iostream>
#include <memory>

#include "bench/stream_bench.hpp"
#include "bench/untimed_bench.hpp"
#include "cli/cli.hpp"
#include "cli/layer_options.hpp"
#include "cli/options.hpp"
#include "cli/usage.hpp"
#include "spec/error.hpp"

namespace quasim::cli {
namespace {

constexpr std::size_t kUntimedLength = 4096;

struct BenchOptions {
  LayerOptions layer;
  std::size_t lanes = spec::kLanesDefault;
  int rounds = 5;
  bool json = false;
};

struct BenchRow {
  std::string what;
  double value;
  double target;  ///< 0: no target
  std::string unit;
};

std::string number(double value) {
  char text[64];
  std::snprintf(text, sizeof text, "%.3g", value);
  return text;
}

int run(const BenchOptions& options) {
  if (options.layer.bundles.size() != 1)
    throw InputError("bench: expected one bundle; got " + std::to_string(options.layer.bundles.size()));
  std::vector<BenchRow> rows;
  const Bundle bundle = read_bundle(options.layer.bundles.front());
  const LayerProgram program = program_for(bundle, options.layer.choice).program;
  const bench::StreamRates rates = bench::measure_streams(bundle, program, options.lanes, options.rounds);
  const auto lanes = static_cast<double>(rates.lanes);
  rows.push_back({"bare Verilated loop", rates.bare_rtl / 1e6, 0, "M cycles/s"});
  rows.push_back({"co-simulation, all checkers", rates.cosim / 1e6, 0, "M cycles/s"});
  rows.push_back({"SystemC model", rates.systemc / 1e6, 0, "M cycles/s"});
  rows.push_back({"SystemC model", rates.systemc * lanes / 1e6, 40, "M elements/s"});
  rows.push_back({"co-simulation / bare Verilated loop", rates.cosim_over_bare, 0.8, "ratio"});
  rows.push_back({"co-simulation with bus traffic and coverage / bare Verilated loop",
                  rates.cosim_with_bus_over_bare, 0.8, "ratio"});
  if (rates.systemc_over_sc_fixed > 0)
    rows.push_back(
        {"SystemC model / the same pipeline in sc_fixed", rates.systemc_over_sc_fixed, 200, "ratio"});

  const bench::UntimedTimes untimed =
      bench::bench_untimed(program, std::size_t{64} << 20, kUntimedLength, options.rounds);
  if (!untimed.equal_to_stages) throw InputError("bench: the untimed model is not equal to the stages");
  const auto gigabytes = static_cast<double>(untimed.elements) / 1e9;
  rows.push_back({"untimed model (" + untimed.kernel + "), 64 MiB, one thread",
                  gigabytes / untimed.model_seconds, 0, "G elements/s"});
  rows.push_back({"untimed model / memcpy of the input", untimed.over_memcpy(), 0.7, "ratio"});
  if (const auto ratio = untimed.over_onednn())
    rows.push_back({"untimed model / oneDNN s8 depthwise + swish, its own layout", *ratio, 5, "ratio"});
  if (const auto ratio = untimed.over_onednn_bcl())
    rows.push_back({"untimed model / oneDNN s8 depthwise + swish, [B, C, L]", *ratio, 5, "ratio"});

  if (options.json) {
    nlohmann::ordered_json json = document("quasim.bench/1", "bench");
    json.update({{"bundle", bundle.directory.string()},
                 {"layer", bundle.layer.name},
                 {"lanes", rates.lanes},
                 {"cycles", rates.cycles},
                 {"rows", nlohmann::ordered_json::array()}});
    for (const BenchRow& row : rows)
      json["rows"].push_back(
          {{"what", row.what}, {"value", row.value}, {"unit", row.unit}, {"target", row.target}});
    print_json(json);
    return kAgree;
  }
  std::vector<std::vector<std::string>> table{
      {"measured, medians of " + std::to_string(options.rounds), "value", "unit", "target"}};
  for (const BenchRow& row : rows)
    table.push_back(
        {row.what, number(row.value), row.unit, row.target > 0 ? ">= " + number(row.target) : "-"});
  std::cout << format_table(table);
  return kAgree;
}

}  // namespace

Action add_bench(CLI::App& app) {
  auto options = std::make_shared<BenchOptions>();
  CLI::App* verb = app.add_subcommand("bench", "measure speeds side by side in one run");
  add_layer_options(*verb, options->layer);
  add_number(*verb, "--lanes", options->lanes, kStreamLanes,
             "int8 lanes a beat: " + cosim::testbench_lanes_words());
  add_number(*verb, "--rounds", options->rounds, {1, 99}, "interleaved rounds; the median counts");
  verb->add_flag("--json", options->json, "print JSON");
  add_examples(*verb, {"quasim bench layer00", "quasim bench layer00 --lanes 64 --rounds 9 --json"});
  return [options] { return run(*options); };
}

}  // namespace quasim::cli
