// quasim compile: the smallest multiplier program that equals the target on every input of a layer.
#include <iostream>
#include <memory>

#include "cli/bundle_loop.hpp"
#include "cli/cli.hpp"
#include "cli/options.hpp"
#include "cli/usage.hpp"
#include "io/program_file.hpp"
#include "reference/committed.hpp"
#include "reference/stopwatch.hpp"
#include "reference/targets.hpp"
#include "spec/error.hpp"

namespace quasim::cli {
namespace {

struct CompileOptions {
  std::vector<std::filesystem::path> bundles;
  std::string target;  ///< empty: the golden of the layer's own dataflow and rounding
  std::string domain = "reachable", match = "auto";
  int mult_bits = spec::kMultBitsMax;
  int conv_bits = 0;  ///< 0: the layer's
  int guess_cells = 1 << spec::kCellBitsDefault;
  int near_rows = spec::kNearRowsDefault;
  OutputOption output;
  bool sweep = false;
  bool require_golden = false;
  bool json = false;
};

constexpr std::size_t kPointsPrinted = 20;
constexpr int kSweepFirst = 4;  // narrowest multiplier of --sweep

struct LayerRow {
  nlohmann::ordered_json json;
  std::vector<std::string> cells;
  bool exact = true;
};

/// The program file of each bundle; empty without -o.
std::vector<OutputFile> program_files(const CompileOptions& options) {
  std::vector<OutputFile> files;
  if (!options.output) return files;
  const InputSet inputs = inputs_of(options.bundles);
  if (options.bundles.size() == 1) return {OutputFile(*options.output, inputs)};
  for (const auto& path : bundle_outputs(*options.output, options.bundles))
    files.emplace_back(path.string() + ".json", inputs);
  return files;
}

compile::Options options_of(const CompileOptions& options) {
  compile::Options search;
  search.mult_bits = options.mult_bits;
  search.match = compile::parse_match(options.match);
  search.cell_bits = options.guess_cells == 1 << spec::kCellBitsMin ? spec::kCellBitsMin : spec::kCellBitsMax;
  search.near_rows = options.near_rows;
  return search;
}

/// What is said of a compiled layer, or of one of its groups.
LayerRow row_of(const compile::Compiled& compiled) {
  const LayerProgram& program = compiled.program;
  const StageProgram& stage = program.stage();
  nlohmann::ordered_json points = nlohmann::ordered_json::array();
  for (const compile::DifferingPoint& point : compiled.first_differing)
    points.push_back(
        {{"bias", point.bias}, {"acc", point.acc}, {"target", point.target}, {"program", point.program}});
  const std::string match(to_string(compiled.match));
  nlohmann::ordered_json json{{"exact", compiled.exact()},
                              {"match", match},
                              {"multiplier", stage.multiplier},
                              {"mult_bits", program.mult_bits},
                              {"bias_bits", program.bias_bits}};
  if (stage.is_fused()) {
    json["least_multiplier"] = nullptr;
    if (compiled.least_multiplier) json["least_multiplier"] = *compiled.least_multiplier;
    json.update({{"turn", stage.fused.turn},
                 {"guess_cells", stage.fused.guess.size()},
                 {"near", stage.fused.near.size()}});
  } else {
    json["shift"] = stage.shift_bits;
    json["folded"] = true;  // whether a folded unit can hold the table
    try {
      (void)stage.folded_table();
    } catch (const InputError& not_folded) {
      json["folded"] = false;
      json["not_folded"] = not_folded.what();
    }
  }
  json.update({{"points", compiled.points},
               {"differing_q", compiled.differing_q},
               {"differing_out", compiled.differing_out},
               {"displaced_at_least", compiled.displaced_at_least},
               {"target_falls", compiled.target_falls},
               {"differing_points", points}});
  return {
      std::move(json),
      {std::to_string(stage.multiplier), stage.is_fused() ? "-" : std::to_string(stage.shift_bits),
       std::to_string(program.mult_bits), match, group_digits(static_cast<std::uint64_t>(compiled.points)),
       stage.is_fused() ? "-" : std::to_string(compiled.differing_q), std::to_string(compiled.differing_out)},
      compiled.exact()};
}

CompileRequest request_of(const CompileOptions& options) {
  if (!options.target.empty()) target_variant(options.target);  // refused before the work
  return {options.target, exact::parse_domain(options.domain), options.conv_bits, options.require_golden};
}

/// The best program for a target; none where the layer has no such target (an activation without fused, say).
std::optional<compile::Compiled> compiled_for(const Bundle& bundle, const CompileOptions& options) {
  try {
    const CompileTask task = compile_task(bundle, request_of(options));
    return compile_program(task.bundle, task.domain, task.target, options_of(options));
  } catch (const InputError&) {
    return std::nullopt;
  }
}

/// Where no program equals the target: what else could be asked for and has one, and its multiplier's bits.
nlohmann::ordered_json alternatives(const Bundle& bundle, const CompileOptions& options,
                                    const std::string& tried) {
  nlohmann::ordered_json found = nlohmann::ordered_json::array();
  CompileOptions other = options;
  for (const std::string& target :
       {std::string("exact"), "golden:" + default_variant(bundle.layer, Dataflow::kFused).to_string(),
        "golden:" + default_variant(bundle.layer, Dataflow::kTwoStep).to_string()}) {
    if (target == tried) continue;
    other.target = target;
    const auto compiled = compiled_for(bundle, other);
    if (compiled && compiled->exact())
      found.push_back({{"target", target}, {"mult_bits", compiled->program.mult_bits}});
  }
  return found;
}

/// One group.
LayerRow compile_group(const std::filesystem::path& directory, Bundle group, const CompileOptions& options,
                       LayerProgram& program) {
  const Stopwatch watch;
  const auto [bundle, domain, target] = compile_task(std::move(group), request_of(options));
  compile::Compiled compiled = compile_program(bundle, domain, target, options_of(options));
  compiled.program.compiled_from["tool"] = "quasim " QUASIM_VERSION;
  LayerRow row = row_of(compiled);
  program = std::move(compiled.program);
  const double seconds = watch.seconds();
  nlohmann::ordered_json json = bundle_entry(directory, bundle);
  json.update({{"target", target.name}, {"origin", target.origin}});
  json.update(row.json);
  json["alternatives"] =
      row.exact ? nlohmann::ordered_json::array() : alternatives(bundle, options, target.name);
  json["seconds"] = seconds;
  row.json = std::move(json);
  row.cells.insert(row.cells.begin(),
                   {bundle_label(directory, bundle.layer.name), target.name, target.origin});
  char time[16];
  std::snprintf(time, sizeof time, "%.2f", seconds);
  row.cells.emplace_back(time);
  return row;
}

/// A row for each group; one program for all.
std::vector<LayerRow> compile_bundle(const std::filesystem::path& directory, const CompileOptions& options,
                                     const OutputFile* output) {
  const GroupedBundle layer = read_grouped_bundle_without_input(directory);
  std::vector<LayerRow> rows;
  std::vector<LayerProgram> programs(layer.groups());
  for (std::size_t g = 0; g < layer.groups(); ++g)
    rows.push_back(compile_group(directory, layer.group(g), options, programs[g]));
  const LayerProgram program = join_groups(layer.layer.name, programs, layer.layer.channel_group);
  if (output != nullptr) output->write(program_text(program));
  return rows;
}

/// One line a multiplier width: how far the best program of that width is from the target.
nlohmann::ordered_json sweep_group(const std::filesystem::path& directory, Bundle group,
                                   const CompileOptions& options) {
  const auto [bundle, domain, target] = compile_task(std::move(group), request_of(options));
  nlohmann::ordered_json widths = nlohmann::ordered_json::array();
  for (int bits = kSweepFirst; bits <= options.mult_bits; ++bits) {
    compile::Options search = options_of(options);
    search.mult_bits = bits;
    search.narrowest = false;  // the widths below have rows of their own
    const compile::Compiled compiled = compile_program(bundle, domain, target, search);
    widths.push_back({{"mult_bits", bits},
                      {"differing_q", compiled.differing_q},
                      {"differing_out", compiled.differing_out},
                      {"at_least", compiled.displaced_at_least}});
    if (compiled.exact() && (compiled.match == compile::Match::kQ || compiled.program.stage().is_fused()))
      break;
  }
  nlohmann::ordered_json json = bundle_entry(directory, bundle);
  json.update(
      {{"target", target.name}, {"origin", target.origin}, {"points", domain.points()}, {"widths", widths}});
  return json;
}

int run_sweep(const CompileOptions& options) {
  if (options.output) throw UsageError("--sweep: prints a table and writes no program; leave -o out");
  nlohmann::ordered_json layers = nlohmann::ordered_json::array();
  std::vector<std::vector<std::string>> rows{{"bundle", "mult bits", "points", "q differs", "out differs"}};
  (void)request_of(options), (void)options_of(options);
  BundleLoop loop("compile", options.bundles);
  loop.run([&](const std::filesystem::path& directory) {
    for (const Bundle& group : read_grouped_bundle_without_input(directory).split()) {
      layers.push_back(sweep_group(directory, group, options));
      const auto& layer = layers.back();
      for (const auto& width : layer["widths"])
        rows.push_back({bundle_label(layer), width["mult_bits"].dump(),
                        group_digits(layer["points"].get<std::uint64_t>()), width["differing_q"].dump(),
                        width["differing_out"].dump()});
    }
  });
  return loop.finish(kAgree, [&] {
    if (!options.json) {
      std::cout << format_table(rows);
      return;
    }
    nlohmann::ordered_json json = document("quasim.compile_sweep/1", "compile");
    json.update({{"sweep", "mult_bits"},
                 {"domain", options.domain},
                 {"layers", layers},
                 {"failed", loop.failures()}});
    print_json(json);
  });
}

void print_differing_points(std::ostream& out, const nlohmann::ordered_json& layer) {
  const auto& points = layer.value("differing_points", nlohmann::ordered_json::array());
  for (std::size_t i = 0; i < points.size() && i < kPointsPrinted; ++i)
    out << bundle_label(layer) << ": bias " << points[i]["bias"] << " acc " << points[i]["acc"] << " target "
        << points[i]["target"] << " program " << points[i]["program"] << "\n";
  if (points.size() > kPointsPrinted)
    out << bundle_label(layer) << ": " << layer["differing_out"] << " points in all; --json lists "
        << points.size() << "\n";
}

void print_alternatives(std::ostream& out, const nlohmann::ordered_json& layer) {
  if (layer["exact"]) return;
  out << bundle_label(layer) << ": no program was found that equals " << layer["target"].get<std::string>()
      << " everywhere; this one differs in " << layer["differing_out"] << " points of out\n";
  for (const auto& other : layer["alternatives"])
    out << bundle_label(layer) << ": --target " << other["target"].get<std::string>() << " has one, of "
        << other["mult_bits"] << " multiplier bits\n";
}

int run(const CompileOptions& options) {
  std::vector<std::vector<std::string>> rows{{"bundle", "target", "steps from", "M", "S", "width", "match",
                                              "points", "q differs", "out differs", "seconds"}};
  nlohmann::ordered_json layers = nlohmann::ordered_json::array();
  bool all_exact = true;
  const std::vector<OutputFile> outputs = program_files(options);
  const bool on_stdout = !outputs.empty() && outputs.front().is_standard_output();
  if (on_stdout && options.json)
    throw UsageError("--json: expected -o FILE; standard output takes one of the two");
  (void)request_of(options), (void)options_of(options);
  BundleLoop loop("compile", options.bundles);
  loop.run_indexed([&](std::size_t i) {
    for (LayerRow& row :
         compile_bundle(options.bundles[i], options, outputs.empty() ? nullptr : &outputs[i])) {
      all_exact &= row.exact;
      layers.push_back(std::move(row.json));
      rows.push_back(std::move(row.cells));
    }
  });
  return loop.finish(all_exact ? kAgree : kDiffer, [&] {
    if (options.json) {
      nlohmann::ordered_json json = document("quasim.compile/1", "compile");
      json.update({{"domain", options.domain},
                   {"exact", all_exact},
                   {"layers", layers},
                   {"failed", loop.failures()}});
      print_json(json);
      return;
    }
    std::ostream& out = on_stdout ? std::cerr : std::cout;
    out << format_table(rows);
    for (const auto& layer : layers) {
      print_differing_points(out, layer);
      print_alternatives(out, layer);
    }
  });
}

}  // namespace

Action add_compile(CLI::App& app) {
  auto options = std::make_shared<CompileOptions>();
  CLI::App* verb = app.add_subcommand("compile", "find the layer program that equals a target everywhere");
  verb->add_option("BUNDLE", options->bundles, "layer bundle directories")->required();
  verb->add_option(
      "--target", options->target,
      "exact or golden:VARIANT (default: the golden of the layer's dataflow and rounding, seqlast, precise)");
  add_number(*verb, "--mult-bits", options->mult_bits, {2, spec::kMultBitsMax},
             "widest multiplier to consider");
  add_number(*verb, "--conv-bits", options->conv_bits, {spec::kConvBitsMin, spec::kConvBitsMax},
             "conv_bits N instead of the layer's");
  add_number(*verb, "--guess-cells", options->guess_cells, {1 << spec::kCellBitsMin, 1 << spec::kCellBitsMax},
             "fused: cells of the unit's guess, 16 or 32", 1 << spec::kCellBitsMin);
  add_number(*verb, "--near", options->near_rows, {spec::kNearBlockRows, spec::kNearRowsMax},
             "fused: full-width thresholds of the unit, a multiple of 8", spec::kNearBlockRows);
  verb->add_option("--domain", options->domain,
                   "reachable or full: which accumulators and bias values must agree")
      ->capture_default_str();
  verb->add_option("--match", options->match, "q (q and out agree), out, or auto (q where possible)")
      ->capture_default_str();
  add_output_option(*verb, options->output,
                    "program file to write; a directory where there are several bundles");
  verb->add_flag("--require-golden", options->require_golden,
                 "refuse where the GPU's sweep is missing, instead of taking the CPU twin");
  verb->add_flag("--sweep", options->sweep,
                 "print differing points for each multiplier width up to the exact one (conv_bits and "
                 "scales: quasim sweep)");
  verb->add_flag("--json", options->json, "print JSON");
  add_examples(*verb, {"quasim compile layer00 -o program.json",
                       "quasim compile layer00 layer01 --target exact --json",
                       "quasim compile layer00 --sweep --mult-bits 24"});
  return [options] { return options->sweep ? run_sweep(*options) : run(*options); };
}

}  // namespace quasim::cli
