// quasim explain: for each difference between a golden (or a program, or a tensor) and exact arithmetic, how
// close it was and why.
#include <algorithm>
#include <iostream>
#include <memory>

#include "cli/cli.hpp"
#include "compile/program_source.hpp"
#include "io/npy.hpp"
#include "prove/explanation.hpp"
#include "prove/program_explanation.hpp"
#include "reference/programs.hpp"
#include "reference/targets.hpp"
#include "spec/error.hpp"

namespace quasim::cli {
namespace {

using compile::Explanation;

struct ExplainOptions {
  std::vector<std::filesystem::path> bundles;
  std::string point, variant;
  std::filesystem::path tensor, program;
  std::string domain = "reachable";
  std::size_t limit = 20;  ///< explanations printed; all are counted
  bool json = false;
};

struct Report {
  nlohmann::ordered_json points = nlohmann::ordered_json::array();
  std::int64_t compared = 0, differing = 0, unexplained = 0;
  std::size_t limit = 0;

  void add(bool explained, nlohmann::ordered_json point) {
    ++differing;
    unexplained += explained ? 0 : 1;
    if (points.size() < limit || !explained) points.push_back(std::move(point));
  }
};

nlohmann::ordered_json to_json(const Explanation& explanation) {
  nlohmann::ordered_json json{{"bias", explanation.point.bias}, {"acc", explanation.point.acc}};
  if (explanation.golden_q)
    json.update({{"exact_q", explanation.exact_q}, {"golden_q", *explanation.golden_q}});
  json.update({{"exact_out", explanation.exact_out},
               {"golden_out", explanation.observed.out},
               {"stage", explanation.stage},
               {"exact_y", explanation.exact_y.str()},
               {"exact_scaled", explanation.exact_scaled.str()},
               {"value", explanation.decided_value},
               {"boundary_lsb", explanation.boundary_lsb},
               {"exact_tie", explanation.exact_tie},
               {"golden_on_tie", explanation.golden_tie},
               {"clamp", explanation.clamp},
               {"evaluated_as", explanation.evaluated_as},
               {"causes", explanation.causes},
               {"explained", explanation.explained}});
  return json;
}

/// "acc,bias"
std::pair<std::int32_t, int> parse_point(const std::string& text, int taps) {
  int acc = 0, bias = 0;
  char comma = 0, rest = 0;
  const std::int32_t limit = spec::max_accumulator(taps);
  if (std::sscanf(text.c_str(), "%d%c%d%c", &acc, &comma, &bias, &rest) != 3 || comma != ',' ||
      std::abs(acc) > limit || bias != spec::clamp_bits(bias, 8))
    throw InputError("--point: expected acc,bias with |acc| <= " + std::to_string(limit) +
                     " and bias -128 to 127; got '" + text + "'");
  return {acc, bias};
}

Variant variant_of(const Bundle& bundle, const ExplainOptions& options) {
  return chosen_variant(bundle.layer, {{}, options.variant});
}

/// Steps of a golden that depends on acc and bias alone.
exact::StageSteps golden_steps(const Bundle& bundle, const Variant& variant, const exact::Domain& domain) {
  return make_target("golden:" + variant.to_string(), bundle, domain).steps;
}

compile::Observed observed_at(const exact::StageSteps& steps, std::size_t slice, std::int32_t acc) {
  compile::Observed observed{std::nullopt, value_at(steps.out[slice], acc)};
  if (steps.q) observed.q = value_at((*steps.q)[slice], acc);
  return observed;
}

void explain_point(const Bundle& bundle, const ExplainOptions& options, Report& report) {
  const auto [acc, bias] = parse_point(options.point, bundle.layer.taps);
  const Variant variant = variant_of(bundle, options);
  const exact::Domain domain{exact::DomainKind::kFull, {{bias, acc, acc, -1}}};
  const auto observed = observed_at(golden_steps(bundle, variant, domain), 0, acc);
  const Explanation explanation =
      compile::Explainer(bundle.layer, variant).explain({bias, acc, {}, {}}, observed);
  ++report.compared;
  report.add(explanation.explained, to_json(explanation));
}

/// Every point at which q or out leaves the oracle's.
template <class Visit>
void for_each_difference(const exact::StageSteps& a, const exact::StageSteps& b, const exact::Domain& domain,
                         Visit visit) {
  std::vector<std::pair<std::size_t, std::int32_t>> points;
  const auto note = [&](const exact::Slice& slice, std::int32_t first, std::int32_t last, int, int) {
    const auto index = static_cast<std::size_t>(&slice - domain.slices.data());
    for (std::int64_t acc = first; acc <= last; ++acc)
      points.emplace_back(index, static_cast<std::int32_t>(acc));
  };
  compare(a.out, b.out, domain, note);
  if (a.q && b.q) compare(*a.q, *b.q, domain, note);
  std::sort(points.begin(), points.end());
  points.erase(std::unique(points.begin(), points.end()), points.end());
  for (const auto& [slice, acc] : points) visit(slice, acc);
}

void explain_golden(const Bundle& bundle, const ExplainOptions& options, Report& report) {
  const Variant variant = variant_of(bundle, options);
  const exact::Domain domain = make_domain(exact::parse_domain(options.domain), bundle);
  const exact::StageSteps golden = golden_steps(bundle, variant, domain);
  const compile::Explainer explainer(bundle.layer, variant);
  report.compared += domain.points();
  for_each_difference(
      golden, exact::Oracle(bundle.layer).steps(domain), domain, [&](std::size_t slice, std::int32_t acc) {
        const Explanation explanation =
            explainer.explain({domain.slices[slice].bias, acc, {}, {}}, observed_at(golden, slice, acc));
        report.add(explanation.explained, to_json(explanation));
      });
}

/// A program that was compiled for a golden repeats its differences: those are explained by the golden's
/// operations. What is left is explained by the program's own numbers.
void explain_program_differences(const Bundle& bundle, const ExplainOptions& options, Report& report) {
  const LayerProgram program = read_program_of(bundle, options.program);
  const exact::Domain domain = make_domain(exact::parse_domain(options.domain), bundle, program.bias_words);
  const exact::Oracle oracle(bundle.layer);
  const compile::Explainer explainer(bundle.layer, variant_of(bundle, options));
  report.compared += domain.points();
  const exact::StageSteps model = enumerate(compile::ProgramSource(program), domain);
  for_each_difference(model, oracle.steps(domain), domain, [&](std::size_t index, std::int32_t acc) {
    const exact::Slice& slice = domain.slices[index];
    const Explanation as_golden =
        explainer.explain({slice.bias, acc, {}, {}}, observed_at(model, index, acc));
    if (as_golden.explained) {
      report.add(true, to_json(as_golden));
      return;
    }
    const compile::ProgramExplanation explanation =
        compile::explain_program(oracle, program, slice.channel, slice.bias, acc);
    report.add(explanation.explained, {{"bias", slice.bias},
                                       {"acc", acc},
                                       {"exact_q", explanation.exact_q},
                                       {"program_q", explanation.program_q},
                                       {"exact_out", explanation.exact_out},
                                       {"program_out", explanation.program_out},
                                       {"error_lsb", explanation.error_lsb},
                                       {"boundary_lsb", explanation.boundary_lsb},
                                       {"causes", explanation.causes},
                                       {"explained", explanation.explained}});
  });
}

/// An output tensor [B, C, L] against the oracle, each window in the order of the variant that is said to
/// have made it.
void explain_tensor(const Bundle& bundle, const ExplainOptions& options, Report& report) {
  TensorBCL<std::int8_t> output;
  read_npy(options.tensor, output);
  if (output.shape() != bundle.require_input().shape())
    throw InputError(options.tensor, "shape", "[B, C, L] of conv1d_input.npy");
  Progress progress("explain", output.size());
  report.compared += compile::explain_outputs(
      bundle, variant_of(bundle, options), output,
      [&](const compile::TensorDifference& difference) {
        nlohmann::ordered_json json{
            {"sequence", difference.sequence}, {"channel", difference.channel}, {"time", difference.time}};
        json.update(to_json(difference.explanation));
        report.add(difference.explanation.explained, std::move(json));
      },
      [&](std::int64_t compared) { progress.update(static_cast<std::uint64_t>(compared)); });
}

void print_text(const std::string& layer, const Report& report) {
  for (const auto& point : report.points) {
    std::cout << layer;
    for (const auto& [key, value] : point.items())
      std::cout << "  " << key << " " << (value.is_string() ? value.get<std::string>() : value.dump());
    std::cout << "\n";
  }
  std::cout << layer << ": " << group_digits(static_cast<std::uint64_t>(report.compared)) << " compared, "
            << report.differing << " examined, " << report.unexplained << " unexplained\n";
}

int run(const ExplainOptions& options) {
  const int chosen = static_cast<int>(!options.point.empty()) + static_cast<int>(!options.tensor.empty()) +
                     static_cast<int>(!options.program.empty());
  if (chosen > 1) throw InputError("explain: expected one of --point, --tensor and --program");
  nlohmann::ordered_json layers = nlohmann::ordered_json::array();
  std::int64_t unexplained = 0;
  for (const auto& directory : options.bundles) {
    Bundle bundle = read_bundle(directory);
    bundle.layer = as_variant(bundle.layer, variant_of(bundle, options));
    Report report;
    report.limit = options.limit;
    if (!options.point.empty())
      explain_point(bundle, options, report);
    else if (!options.tensor.empty())
      explain_tensor(bundle, options, report);
    else if (!options.program.empty())
      explain_program_differences(bundle, options, report);
    else
      explain_golden(bundle, options, report);
    if (report.compared == 0) throw InputError("explain: nothing was compared");
    unexplained += report.unexplained;
    layers.push_back({{"layer", bundle.layer.name},
                      {"compared", report.compared},
                      {"differing", report.differing},
                      {"unexplained", report.unexplained},
                      {"points", report.points}});
    if (!options.json) print_text(bundle.layer.name, report);
  }
  if (options.json) print_json({{"verb", "explain"}, {"unexplained", unexplained}, {"layers", layers}});
  return unexplained == 0 ? kAgree : kDiffer;
}

}  // namespace

Action add_explain(CLI::App& app) {
  auto options = std::make_shared<ExplainOptions>();
  CLI::App* verb =
      app.add_subcommand("explain", "show why a golden, a program or a tensor differs from exact arithmetic");
  verb->add_option("BUNDLE", options->bundles, "layer bundle directories")->required();
  verb->add_option("--point", options->point, "one place, acc,bias, whether it differs or not");
  verb->add_option("--tensor", options->tensor,
                   "an int8 output tensor [B, C, L] for the bundle's input, as --variant makes it");
  verb->add_option("--program", options->program, "a layer program instead of a golden");
  verb->add_option(
      "--variant", options->variant,
      "golden, dataflow.order.math.rounding (default: the layer's dataflow and rounding, seqlast, precise)");
  verb->add_option("--domain", options->domain, "reachable or full")->capture_default_str();
  verb->add_option("--limit", options->limit, "explanations listed; all are counted")->capture_default_str();
  verb->add_flag("--json", options->json, "print JSON");
  return [options] { return run(*options); };
}

}  // namespace quasim::cli
