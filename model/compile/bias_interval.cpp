#include "compile/bias_interval.hpp"

#include <algorithm>
#include <limits>

namespace quasim::compile {
namespace {

/// Keeps the lines that are greatest for some M; `lines` are in ascending acc.
std::vector<Line> upper_envelope(const std::vector<Line>& lines) {
  __extension__ using Wide = __int128;
  std::vector<Line> hull;
  for (const Line& line : lines) {
    if (!hull.empty() && hull.back().acc == line.acc) {
      if (hull.back().offset >= line.offset) continue;
      hull.pop_back();
    }
    while (hull.size() >= 2) {
      const Line &a = hull[hull.size() - 2], &b = hull.back();
      const Wide cross =
          Wide{b.offset - a.offset} * (line.acc - b.acc) - Wide{line.offset - b.offset} * (b.acc - a.acc);
      if (cross > 0) break;  // b rises above the chord from a to line
      hull.pop_back();
    }
    hull.push_back(line);
  }
  return hull;
}

}  // namespace

BiasInterval::BiasInterval(const SliceBounds& bounds, int shift_bits, const Datapath& datapath)
    : low_limit_(spec::min_of_bits(datapath.bias_bits)), high_limit_(spec::max_of_bits(datapath.bias_bits)) {
  for (const Bound& bound : bounds.at_least)
    lower_lines_.push_back({bound.acc, level_threshold(bound.level, shift_bits, datapath.rounding)});
  for (const Bound& bound : bounds.at_most)
    upper_lines_.push_back({bound.acc, level_threshold(bound.level + 1, shift_bits, datapath.rounding) - 1});
  low_envelope_ = upper_envelope(lower_lines_);
  std::vector<Line> negated;
  for (auto line = upper_lines_.rbegin(); line != upper_lines_.rend(); ++line)
    negated.push_back({-line->acc, -line->offset});
  negated_high_envelope_ = upper_envelope(negated);
}

std::int64_t BiasInterval::greatest(const std::vector<Line>& lines, std::int64_t multiplier,
                                    std::int64_t start) {
  for (const Line& line : lines) start = std::max(start, line.at(multiplier));
  return start;
}

std::int64_t worst_gap(const std::vector<BiasInterval>& intervals, std::int64_t multiplier) {
  std::int64_t worst = std::numeric_limits<std::int64_t>::min();
  for (const BiasInterval& interval : intervals) worst = std::max(worst, interval.gap(multiplier));
  return worst;
}

}  // namespace quasim::compile
