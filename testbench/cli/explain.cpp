// quasim explain: for each difference between a golden (or a program, or a tensor) and exact arithmetic, how
// close it was and why.
#include <algorithm>
#include <array>
#include <iostream>
#include <memory>
#include <sstream>

#include "cli/bundle_loop.hpp"
#include "cli/cli.hpp"
#include "cli/options.hpp"
#include "cli/usage.hpp"
#include "compile/program_source.hpp"
#include "io/npy.hpp"
#include "prove/differing_points.hpp"
#include "prove/explanation.hpp"
#include "prove/program_explanation.hpp"
#include "reference/golden.hpp"
#include "reference/programs.hpp"
#include "reference/targets.hpp"
#include "spec/error.hpp"

namespace quasim::cli {
namespace {

using compile::Explanation;

constexpr std::size_t kListedDefault = 20;

struct ExplainOptions {
  std::vector<std::filesystem::path> bundles;
  std::string point, element, variant;
  std::filesystem::path tensor, program;
  std::string domain = "reachable";
  std::size_t limit = kListedDefault;                ///< explanations printed
  std::int64_t examine = compile::kExaminedDefault;  ///< differing points explained; all are counted
  bool json = false;
};

/// What was found in one layer. Unexplained points are listed first, so that a short list shows them.
class Report {
 public:
  explicit Report(std::size_t limit) : limit_(limit) {}

  std::string compared_with;  ///< where the values come from that are explained
  std::string note;           ///< for people; empty: nothing to say
  std::int64_t compared = 0, differing = 0;

  void add(bool explained, nlohmann::ordered_json point) {
    ++examined_;
    unexplained_ += explained ? 0 : 1;
    std::vector<nlohmann::ordered_json>& list = explained ? explained_points_ : unexplained_points_;
    if (list.size() < limit_) list.push_back(std::move(point));
  }
  /// More unexplained points than anybody lists change nothing in the verdict.
  bool goes_on() const {
    return unexplained_ < std::max(compile::kUnexplainedEnough, static_cast<std::int64_t>(limit_));
  }

  std::int64_t examined() const { return examined_; }
  std::int64_t unexplained() const { return unexplained_; }
  bool all_explained() const { return unexplained_ == 0 && examined_ >= differing; }
  nlohmann::ordered_json points() const {
    nlohmann::ordered_json listed = nlohmann::ordered_json::array();
    for (const auto* list : {&unexplained_points_, &explained_points_})
      for (const nlohmann::ordered_json& point : *list)
        if (listed.size() < limit_) listed.push_back(point);
    return listed;
  }

