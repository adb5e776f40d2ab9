#include "fast/lattice_fit.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <utility>

namespace qg {
namespace {

constexpr int kLatticeBinsMax = 1024;
constexpr std::int64_t kOne = std::int64_t{1} << 32;  // one bin
constexpr std::int64_t kGrid = 1 << 16;               // a step lies on a multiple of 2^-16 bin
constexpr std::int64_t kFar = std::int64_t{1} << 60;
constexpr int kSlopesTried = 600;
constexpr double kSlopeMax = 0.25 * 4294967296.0;

// The offsets under which a bias is right, given its slope.
struct Window {
  std::int64_t low = -kFar;
  std::int64_t high = kFar;
  bool open() const { return low <= high; }
};

// A number of bins in 2^-32 bins; false where it is too far away to be of use.
bool in_bins(double position, std::int64_t& fixed) {
  if (!(std::abs(position) < 1e6)) return false;
  fixed = std::llround(position * static_cast<double>(kOne));
  return true;
}

std::size_t index_of(const LatticeStep& s) {
  return static_cast<std::size_t>(s.bias + 128);
}

std::uint32_t constant_entry(int value, bool stepped) {
  const std::uint32_t byte = static_cast<std::uint8_t>(static_cast<std::int8_t>(value));
  return (stepped ? byte ^ 0x80u : byte) << 16;
}

// A step from `before` to before +- 1 at `fraction` of the bin, in units of the fraction, above 0.
std::uint32_t step_entry(int before, bool down, std::int64_t fraction) {
  const std::uint32_t code = static_cast<std::uint8_t>(static_cast<std::int8_t>(before)) ^ 0x80u;
  const std::uint32_t carry_at = static_cast<std::uint32_t>(65536 - fraction);
  return (down ? 0xFF000000u | (code ^ 0xFFu) << 16 : code << 16) | carry_at;
}

// One step of the output, seen by some biases, between its neighbours on the line.
struct Threshold {
  int before = 0, after = 0;
  std::int64_t low = -kFar;  // the last position with `before`
  std::int64_t high = kFar;  // the first with `after`
  std::int64_t at = 0;
};

// Whether both sides of a step count.
bool counts(const AccRanges& ranges, const LatticeStep& s) {
  const AccRange& range = ranges[index_of(s)];
  return range.first < s.acc && s.acc <= range.last;
}

int threshold_id(const LatticeStep& s) {
  return (s.after > s.before ? 256 : 0) + s.before + 128;
}

}  // namespace

AccRanges reachable_accs(const std::vector<std::int8_t>& weight, const std::vector<std::int8_t>& bias) {
  AccRanges ranges;
  const std::size_t taps = bias.empty() ? 0 : weight.size() / bias.size();
  for (std::size_t c = 0; c < bias.size(); ++c) {
    AccRange here{0, 0};
    for (std::size_t k = 0; k < taps; ++k) {
      const int w = weight[c * taps + k];
      here.first += std::min(-128 * w, 127 * w);
      here.last += std::max(-128 * w, 127 * w);
    }
    AccRange& range = ranges[static_cast<std::size_t>(bias[c] + 128)];
    range = range.size() == 0 ? here
                              : AccRange{std::min(range.first, here.first), std::max(range.last, here.last)};
  }
  return ranges;
}

AccRanges all_accs(const AccRanges& ranges, int taps) {
  AccRanges all;
  for (std::size_t i = 0; i < kBiases; ++i)
    if (ranges[i].size() != 0) all[i] = {-16384 * taps, 16384 * taps};
  return all;
}

LatticeFit fit_linear(const LatticeLine& line, double conv_scale, int lowest_q, int q_count,
                      const std::vector<LatticeStep>& steps, const AccRanges& ranges) {
  LatticeFit fit;
  const double nominal = line.s_wx / conv_scale * static_cast<double>(kOne);
  if (q_count > kLatticeBinsMax || !(nominal >= 1.0) || nominal > kSlopeMax || steps.empty()) return fit;
  std::vector<int> value(static_cast<std::size_t>(q_count), std::numeric_limits<int>::max());
  std::array<std::vector<const LatticeStep*>, kBiases> of_bias;
  for (const LatticeStep& s : steps) {
    value[static_cast<std::size_t>(s.q_before - lowest_q)] = s.before;
    value[static_cast<std::size_t>(s.q_after - lowest_q)] = s.after;
    if (s.before != s.after && counts(ranges, s)) of_bias[index_of(s)].push_back(&s);
  }
  // a q that no point has: any value does
  int last = 0;
  for (int v : value)
    if (v != std::numeric_limits<int>::max()) {
      last = v;
      break;
    }
  for (int v : value) {
    if (v != std::numeric_limits<int>::max()) last = v;
    fit.entries.push_back(constant_entry(last, false));
  }
  // Slopes next to the nominal one are tried, nearest first, until every bias has an offset.
  for (int d = 0; d <= kSlopesTried && !fit.found; ++d) {
    const std::int64_t slope = std::llround(nominal) + (d % 2 != 0 ? (d + 1) / 2 : -d / 2);
    fit.found = true;
    for (std::size_t bias = 0; bias < kBiases && fit.found; ++bias) {
      if (ranges[bias].size() == 0) continue;
      Window w;
      for (const LatticeStep* s : of_bias[bias]) {
        w.low = std::max(w.low, (s->q_after - lowest_q) * kOne - s->acc * slope);
        w.high =
            std::min(w.high, (s->q_before - lowest_q + 1) * kOne - 1 - (s->acc - std::int64_t{1}) * slope);
      }
      fit.found = w.open();
      std::int64_t nominal_offset = 0;
      if (!in_bins(line.bias_y[bias] / conv_scale - lowest_q + 0.5, nominal_offset)) return {};
      if (fit.found) fit.offset[bias] = std::clamp(nominal_offset, w.low, w.high);
    }
    fit.slope = static_cast<std::int32_t>(slope);
  }
  return fit;
}

namespace {

// Bins of one width, from just before the first threshold to just after the last; false where two thresholds
// share one.
bool lay(const std::vector<double>& at, int bins, double& width, double& origin) {
  width = (at.back() - at.front()) / (bins - 3);
  if (!(width > 0)) width = 1.0;
  origin = at.front() - 1.5 * width;
  for (std::size_t i = 1; i < at.size(); ++i)
    if (std::floor((at[i] - origin) / width) == std::floor((at[i - 1] - origin) / width)) return false;
  return true;
}

// Tries one width. Thresholds and offsets take turns to move until every bias is right.
bool settle(const LatticeLine& line, const std::vector<LatticeStep>& steps, const AccRanges& ranges,
            const std::vector<int>& place, std::vector<Threshold>& thresholds, double width, double origin,
            LatticeFit& fit) {
  const double nominal = line.s_wx / width * static_cast<double>(kOne);
  if (!(nominal >= 1.0) || nominal > kSlopeMax) return false;
  const std::int64_t slope = std::llround(nominal);
  std::array<std::int64_t, kBiases> offset{};
  for (std::size_t i = 0; i < kBiases; ++i)
    if (ranges[i].size() != 0 && !in_bins((line.bias_y[i] - origin) / width, offset[i])) return false;
  bool right = false;
  for (int round = 0; round < 8 && !right; ++round) {
    for (Threshold& t : thresholds) t.low = -kFar, t.high = kFar;
    for (const LatticeStep& s : steps) {
      if (!counts(ranges, s)) continue;
      Threshold& t = thresholds[static_cast<std::size_t>(place[static_cast<std::size_t>(threshold_id(s))])];
      const std::int64_t position = s.acc * slope + offset[index_of(s)];
      t.low = std::max(t.low, position - slope);
      t.high = std::min(t.high, position);
    }
    for (Threshold& t : thresholds) t.at = ((t.low + t.high) / 2 + kGrid / 2) / kGrid * kGrid;
    std::array<Window, kBiases> windows;
    for (const LatticeStep& s : steps) {
      if (!counts(ranges, s)) continue;
      Window& w = windows[index_of(s)];
      const Threshold& t =
          thresholds[static_cast<std::size_t>(place[static_cast<std::size_t>(threshold_id(s))])];
      w.low = std::max(w.low, t.at - s.acc * slope);
      w.high = std::min(w.high, t.at - 1 - (s.acc - std::int64_t{1}) * slope);
    }
    right = true;
    for (std::size_t i = 0; i < kBiases; ++i) {
      if (ranges[i].size() == 0) continue;
      const Window& w = windows[i];
      if (offset[i] >= w.low && offset[i] <= w.high) continue;
      right = false;
      const std::int64_t margin = w.open() ? (w.high - w.low) / 8 : 0;
      offset[i] = w.open() ? std::clamp(offset[i], w.low + margin, w.high - margin) : (w.low + w.high) / 2;
    }
  }
  if (!right) return false;
  fit.slope = static_cast<std::int32_t>(slope);
  fit.offset = offset;
  return true;
}

}  // namespace

LatticeFit fit_stepped(const LatticeLine& line, const std::vector<LatticeStep>& steps,
                       const AccRanges& ranges) {
  LatticeFit fit;
  fit.stepped = true;
  // where each step lies in y, between the last point before it and the first after it, over all biases
  std::array<std::pair<double, double>, 512> between;
  between.fill({-1e300, 1e300});
  std::vector<int> ids;
  for (const LatticeStep& s : steps) {
    if (!counts(ranges, s)) continue;
    if (std::abs(s.after - s.before) != 1) return fit;
    const int id = threshold_id(s);
    auto& [low, high] = between[static_cast<std::size_t>(id)];
    if (low == -1e300) ids.push_back(id);
    const double y = line.s_wx * s.acc + line.bias_y[index_of(s)];
    low = std::max(low, y - line.s_wx);
    high = std::min(high, y);
  }
  if (ids.empty()) return fit;
  const auto middle = [&](int id) {
    const auto& [low, high] = between[static_cast<std::size_t>(id)];
    return low + (high - low) / 2;
  };
  std::sort(ids.begin(), ids.end(), [&](int a, int b) { return middle(a) < middle(b); });
  std::vector<Threshold> thresholds;
  std::vector<int> place(512, -1);
  std::vector<double> at;
  for (int id : ids) {
    place[static_cast<std::size_t>(id)] = static_cast<int>(thresholds.size());
    Threshold t;
    t.before = (id & 255) - 128;
    t.after = t.before + (id >= 256 ? 1 : -1);
    if (!thresholds.empty() && thresholds.back().after != t.before) return fit;  // the output flickers
    thresholds.push_back(t);
    at.push_back(middle(id));
  }
  int tries = 16;
  for (int bins = 16; bins <= kLatticeBinsMax && tries > 0; bins += 4) {
    double width, origin;
    if (!lay(at, bins, width, origin)) continue;
    --tries;
    if (!settle(line, steps, ranges, place, thresholds, width, origin, fit)) continue;
    std::vector<std::uint32_t> entries;
    bool one_each = true;
    for (const Threshold& t : thresholds) {
      const std::int64_t bin = t.at / kOne;
      const std::int64_t fraction = t.at % kOne / kGrid;
      one_each = one_each && t.at > 0 && bin < bins - 1 && static_cast<std::int64_t>(entries.size()) <= bin;
      if (!one_each) break;
      while (static_cast<std::int64_t>(entries.size()) < bin)
        entries.push_back(constant_entry(t.before, true));
      entries.push_back(fraction == 0 ? constant_entry(t.after, true)
                                      : step_entry(t.before, t.after < t.before, fraction));
    }
    if (!one_each) continue;
    while (entries.size() < static_cast<std::size_t>(bins))
      entries.push_back(constant_entry(thresholds.back().after, true));
    if (entries.front() != constant_entry(thresholds.front().before, true)) continue;
    fit.entries = std::move(entries);
    fit.found = true;
    return fit;
  }
  return fit;
}

std::int64_t key_of_float(float y) {
  std::uint32_t bits;
  std::memcpy(&bits, &y, sizeof bits);
  return (bits & 0x80000000u) ? -1 - static_cast<std::int64_t>(bits & 0x7FFFFFFFu)
                              : static_cast<std::int64_t>(bits);
}

float float_of_key(std::int64_t key) {
  const std::uint32_t bits =
      static_cast<std::uint32_t>(key >= 0 ? key : -1 - key) | (key >= 0 ? 0u : 0x80000000u);
  float y;
  std::memcpy(&y, &bits, sizeof y);
  return y;
}

std::vector<TailThreshold> thresholds_of(const std::vector<TailStep>& steps) {
  std::vector<TailThreshold> found;
  for (const TailStep& step : steps) {
    const double last_before = static_cast<double>(float_of_key(step.key - 1));
    const double first_after = static_cast<double>(float_of_key(step.key));
    // steps within some ulps are one that flickers
    if (!found.empty() && last_before - found.back().first_after <= 1e-5 * std::abs(first_after)) {
      found.back().first_after = first_after;
      found.back().after = step.after;
    } else {
      found.push_back({last_before, first_after, step.before, step.after});
    }
  }
  return found;
}

namespace {

// What rounding the slope and an offset costs at the farthest acc, and a step to the grid, in bins.
constexpr double kRounding = 0.5 * 65536.0 / 4294967296.0 + 1.0 / 4294967296.0 + 0.5 / kTapGrid;

// Far from any step, whatever the fraction.
std::uint32_t certain_entry(int value) {
  return constant_entry(value, true) | 0x4000u;
}

double middle(const TailThreshold& t) {
  return t.last_before + (t.first_after - t.last_before) / 2;
}

// Slope and offsets for bins of one width; false where they do not fit their types.
bool draw_line(const LatticeLine& line, const AccRanges& ranges, double width, double origin,
               LatticeFit& fit) {
  const double nominal = line.s_wx / width * static_cast<double>(kOne);
  if (!(nominal >= 1.0) || nominal > kSlopeMax) return false;
  fit.slope = static_cast<std::int32_t>(std::llround(nominal));
  for (std::size_t i = 0; i < kBiases; ++i)
    if (ranges[i].size() != 0 && !in_bins((line.bias_y[i] - origin) / width, fit.offset[i])) return false;
  return true;
}

}  // namespace

// Each rounding is worth half an ulp, 2^-24 of the largest number that it can round; what the scaled weights
// lost is known. A partial sum is no larger than all terms so far, and no larger than y, which is then near a
// step, and all terms still to come.
double farthest_y(float s_wx, float s_b, bool update, const std::int8_t* weight, int taps, int bias,
                  double farthest_step) {
  constexpr double kHalfUlp = 1.0 / 16777216.0;
  constexpr double kFlushed = 1e-36;  // denormals, where they are flushed
  std::vector<double> product;        // the largest, of each tap
  double lost = 0, to_come = 0;
  for (int k = 0; k < taps; ++k) {
    const float scaled = s_wx * static_cast<float>(weight[k]);
    product.push_back(128.0 * std::abs(static_cast<double>(scaled)));
    lost += 128.0 * std::abs(static_cast<double>(scaled) - static_cast<double>(s_wx) * weight[k]);
    to_come += product.back();
  }
  double so_far = std::abs(static_cast<double>(s_b) * bias);
  // any bound will do here, it only widens `farthest_step` a little
  const double near_step = farthest_step + 16.0 * kHalfUlp * (so_far + to_come);
  double error = lost + kHalfUlp * so_far;
  if (update) error += kHalfUlp * product.front();  // the product that may be rounded
  for (const double p : product) {
    so_far += p;
    to_come -= p;
    error += kHalfUlp * std::min(so_far, near_step + to_come);
  }
  return 1.001 * error + kFlushed;
}

double doubt_of(const TapFit& made, double farthest) {
  return std::ceil((made.slack + farthest / made.width) * kTapGrid) + 1.0;
}

TapFit fit_taps_linear(const LatticeLine& line, double conv_scale, int lowest_q, int q_count,
                       const AccRanges& ranges, const std::vector<TailThreshold>& thresholds) {
  TapFit made;
  made.fit.stepped = true;
  made.width = conv_scale;
  const double origin = (lowest_q - 0.5) * conv_scale;
  if (q_count > kLatticeBinsMax || thresholds.empty() ||
      !draw_line(line, ranges, conv_scale, origin, made.fit))
    return made;
  std::size_t next = 0;
  int value = thresholds.front().before;
  for (int bin = 0; bin < q_count; ++bin) {
    // the steps at this bin's lower edge
    const std::size_t first = next;
    for (; next < thresholds.size(); ++next) {
      const TailThreshold& t = thresholds[next];
      if ((middle(t) - origin) / conv_scale >= bin + 0.5) break;
      made.slack = std::max({made.slack, std::abs((t.last_before - origin) / conv_scale - bin),
                             std::abs((t.first_after - origin) / conv_scale - bin)});
      value = t.after;
    }
    made.fit.entries.push_back(next == first ? certain_entry(value) : constant_entry(value, true));
  }
  made.fit.entries.push_back(certain_entry(value));  // beyond the last q
  made.slack += kRounding;
  made.fit.found = next == thresholds.size();
  return made;
}

TapFit fit_taps_stepped(const LatticeLine& line, const AccRanges& ranges,
                        const std::vector<TailThreshold>& thresholds, double farthest_y) {
  TapFit made;
  made.fit.stepped = true;
  std::vector<double> at;
  double widest = 0;
  for (std::size_t i = 0; i < thresholds.size(); ++i) {
    const TailThreshold& t = thresholds[i];
    if (std::abs(t.after - t.before) != 1 || (i != 0 && thresholds[i - 1].after != t.before)) return made;
    at.push_back(middle(t));
    widest = std::max(widest, t.first_after - t.last_before);
  }
  if (at.empty()) return made;
  for (int bins = 16; bins <= kLatticeBinsMax; bins += 4) {
    double width, origin;
    if (!lay(at, bins, width, origin) || !draw_line(line, ranges, width, origin, made.fit)) continue;
    made.width = width;
    made.slack = 0.5 * widest / width + kRounding;
    const double reserve = 2.0 * (made.slack + farthest_y / width) * kTapGrid + 4.0;
    std::vector<std::uint32_t> entries;
    bool clear = true;
    for (std::size_t i = 0; i < at.size() && clear; ++i) {
      const double position = (at[i] - origin) / width;
      const std::size_t bin = static_cast<std::size_t>(position);
      const std::int64_t fraction = std::llround((position - static_cast<double>(bin)) * kTapGrid);
      clear = static_cast<double>(fraction) > reserve && kTapGrid - static_cast<double>(fraction) > reserve;
      while (entries.size() < bin) entries.push_back(certain_entry(thresholds[i].before));
      entries.push_back(
          step_entry(thresholds[i].before, thresholds[i].after < thresholds[i].before, fraction));
    }
    if (!clear) continue;
    while (entries.size() < static_cast<std::size_t>(bins))
      entries.push_back(certain_entry(thresholds.back().after));
    made.fit.entries = std::move(entries);
    made.fit.found = true;
    return made;
  }
  return made;
}

}  // namespace qg
