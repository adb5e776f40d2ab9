#include "compile/rank_ladder.hpp"

#include <algorithm>
#include <cmath>

namespace quasim::compile {
namespace {

constexpr double kLowest = -1.278464542761074;  // where silu is least
constexpr double kFar = 1e6;                    // silu(v) is v or 0 long before

double silu(double v) {
  return v / (1.0 + std::exp(-v));
}

/// Accumulators a unit of y.
double per_y(const LayerParams& layer) {
  return 1.0 / (double{layer.input_scale} * double{layer.weight_scale});
}

/// The v left or right of the lowest point at which silu reaches `level`; the lowest point where it never
/// does.
double crossing(double level, bool rising) {
  double low = rising ? kLowest : -kFar, high = rising ? kFar : kLowest;
  if (level <= silu(kLowest)) return kLowest;
  for (int i = 0; i < 200 && low < high; ++i) {
    const double middle = low + (high - low) / 2;
    if ((silu(middle) < level) == rising)
      low = middle;
    else
      high = middle;
  }
  return low;
}

class SliceRanks {
 public:
  SliceRanks(const exact::Slice& slice, const exact::SliceSteps& steps, int turn, double lowest_acc)
      : slice_(slice), steps_(steps), turn_(turn) {
    // The least output marks the place itself; where a slice does not have it, geometry does.
    const auto is_least = [turn](const exact::Step& step) { return step.value == -turn; };
    const auto first = std::find_if(steps.begin(), steps.end(), is_least);
    if (first == steps.end()) {
      const double beyond = std::clamp(std::ceil(lowest_acc), -0x1p30, 0x1p30);
      rises_from_ = static_cast<std::int64_t>(beyond);
    } else {
      rises_from_ = first->acc;
    }
    for (std::size_t i = 0; i < steps.size(); ++i) add(i);
    // The side that a slice ends on before it has come to the least output could be the other one as well.
    if (runs_.front().rank > turn) runs_.front().chosen = true;
    if (runs_.back().rank < turn) runs_.back().chosen = true;
  }

  std::vector<RankRun> take() { return std::move(runs_); }
  bool falls() const { return falls_; }

 private:
  void add(std::size_t i) {
    const std::int32_t first = steps_[i].acc;
    const std::int32_t last = i + 1 < steps_.size() ? steps_[i + 1].acc - 1 : slice_.acc_max;
    const int value = steps_[i].value, falling = -value, rising = 2 * turn_ + value;
    if (falling == rising || value > 0)
      append({first, last, rising, false});
    else if (last < rises_from_)
      append({first, last, falling, false});
    else if (first >= rises_from_)
      append({first, last, rising, false});
    else {
      append({first, static_cast<std::int32_t>(rises_from_ - 1), falling, true});
      append({static_cast<std::int32_t>(rises_from_), last, rising, true});
    }
  }
  void append(RankRun run) {
    if (!runs_.empty() && run.rank < runs_.back().rank) {
      falls_ = true;
      run.rank = runs_.back().rank;
    }
    if (!runs_.empty() && run.rank == runs_.back().rank)
      runs_.back().last = run.last;
    else
      runs_.push_back(run);
  }

  const exact::Slice& slice_;
  const exact::SliceSteps& steps_;
  int turn_;
  std::int64_t rises_from_ = 0;
  std::vector<RankRun> runs_;
  bool falls_ = false;
};

}  // namespace

double bias_shift(const LayerParams& layer, int bias) {
  return double{layer.bias_scale.value_or(0.0F)} * bias * per_y(layer);
}

std::vector<double> real_thresholds(const LayerParams& layer, int turn, int count) {
  std::vector<double> thresholds;
  for (int k = 0; k < count; ++k) {
    const bool rising = k >= turn;
    const double level = rising ? k - 2 * turn + 0.5 : -(k + 0.5);
    thresholds.push_back(crossing(level * double{layer.output_scale}, rising) * per_y(layer));
  }
  return thresholds;
}

RankLadder make_rank_ladder(const LayerParams& layer, const exact::Domain& domain,
                            const exact::StepFunction& out) {
  RankLadder ladder;
  for (const exact::SliceSteps& steps : out)
    for (const exact::Step& step : steps) ladder.turn = std::max(ladder.turn, -int{step.value});
  for (std::size_t s = 0; s < out.size(); ++s) {
    const exact::Slice& slice = domain.slices[s];
    SliceRanks ranks(slice, out[s], ladder.turn, kLowest * per_y(layer) - bias_shift(layer, slice.bias));
    ladder.falls.push_back(ranks.falls());
    ladder.slices.push_back(ranks.take());
    const std::vector<RankRun>& runs = ladder.slices.back();
    ladder.lowest = s == 0 ? runs.front().rank : std::min(ladder.lowest, runs.front().rank);
    ladder.highest = std::max(ladder.highest, runs.back().rank);
  }
  return ladder;
}

}  // namespace quasim::compile