 private:
  std::size_t limit_;
  std::int64_t examined_ = 0, unexplained_ = 0;
  std::vector<nlohmann::ordered_json> unexplained_points_, explained_points_;
};

/// The values that are explained are a golden's, or an output tensor's: `whose` names them.
nlohmann::ordered_json to_json(const Explanation& explanation, const std::string& whose) {
  nlohmann::ordered_json json{{"bias", explanation.point.bias}, {"acc", explanation.point.acc}};
  if (!explanation.point.window.empty())
    json.update({{"x", explanation.point.window}, {"w", explanation.point.weights}});
  if (explanation.golden_q)
    json.update(
        {{"exact_q", explanation.exact_q},
         {explanation.observed.q ? whose + "_q" : std::string("evaluated_q"), *explanation.golden_q}});
  json.update({{"exact_out", explanation.exact_out},
               {whose + "_out", explanation.observed.out},
               {"stage", explanation.stage},
               {"exact_y", explanation.exact_y.str()},
               {"exact_scaled", explanation.exact_scaled.str()},
               {"value", explanation.decided_value},
               {"boundary_lsb", explanation.boundary_lsb},
               {"exact_tie", explanation.exact_tie},
               {whose + "_on_tie", explanation.golden_tie},
               {"clamp", explanation.clamp},
               {"evaluated_as", explanation.evaluated_as},
               {"causes", explanation.causes},
               {"explained", explanation.explained}});
  return json;
}

/// "acc,bias"
std::pair<std::int32_t, int> parse_point(const std::string& text, int taps) {
  const std::vector<std::string> parts = split(text, ',');
  if (parts.size() != 2) throw UsageError("--point: expected acc,bias; got '" + text + "'");
  const std::int32_t limit = spec::max_accumulator(taps);
  constexpr auto kLow = static_cast<int>(spec::min_of_bits(spec::kSampleBits));
  constexpr auto kHigh = static_cast<int>(spec::max_of_bits(spec::kSampleBits));
  return {NumberRange<std::int32_t>{-limit, limit}.parse("--point: acc", parts[0]),
          NumberRange<int>{kLow, kHigh}.parse("--point: bias", parts[1])};
}

Variant variant_of(const Bundle& bundle, const ExplainOptions& options) {
  return chosen_variant(bundle.layer, {{}, options.variant});
}

/// A golden that depends on acc and bias alone.
compile::Target golden_target(const Bundle& bundle, const Variant& variant, const exact::Domain& domain) {
  return make_target("golden:" + variant.to_string(), bundle, domain);
}

compile::Observed observed_at(const exact::StageSteps& steps, std::size_t slice, std::int32_t acc) {
  compile::Observed observed{std::nullopt, value_at(steps.out[slice], acc)};
  if (steps.q) observed.q = value_at((*steps.q)[slice], acc);
  return observed;
}

/// One element was looked at; whether it differs.
void count_one(const Explanation& explanation, Report& report) {
  const compile::Observed& observed = explanation.observed;
  report.compared = 1;
  report.differing =
      observed.out != explanation.exact_out || (observed.q && *observed.q != explanation.exact_q);
}

void explain_point(const Bundle& bundle, const ExplainOptions& options, Report& report) {
  const auto [acc, bias] = parse_point(options.point, bundle.layer.taps);
  const Variant variant = variant_of(bundle, options);
  const exact::Domain domain{exact::DomainKind::kFull, {{bias, acc, acc, -1}}};
  const compile::Target golden = golden_target(bundle, variant, domain);
  const Explanation explanation = compile::Explainer(bundle.layer, variant)
                                      .explain({bias, acc, {}, {}}, observed_at(golden.steps, 0, acc));
  report.compared_with = golden.origin;
  count_one(explanation, report);
  report.add(explanation.explained, to_json(explanation, "golden"));
}

void explain_golden(const Bundle& bundle, const ExplainOptions& options, Report& report) {
  const Variant variant = variant_of(bundle, options);
  const exact::Domain domain = make_domain(exact::parse_domain(options.domain), bundle);
  const compile::Target golden = golden_target(bundle, variant, domain);
  const compile::Explainer explainer(bundle.layer, variant);
  const compile::DifferingPoints points(golden.steps, exact::Oracle(bundle.layer).steps(domain), domain);
  report.compared_with = golden.origin;
  report.compared = domain.points();
  report.differing = points.count();
  points.visit_sample(options.examine, [&](std::size_t slice, std::int32_t acc) {
    const Explanation explanation =
        explainer.explain({domain.slices[slice].bias, acc, {}, {}}, observed_at(golden.steps, slice, acc));
    report.add(explanation.explained, to_json(explanation, "golden"));
    return report.goes_on();
  });
}

/// A program that was compiled for a golden repeats its differences: those are explained by the golden's
/// operations. What is left is explained by the program's own numbers.
void explain_program_differences(const Bundle& bundle, const ExplainOptions& options, Report& report) {
  const LayerProgram program = read_program_of(bundle, options.program);
  const exact::Domain domain = make_domain(exact::parse_domain(options.domain), bundle, program.bias_words);
  const exact::Oracle oracle(bundle.layer);
  const compile::Explainer explainer(bundle.layer, variant_of(bundle, options));
  const exact::StageSteps model = enumerate(compile::ProgramSource(program), domain);
  const compile::DifferingPoints points(model, oracle.steps(domain), domain);
  report.compared_with = options.program.string();
  report.compared = domain.points();
  report.differing = points.count();
  points.visit_sample(options.examine, [&](std::size_t index, std::int32_t acc) {
    const exact::Slice& slice = domain.slices[index];
    const Explanation as_golden =
        explainer.explain({slice.bias, acc, {}, {}}, observed_at(model, index, acc));
    if (as_golden.explained) {
      report.add(true, to_json(as_golden, "program"));
      return report.goes_on();
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
    return report.goes_on();
  });
}

TensorBCL<std::int8_t> read_output(const Bundle& bundle, const std::filesystem::path& file) {
  return read_layer_tensor<std::int8_t>(bundle, file);
}

/// The number that a channel of the bundle has in its layer.
std::size_t layer_channel(const Bundle& bundle, std::size_t channel) {
  return bundle.part ? bundle.part->channels[channel] : channel;
}

nlohmann::ordered_json element_json(const Bundle& bundle, const compile::TensorDifference& at,
                                    const std::string& whose) {
  nlohmann::ordered_json json{
      {"sequence", at.sequence}, {"channel", layer_channel(bundle, at.channel)}, {"time", at.time}};
  json.update(to_json(at.explanation, whose));
  return json;
}

/// An output tensor [B, C, L] against the oracle, each window in the order of the variant that is said to
/// have made it.
void explain_tensor(const Bundle& bundle, const ExplainOptions& options, Report& report) {
  const TensorBCL<std::int8_t> output = read_output(bundle, options.tensor);
  const Variant declared = variant_of(bundle, options);
  Progress progress("explain", static_cast<std::uint64_t>(options.examine));
  const compile::TensorComparison result = compile::explain_outputs(
      bundle, declared, output, options.examine,
      [&](const compile::TensorDifference& difference) {
        report.add(difference.explanation.explained, element_json(bundle, difference, "tensor"));
        return report.goes_on();
      },
      [&](std::int64_t examined) { progress.update(static_cast<std::uint64_t>(examined)); });
  report.compared_with = options.tensor.string();
  report.compared = result.compared;
  report.differing = result.differing;
  if (!(result.as == declared))
    report.note = options.tensor.string() + " was made by dataflow " +
                  std::string(to_string(result.as.dataflow)) + ": " +
                  group_digits(static_cast<std::uint64_t>(result.differing_as_declared)) +
                  " places differ from exact " + declared.to_string() + ", " +
                  group_digits(static_cast<std::uint64_t>(result.differing)) + " from exact " +
                  result.as.to_string() + ", as which it is explained";
}

/// "sequence,channel,time"
std::array<std::size_t, 3> parse_element(const std::string& text) {
  const std::vector<std::string> parts = split(text, ',');
  if (parts.size() != 3)
    throw UsageError("--element: expected sequence,channel,time, such as 0,77,19; got '" + text + "'");
  std::array<std::size_t, 3> at{};
  for (std::size_t i = 0; i < at.size(); ++i) at[i] = NumberRange<std::size_t>{}.parse("--element", parts[i]);
  return at;
}

/// The bundle's own number of a channel of its layer; none where the channel is of another group.
std::optional<std::size_t> own_channel(const Bundle& bundle, std::size_t channel) {
  if (!bundle.part) return channel;
  const Channels& channels = bundle.part->channels;
  const auto found = std::lower_bound(channels.begin(), channels.end(), channel);
  if (found == channels.end() || *found != channel) return std::nullopt;
  return static_cast<std::size_t>(found - channels.begin());
}

/// One place, whether it differs or not: of the tensor, else of the golden.
void explain_element(const Bundle& bundle, const ExplainOptions& options, Report& report) {
  const auto [b, layer_c, t] = parse_element(options.element);
  const std::size_t c = own_channel(bundle, layer_c).value();
  const Variant variant = variant_of(bundle, options);
  const compile::GoldenPoint point = compile::point_at(bundle, b, c, t);
  compile::Observed observed;
  const bool tensor = !options.tensor.empty();
  if (tensor) {
    observed.out = read_output(bundle, options.tensor).at(b, c, t);
    report.compared_with = options.tensor.string();
  } else {
    const Reference reference = reference_for(bundle, variant, false);
    observed.out = reference.output.at(b, c, t);
    if (reference.q) observed.q = reference.q->at(b, c, t);
    report.compared_with = to_string(reference.maker);
  }
  const compile::Explainer explainer(bundle.layer, variant, compile::Deviations::kNamed);
  const compile::TensorDifference at{b, c, t, explainer.explain(point, observed)};
  count_one(at.explanation, report);
  report.add(at.explanation.explained, element_json(bundle, at, tensor ? "tensor" : "golden"));
}

void print_text(std::ostream& out, const std::string& layer, const Report& report) {
  for (const auto& point : report.points()) {
    out << layer;
    for (const auto& [key, value] : point.items())
      out << "  " << key << " " << (value.is_string() ? printable(value.get<std::string>()) : value.dump());
    out << "\n";
  }
  const auto digits = [](std::int64_t value) { return group_digits(static_cast<std::uint64_t>(value)); };
  if (!report.note.empty()) out << layer << ": " << printable(report.note) << "\n";
  out << layer << " (" << printable(report.compared_with) << "): " << digits(report.compared) << " compared, "
      << digits(report.differing) << " to explain, " << digits(report.examined()) << " examined, "
      << digits(report.unexplained()) << " unexplained";
  if (report.examined() < report.differing) out << "; a sample, spread evenly (--examine takes more)";
  out << "\n";
}

Report explain_bundle(const Bundle& bundle, const ExplainOptions& options) {
  Report report(options.limit);
  if (!options.element.empty())
    explain_element(bundle, options, report);
  else if (!options.point.empty())
    explain_point(bundle, options, report);
  else if (!options.tensor.empty())
    explain_tensor(bundle, options, report);
  else if (!options.program.empty())
    explain_program_differences(bundle, options, report);
  else
    explain_golden(bundle, options, report);
  if (report.compared == 0) throw InputError("explain: nothing was compared");
  return report;
}

void require_channel(const GroupedBundle& layer, std::size_t channel) {
  if (channel >= layer.weight.extent<'C'>())
    throw InputError("element: expected a channel below " + std::to_string(layer.weight.extent<'C'>()) +
                     "; got " + std::to_string(channel));
}

int run(const ExplainOptions& options) {
  const int chosen = static_cast<int>(!options.point.empty()) + static_cast<int>(!options.tensor.empty()) +
                     static_cast<int>(!options.program.empty());
  if (chosen > 1) throw UsageError("explain: expected one of --point, --tensor and --program");
  if (!options.element.empty() && options.tensor.empty() && chosen > 0)
    throw UsageError("explain: --element goes with --tensor, or alone");
  nlohmann::ordered_json layers = nlohmann::ordered_json::array();
  std::int64_t unexplained = 0;
  bool all_explained = true;
  std::ostringstream text;
  BundleLoop loop("explain", options.bundles);
  loop.run([&](const std::filesystem::path& directory) {
    const GroupedBundle whole = read_grouped_bundle(directory);
    if (!options.element.empty()) require_channel(whole, parse_element(options.element)[1]);
    for (Bundle& bundle : whole.split()) {
      if (!options.element.empty() && !own_channel(bundle, parse_element(options.element)[1])) continue;
      bundle.layer = as_variant(bundle.layer, variant_of(bundle, options));
      const Report report = explain_bundle(bundle, options);
      unexplained += report.unexplained();
      all_explained &= report.all_explained();
      layers.push_back(bundle_entry(directory, bundle));
      layers.back().update({{"variant", variant_of(bundle, options).to_string()},
                            {"compared_with", report.compared_with},
                            {"compared", report.compared},
                            {"differing", report.differing},
                            {"examined", report.examined()},
                            {"unexplained", report.unexplained()},
                            {"note", report.note},
                            {"points", report.points()}});
      print_text(text, bundle_label(directory, bundle.layer.name), report);
    }
  });
  return loop.finish(all_explained ? kAgree : kDiffer, [&] {
    if (!options.json) {
      std::cout << text.str();
      return;
    }
    nlohmann::ordered_json json = document("quasim.explain/1", "explain");
    json.update({{"unexplained", unexplained}, {"layers", layers}, {"failed", loop.failures()}});
    print_json(json);
  });
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
  verb->add_option(
      "--element", options->element,
      "one place, sequence,channel,time, of --tensor or else of the golden, with its samples and "
      "weights");
  add_number(*verb, "--limit", options->limit, {0, 1000000}, "explanations listed, unexplained ones first");
  add_number(*verb, "--examine", options->examine, {1, std::int64_t{1} << 40},
             "differing points explained one by one, spread evenly; all are counted");
  verb->add_flag("--json", options->json, "print JSON");
  add_examples(*verb, {"quasim explain layer00", "quasim explain layer00 --point 100,3",
                       "quasim explain layer00 --tensor output.npy --limit 5"});
  return [options] { return run(*options); };
}

}  // namespace quasim::cli
