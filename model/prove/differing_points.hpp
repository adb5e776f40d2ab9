// The points of a domain at which two implementations differ, all counted, and a sample of them where they
// are too many to look at one by one.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "exact/steps.hpp"

namespace quasim::compile {

/// How many differing points are explained one by one unless told otherwise. An explanation takes about a
/// millisecond; real goldens differ from exact arithmetic in at most a few hundred points of a layer.
constexpr std::int64_t kExaminedDefault = 4096;
/// After so many unexplained points a sample is not looked at any further: each costs a search over all sets
/// of roundings, and the verdict stands.
constexpr std::int64_t kUnexplainedEnough = 64;

/// The i-th of `wanted` places spread evenly over `count`; the i-th of all where all are wanted.
constexpr std::int64_t sample_place(std::int64_t i, std::int64_t wanted, std::int64_t count) {
  return i * (count / wanted) + i * (count % wanted) / wanted;
}

class DifferingPoints {
 public:
  /// The points at which q or out differ; where either has no q, out alone.
  DifferingPoints(const exact::StageSteps& a, const exact::StageSteps& b, const exact::Domain& domain);

  std::int64_t count() const { return count_; }
  /// Visits up to `limit` points, in order of slice and acc: all of them, or as many spread evenly over all.
  /// Ends where `visit` returns false.
  void visit_sample(std::int64_t limit,
                    const std::function<bool(std::size_t slice, std::int32_t acc)>& visit) const;

 private:
  struct Run {
    std::size_t slice;
    std::int32_t first, last;
    std::int64_t points() const { return std::int64_t{last} - first + 1; }
  };
  std::vector<Run> runs_;  ///< ascending, none touches the next
  std::int64_t count_ = 0;
};

}  // namespace quasim::compile
