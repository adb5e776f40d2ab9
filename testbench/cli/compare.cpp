// quasim compare A B: two tensor files or two directories of them, tensor by tensor.
#include <cstdio>
#include <iostream>

#include "analysis/comparison_set.hpp"
#include "analysis/text.hpp"
#include "cli/cli.hpp"
#include "cli/options.hpp"
#include "cli/usage.hpp"

namespace quasim::cli {
namespace {

using analysis::ComparisonSet;
using analysis::number_text;
using analysis::percent_text;
using analysis::TensorComparison;

constexpr std::size_t kHistogramRowsShown = 33;

struct CompareOptions {
  std::string a, b;
  OutputOption output;
  double lsb = 0;
  bool json = false, strict = false;
};

std::vector<std::string> side_row(const char* side, const analysis::TensorView& view,
                                  const analysis::Summary& summary) {
  const bool any = summary.finite > 0;
  const auto figure = [any](double value) { return any ? number_text(value) : std::string("-"); };
  return {side,
          std::string(to_string(view.dtype)),
          shape_text(view.shape),
          figure(summary.min),
          figure(summary.max),
          figure(summary.mean),
          figure(summary.std()),
          std::to_string(summary.nan),
          std::to_string(summary.infinite)};
}

std::string histogram_text(const TensorComparison& pair) {
  std::vector<std::vector<std::string>> rows{{"a - b, in " + pair.step + "s", "count", "share"}};
  const auto all = pair.histogram.rows();
  std::uint64_t left_out = 0;
  const std::size_t skip = all.size() > kHistogramRowsShown ? (all.size() - kHistogramRowsShown) / 2 : 0;
  for (std::size_t i = 0; i < all.size(); ++i) {
    if (i < skip || i >= all.size() - skip) {
      left_out += all[i].count;
      continue;
    }
    const std::string steps =
        std::to_string(all[i].from) + (all[i].from == all[i].to ? "" : " ... " + std::to_string(all[i].to));
    rows.push_back({steps, group_digits(all[i].count), percent_text(all[i].count, pair.compared)});
  }
  if (left_out > 0)
    rows.push_back({"further out", group_digits(left_out), percent_text(left_out, pair.compared)});
  return format_table(rows);
}

std::string largest_text(const TensorComparison& pair) {
  std::vector<std::vector<std::string>> rows{
      {pair.a.shape.size() == 3 ? "largest, at [sequence, channel, time]" : "largest, at", "a", "b",
       "a - b"}};
  for (const analysis::LargeDifference& item : pair.largest)
    rows.push_back({shape_text(analysis::index_of(item.index, pair.a.shape)), number_text(item.a),
                    number_text(item.b), number_text(item.a - item.b)});
  return format_table(rows);
}

std::string pair_text(const TensorComparison& pair) {
  std::string text = printable(pair.name) + ": " + to_string(pair.verdict) + "\n";
  if (!pair.hint.empty()) text += "hint: " + pair.hint + "\n";
  text += format_table({{"", "dtype", "shape", "min", "max", "mean", "std", "NaN", "Inf"},
                        side_row("a", pair.a, pair.summary_a),
                        side_row("b", pair.b, pair.summary_b)});
  if (pair.compared == 0) return text;
  text += "exact matches " + group_digits(pair.matches) + " of " + group_digits(pair.compared) + " (" +
          percent_text(pair.matches, pair.compared) + ")";
  if (pair.unordered > 0) text += "; NaN or Inf against another value " + group_digits(pair.unordered);
  text += "\n";
  if (pair.matches == pair.compared) return text;
  text += "absolute difference max " + number_text(pair.max_absolute) + ", mean " +
          number_text(pair.mean_absolute) + "; relative max " + number_text(pair.max_relative) + ", mean " +
          number_text(pair.mean_relative) + "\n";
  return text + histogram_text(pair) + largest_text(pair);
}

std::string set_text(const ComparisonSet& set) {
  std::string text;
  for (const TensorComparison& pair : set.pairs) text += pair_text(pair) + "\n";
  for (const std::string& name : set.only_in_a) text += printable(name) + ": only in A\n";
  for (const std::string& name : set.only_in_b) text += printable(name) + ": only in B\n";
  text += std::to_string(set.pairs.size()) + " tensors compared (" + group_digits(set.compared()) +
          " elements): " + std::to_string(set.identical()) + " identical, " +
          std::to_string(set.identical_bits()) + " of them bitwise; " +
          std::to_string(set.pairs.size() - set.identical()) + " different; only in A " +
          std::to_string(set.only_in_a.size()) + ", only in B " + std::to_string(set.only_in_b.size()) + "\n";
  return text;
}

int compare_sources(const CompareOptions& options) {
  InputSet inputs;
  inputs.add_tensors(options.a);
  inputs.add_tensors(options.b);
  const auto output = analysis::report_file(options.output, inputs);
  const analysis::TensorSource a(options.a), b(options.b);
  const std::optional<double> lsb = options.lsb > 0 ? std::optional<double>(options.lsb) : std::nullopt;
  const ComparisonSet set = analysis::compare(a, b, lsb);
  a.require_unchanged();
  b.require_unchanged();
  nlohmann::ordered_json json = document("quasim.compare/1", "compare");
  json.update({{"a", options.a}, {"b", options.b}});
  json.update(to_json(set));
  analysis::emit(
      options.json, output, [&] { return json; }, [&] { return set_text(set); });
  if (!options.strict) return set.all_identical() ? kAgree : kDiffer;
  return set.identical_bits() == set.pairs.size() && set.only_in_a.empty() && set.only_in_b.empty() ? kAgree
                                                                                                    : kDiffer;
}

}  // namespace

Action add_compare(CLI::App& app) {
  auto options = std::make_shared<CompareOptions>();
  CLI::App* verb =
      app.add_subcommand("compare", "compare two tensor files, or all tensors of two directories");
  verb->add_option("A", options->a, ".npy or .npz file, or a directory of them")->required();
  verb->add_option("B", options->b, "the other side")->required();
  add_output_option(*verb, options->output, "also write the report here; .json or text by its extension");
  add_number(*verb, "--lsb", options->lsb, kPositive, "step of the difference histogram, e.g. a scale");
  verb->add_flag("--strict", options->strict,
                 "exit 0 only when bitwise identical and nothing is on one side only");
  verb->add_flag("--json", options->json, "print JSON");
  add_examples(*verb, {"quasim compare golden.npy model.npy",
                       "quasim compare out/ layer00/golden/two_step.seqlast.precise.half_even --json",
                       "quasim compare a.npy b.npy --lsb 0.05 --strict -o differences.txt"});
  return [options] { return compare_sources(*options); };
}

}  // namespace quasim::cli
