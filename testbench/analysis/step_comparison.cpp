#include "analysis/step_comparison.hpp"

#include <algorithm>
#include <set>

#include "exact/oracle.hpp"
#include "reference/targets.hpp"

namespace quasim::analysis {
namespace {

constexpr std::size_t kPointsListed = 200;
constexpr std::size_t kCurves = 12;

/// Sweeps that goldens are made with, in the order they are shown.
std::vector<Variant> swept_variants() {
  std::vector<Variant> variants;
  for (Dataflow dataflow : {Dataflow::kTwoStep, Dataflow::kFused})
    for (MathMode math : {MathMode::kPrecise, MathMode::kFast})
      for (Rounding rounding : {default_rounding(dataflow),
                                dataflow == Dataflow::kTwoStep ? Rounding::kHalfAway : Rounding::kHalfEven})
        variants.push_back({dataflow, Order::kSeqLast, math, rounding});
  return variants;
}

nlohmann::ordered_json curve(const exact::Slice& slice, const exact::StageSteps& steps, std::size_t index) {
  nlohmann::ordered_json json{{"bias", slice.bias}, {"acc_min", slice.acc_min}, {"acc_max", slice.acc_max}};
  const auto add = [&json](const char* name, const exact::SliceSteps& slice_steps) {
    nlohmann::ordered_json acc = nlohmann::ordered_json::array(), value = nlohmann::ordered_json::array();
    for (const exact::Step& step : slice_steps) {
      acc.push_back(step.acc);
      value.push_back(step.value);
    }
    json[name] = {{"acc", acc}, {"value", value}};
  };
  if (steps.q) add("q", (*steps.q)[index]);
  add("out", steps.out[index]);
  return json;
}

class StepComparison {
 public:
  explicit StepComparison(const Bundle& bundle)
      : bundle_(bundle), domain_(exact::make_domain(exact::DomainKind::kFull, bundle)) {}

  nlohmann::ordered_json run() {
    nlohmann::ordered_json json{{"domain", {{"kind", "full"}, {"points", domain_.points()}}},
                                {"variants", nlohmann::ordered_json::array()}};
    const Variant own = default_variant(bundle_.layer);
    for (const Variant& variant : swept_variants()) {
      if (auto steps = gpu_steps(bundle_, variant, domain_))
        json["variants"].push_back(compare(variant, "GPU sweep", *steps));
      else if (variant == own)
        json["variants"].push_back(
            compare(variant, "CPU twin", enumerate(*make_twin_source(bundle_.layer, variant), domain_)));
    }
    json["curves"] = curves(own);
    return json;
  }

 private:
  const exact::StageSteps& exact_steps(const Variant& variant) {
    const auto known = std::find_if(exact_.begin(), exact_.end(), [&](const auto& entry) {
      return entry.first.dataflow == variant.dataflow && entry.first.rounding == variant.rounding;
    });
    if (known != exact_.end()) return known->second;
    exact_.emplace_back(variant, exact::Oracle(as_variant(bundle_.layer, variant)).steps(domain_));
    return exact_.back().second;
  }

  nlohmann::ordered_json compare(const Variant& variant, const char* origin,
                                 const exact::StageSteps& golden) {
    const exact::StageSteps& reference = exact_steps(variant);
    nlohmann::ordered_json listed = nlohmann::ordered_json::array();
    const exact::PointCounts out = exact::compare(
        reference.out, golden.out, domain_,
        [&](const exact::Slice& slice, std::int32_t first, std::int32_t last, int exact_value,
            int golden_value) {
          biases_.insert(slice.bias);
          for (std::int32_t acc = first; acc <= last && listed.size() < kPointsListed; ++acc)
            listed.push_back(
                {{"bias", slice.bias}, {"acc", acc}, {"exact", exact_value}, {"golden", golden_value}});
        });
    nlohmann::ordered_json json{{"variant", variant.to_string()}, {"origin", origin}, {"points", out.points}};
    if (reference.q && golden.q)
      json["differing_q"] = exact::compare(*reference.q, *golden.q, domain_).differing;
    json["differing_out"] = out.differing;
    json["listed"] = std::move(listed);
    return json;
  }

  nlohmann::ordered_json curves(const Variant& variant) {
    const exact::StageSteps& steps = exact_steps(variant);
    std::set<int> wanted{0};
    if (!bundle_.bias.empty()) {
      const auto [least, most] = std::minmax_element(bundle_.bias.begin(), bundle_.bias.end());
      wanted.insert({int{*least}, int{*most}});
    }
    for (int bias : biases_)
      if (wanted.size() < kCurves) wanted.insert(bias);
    nlohmann::ordered_json json = nlohmann::ordered_json::array();
    for (std::size_t i = 0; i < domain_.slices.size(); ++i)
      if (wanted.count(domain_.slices[i].bias) != 0) json.push_back(curve(domain_.slices[i], steps, i));
    return json;
  }

  const Bundle& bundle_;
  exact::Domain domain_;
  std::vector<std::pair<Variant, exact::StageSteps>> exact_;
  std::set<int> biases_;  ///< with differences
};

}  // namespace

nlohmann::ordered_json compare_steps(const Bundle& bundle) {
  return StepComparison(bundle).run();
}

}  // namespace quasim::analysis
