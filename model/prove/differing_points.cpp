#include "prove/differing_points.hpp"

#include <algorithm>
#include <tuple>

namespace quasim::compile {

DifferingPoints::DifferingPoints(const exact::StageSteps& a, const exact::StageSteps& b,
                                 const exact::Domain& domain) {
  std::vector<Run> found;
  const auto note = [&](const exact::Slice& slice, std::int32_t first, std::int32_t last, int, int) {
    found.push_back({static_cast<std::size_t>(&slice - domain.slices.data()), first, last});
  };
  compare(a.out, b.out, domain, note);
  if (a.q && b.q) compare(*a.q, *b.q, domain, note);
  std::sort(found.begin(), found.end(), [](const Run& x, const Run& y) {
    return std::tie(x.slice, x.first) < std::tie(y.slice, y.first);
  });
  for (const Run& run : found) {
    if (!runs_.empty() && runs_.back().slice == run.slice && run.first <= std::int64_t{runs_.back().last} + 1)
      runs_.back().last = std::max(runs_.back().last, run.last);
    else
      runs_.push_back(run);
  }
  for (const Run& run : runs_) count_ += run.points();
}

void DifferingPoints::visit_sample(
    std::int64_t limit, const std::function<bool(std::size_t slice, std::int32_t acc)>& visit) const {
  const std::int64_t wanted = std::min(limit, count_);
  auto run = runs_.begin();
  std::int64_t before = 0;  // points of the runs before this one
  for (std::int64_t i = 0; i < wanted; ++i) {
    const std::int64_t place = sample_place(i, wanted, count_);
    while (place >= before + run->points()) before += (run++)->points();
    if (!visit(run->slice, static_cast<std::int32_t>(run->first + (place - before)))) return;
  }
}

}  // namespace quasim::compile
