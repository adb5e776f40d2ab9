#include "prove/certify.hpp"

#include <algorithm>
#include <map>

#include "spec/error.hpp"

namespace quasim::compile {
namespace {

using exact::Slice;

PairResult compare_pair(const Implementation& a, const Implementation& b, const exact::Domain& domain) {
  PairResult pair{a.name, b.name, 0, 0, 0, std::nullopt};
  const auto count = [&](const char* stage, const exact::StepFunction& x, const exact::StepFunction& y) {
    return compare(x, y, domain,
                   [&](const Slice& slice, std::int32_t first, std::int32_t, int value_a, int value_b) {
                     if (!pair.first)
                       pair.first = FirstDifference{stage, slice.bias, first, value_a, value_b};
                   });
  };
  const exact::PointCounts out = count("out", a.steps.out, b.steps.out);
  pair.points = out.points;
  pair.differing_out = out.differing;
  if (a.steps.q && b.steps.q) pair.differing_q = count("q", *a.steps.q, *b.steps.q).differing;
  return pair;
}

std::string joined(const std::vector<std::string>& causes) {
  std::string text;
  for (const std::string& cause : causes) text += (text.empty() ? "" : " | ") + cause;
  return text;
}

void explain_differences(const LayerParams& layer, const Implementation& golden, const Implementation& oracle,
                         std::int64_t examine, Certificate& certificate) {
  const DifferingPoints points(golden.steps, oracle.steps, certificate.domain);
  const Explainer explainer(layer, *golden.variant);
  std::map<std::string, std::int64_t> causes;
  std::int64_t unexplained = 0;
  points.visit_sample(examine, [&](std::size_t index, std::int32_t acc) {
    const int bias = certificate.domain.slices[index].bias;
    Observed observed{std::nullopt, value_at(golden.steps.out[index], acc)};
    if (golden.steps.q) observed.q = value_at((*golden.steps.q)[index], acc);
    const Explanation explanation = explainer.explain({bias, acc, {}, {}}, observed);
    ++certificate.examined;
    if (explanation.explained) {
      ++causes[joined(explanation.causes)];
      return true;
    }
    if (!certificate.first_unexplained)
      certificate.first_unexplained =
          FirstDifference{explanation.stage, bias, acc, observed.out, explanation.exact_out};
    return ++unexplained < kUnexplainedEnough;
  });
  certificate.differing_points += points.count();
  certificate.unexplained += unexplained;
  for (const auto& [cause, count] : causes) certificate.causes.push_back({golden.name, cause, count});
}

const Implementation* find(const std::vector<Implementation>& implementations, const std::string& name) {
  const auto found = std::find_if(implementations.begin(), implementations.end(),
                                  [&](const Implementation& candidate) { return candidate.name == name; });
  return found == implementations.end() ? nullptr : &*found;
}

}  // namespace

Certificate certify(const LayerParams& layer, exact::Domain domain,
                    const std::vector<Implementation>& implementations, const std::string& target,
                    bool match_q, std::int64_t examine) {
  Certificate certificate;
  certificate.domain = std::move(domain);
  certificate.mac = check_mac();
  const Implementation* oracle = find(implementations, "oracle");
  if (oracle == nullptr) throw InputError("certify: expected an oracle to compare with");
  if (find(implementations, "model") != nullptr && find(implementations, target) == nullptr)
    throw InputError("certify: expected the steps of " + target +
                     ", which the program was compiled for; there are none");
  for (auto a = implementations.begin(); a != implementations.end(); ++a)
    for (auto b = a + 1; b != implementations.end(); ++b) {
      certificate.pairs.push_back(compare_pair(*a, *b, certificate.domain));
      const PairResult& pair = certificate.pairs.back();
      if ((pair.a == "model" && pair.b == target) || (pair.b == "model" && pair.a == target))
        certificate.model_differing = std::max(pair.differing_out, match_q ? pair.differing_q : 0);
      if (pair.a == "model" && pair.b == "rtl")
        certificate.rtl_differing = std::max(pair.differing_out, pair.differing_q);
    }
  std::int64_t compared = 0;
  for (const PairResult& pair : certificate.pairs) compared += pair.points;
  if (compared == 0) throw InputError("certify: nothing was compared");
  for (const Implementation& golden : implementations)
    if (golden.variant) explain_differences(layer, golden, *oracle, examine, certificate);
  return certificate;
}

}  // namespace quasim::compile
