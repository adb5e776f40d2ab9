// The host side of the lattice kernels, without CUDA: finds the line and the table with which they go from
// acc to int8 (lattice.cuh says how, docs/golden.md has an example with numbers). The order seqlast has one y
// for each point (acc, bias), so one slope, an offset for each bias value and one table can be right at every
// point. They are found from the steps of the golden. That they are right is checked on the GPU afterwards,
// point by point, and for the layers of vectors/ in a test that needs no GPU.
#ifndef QUASIM_CUDA_GOLDEN_LATTICE_FIT_HPP_
#define QUASIM_CUDA_GOLDEN_LATTICE_FIT_HPP_

#include <array>
#include <cstdint>
#include <vector>

namespace qg {

constexpr int kBiases = 256;  // -128 first

// A place where the output, or q, changes between acc - 1 and acc of one bias.
struct LatticeStep {
  std::int32_t acc;
  std::int16_t bias;
  std::int16_t q_before, q_after;  // 0 for fused
  std::int8_t before, after;       // the output
};

// One place on the ordered line of fp32 numbers where the output changes.
struct TailStep {
  std::int64_t key;  // of the first y with the new value
  int before, after;
};

struct LatticeFit {
  bool found = false;  // for every bias of which any acc counts
  bool stepped = false;
  std::vector<std::uint32_t> entries;  // see entry layout in lattice.cuh
  std::int32_t slope = 0;
  std::array<std::int64_t, kBiases> offset{};
};

// What the line starts from: y = s_wx * acc + bias_y, exact products of fp32 numbers.
struct LatticeLine {
  double s_wx;
  std::array<double, kBiases> bias_y;
};

// The accumulators of one bias value that count; first > last: none do.
struct AccRange {
  std::int32_t first = 0, last = -1;
  std::int64_t size() const { return last < first ? 0 : std::int64_t{last} - first + 1; }
};
using AccRanges = std::array<AccRange, kBiases>;
// Those that int8 samples can reach: weight [C,K], bias [C].
AccRanges reachable_accs(const std::vector<std::int8_t>& weight, const std::vector<std::int8_t>& bias);
// -K * 2^14 .. K * 2^14 wherever `ranges` has any.
AccRanges all_accs(const AccRanges& ranges, int taps);

// two_step: bin k is q = lowest_q + k, 2^conv_bits bins; the entry is the output of that q.
LatticeFit fit_linear(const LatticeLine& line, double conv_scale, int lowest_q, int q_count,
                      const std::vector<LatticeStep>& steps, const AccRanges& ranges);

// fused: bins narrow enough that each holds at most one step.
LatticeFit fit_stepped(const LatticeLine& line, const std::vector<LatticeStep>& steps,
                       const AccRanges& ranges);

// A step of the tail y -> int8 on the line of y, as the scan of every fp32 number found it: the output is
// `before` up to last_before and `after` from first_after on; in between it may flicker.
struct TailThreshold {
  double last_before, first_after;
  int before, after;
};
std::vector<TailThreshold> thresholds_of(const std::vector<TailStep>& steps);

// A line and a table for a y that is only near s_wx * acc + s_b * b, by at most farthest_y. `slack`: how far,
// in bins, a step of the tail may lie from where line and table have it; farthest_y / width comes on top.
//
// The fraction has one bit less than elsewhere, so that the lower half of entry + fraction can tell how far
// the position is above a step:
//
//   0 to 2^15 - 1       so many units of the fraction above the step
//   2^14 and more       also where the bin holds no step, neither inside nor at its lower edge
//   2^15 and more       below the step
//
// A small number therefore means that a step is near, and nothing else does.
constexpr int kTapFractionBits = 15;
constexpr double kTapGrid = 1 << kTapFractionBits;
struct TapFit {
  LatticeFit fit;
  double width = 0;  // of a bin, in y
  double slack = 0;
};
// How far the y of any order can be from s_wx * acc + s_b * bias, whatever the samples, where that matters:
// with a step of the output, no farther from 0 than farthest_step, between the two. weight [taps], oldest
// first.
double farthest_y(float s_wx, float s_b, bool update, const std::int8_t* weight, int taps, int bias,
                  double farthest_step);
// The doubt about a y at most `farthest` from the line, in units of the fraction: a step is no farther from
// where line and table have it.
double doubt_of(const TapFit& made, double farthest);
// two_step: bins are q, as in fit_linear; the steps are the bins' edges. Offsets only of biases in `ranges`.
TapFit fit_taps_linear(const LatticeLine& line, double conv_scale, int lowest_q, int q_count,
                       const AccRanges& ranges, const std::vector<TailThreshold>& thresholds);
// fused: at most one step a bin, and none so near to an edge that the doubt about it would reach over.
TapFit fit_taps_stepped(const LatticeLine& line, const AccRanges& ranges,
                        const std::vector<TailThreshold>& thresholds, double farthest_y);

// Keys order the fp32 numbers: ..., -1: -0, 0: +0, 1: the smallest denormal, ...
std::int64_t key_of_float(float y);
float float_of_key(std::int64_t key);

}  // namespace qg

#endif  // QUASIM_CUDA_GOLDEN_LATTICE_FIT_HPP_
