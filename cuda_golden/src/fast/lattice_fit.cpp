#include "fast/lattice_fit.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <iterator>
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

// The offsets with which every step of one bias value falls on its side, for a given slope.
struct OffsetInterval {
  std::int64_t low = -kFar;
  std::int64_t high = kFar;
  bool open() const { return low <= high; }
};

// A position in bins as a fixed-point number with 32 fractional bits; false where it is so far away that no
// table reaches it.
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

// The entry of a bin in which the output changes from `before` to one more, or one less. The step lies at
// `fraction`, above 0, in units of the fraction.
std::uint32_t step_entry(int before, bool down, std::int64_t fraction) {
  const std::uint32_t code = static_cast<std::uint8_t>(static_cast<std::int8_t>(before)) ^ 0x80u;
  const std::uint32_t carry_at = static_cast<std::uint32_t>(65536 - fraction);
  return (down ? 0xFF000000u | (code ^ 0xFFu) << 16 : code << 16) | carry_at;
}

// One change of the output from one value to the next, as the table will hold it. Each bias value shows it
// between two of its own accumulators; the threshold must lie between all those pairs.
struct Threshold {
  int before = 0, after = 0;
  std::int64_t low = -kFar;  // the last position with `before`, over all bias values
  std::int64_t high = kFar;  // the first position with `after`
  std::int64_t at = 0;       // where the table puts it
};

// Whether the accumulators on both sides of a step are among those that count.
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
  // Entries of q that no point has may hold anything; they repeat the one before.
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
  // The slope that the scales say is tried first, then its neighbours, nearest first, until every bias value
  // has an offset.
  for (int d = 0; d <= kSlopesTried && !fit.found; ++d) {
    const std::int64_t slope = std::llround(nominal) + (d % 2 != 0 ? (d + 1) / 2 : -d / 2);
    fit.found = true;
    for (std::size_t bias = 0; bias < kBiases && fit.found; ++bias) {
      if (ranges[bias].size() == 0) continue;
      OffsetInterval fits;
      for (const LatticeStep* s : of_bias[bias]) {
        fits.low = std::max(fits.low, (s->q_after - lowest_q) * kOne - s->acc * slope);
        fits.high =
            std::min(fits.high, (s->q_before - lowest_q + 1) * kOne - 1 - (s->acc - std::int64_t{1}) * slope);
      }
      fit.found = fits.open();
      std::int64_t nominal_offset = 0;
      if (!in_bins(line.bias_y[bias] / conv_scale - lowest_q + 0.5, nominal_offset)) return {};
      if (fit.found) fit.offset[bias] = std::clamp(nominal_offset, fits.low, fits.high);
    }
    fit.slope = static_cast<std::int32_t>(slope);
  }
  return fit;
}

namespace {

// Lays bins of one width over the places `at`, in y, of the thresholds: from just before the first to just
// after the last. False where two thresholds would share a bin.
bool lay(const std::vector<double>& at, int bins, double& width, double& origin) {
  width = (at.back() - at.front()) / (bins - 3);
  if (!(width > 0)) width = 1.0;
  origin = at.front() - 1.5 * width;
  for (std::size_t i = 1; i < at.size(); ++i)
    if (std::floor((at[i] - origin) / width) == std::floor((at[i - 1] - origin) / width)) return false;
  return true;
}

// Looks for offsets and places of the thresholds for bins of one width. Every step counts. They depend on
// each other: with the offsets given, each threshold goes to the middle of the room that the bias values
// leave it; with the thresholds given, each bias value whose offset is not right gets a better one. A few
// rounds of that end with all of them right, or the width is given up.
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
      Threshold& t = thresholds[static_cast<std::size_t>(place[static_cast<std::size_t>(threshold_id(s))])];
      const std::int64_t position = s.acc * slope + offset[index_of(s)];
      t.low = std::max(t.low, position - slope);
      t.high = std::min(t.high, position);
    }
    for (Threshold& t : thresholds) t.at = ((t.low + t.high) / 2 + kGrid / 2) / kGrid * kGrid;
    std::array<OffsetInterval, kBiases> intervals;
    for (const LatticeStep& s : steps) {
      OffsetInterval& fits = intervals[index_of(s)];
      const Threshold& t =
          thresholds[static_cast<std::size_t>(place[static_cast<std::size_t>(threshold_id(s))])];
      fits.low = std::max(fits.low, t.at - s.acc * slope);
      fits.high = std::min(fits.high, t.at - 1 - (s.acc - std::int64_t{1}) * slope);
    }
    right = true;
    for (std::size_t i = 0; i < kBiases; ++i) {
      if (ranges[i].size() == 0) continue;
      const OffsetInterval& fits = intervals[i];
      if (offset[i] >= fits.low && offset[i] <= fits.high) continue;
      right = false;
      const std::int64_t margin = fits.open() ? (fits.high - fits.low) / 8 : 0;
      offset[i] = fits.open() ? std::clamp(offset[i], fits.low + margin, fits.high - margin)
                              : (fits.low + fits.high) / 2;
    }
  }
  if (!right) return false;
  fit.slope = static_cast<std::int32_t>(slope);
  fit.offset = offset;
  return true;
}

}  // namespace

LatticeFit fit_stepped(const LatticeLine& line, const std::vector<LatticeStep>& all,
                       const AccRanges& ranges) {
  LatticeFit fit;
  fit.stepped = true;
  std::vector<LatticeStep> steps;
  std::copy_if(all.begin(), all.end(), std::back_inserter(steps),
               [&](const LatticeStep& s) { return counts(ranges, s); });
  // For each step, the places in y between which it lies for every bias value.
  std::array<std::pair<double, double>, 512> between;
  between.fill({-1e300, 1e300});
  std::vector<int> ids;
  for (const LatticeStep& s : steps) {
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
    // Steps that are a few units in the last place apart are one: the output flickers there.
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

// In bins: how far rounding the slope and an offset can move the position of the farthest acc, together with
// how far rounding can move a step to its place in the table.
constexpr double kRounding = 0.5 * 65536.0 / 4294967296.0 + 1.0 / 4294967296.0 + 0.5 / kTapGrid;

// The entry of a bin without a step: whatever the fraction, the sum's lower half says that no step is near.
std::uint32_t certain_entry(int value) {
  return constant_entry(value, true) | 0x4000u;
}

double middle(const TailThreshold& t) {
  return t.last_before + (t.first_after - t.last_before) / 2;
}

// Rounds slope and offsets for bins of one width; false where they do not fit their types.
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

// y is a sum of rounded terms, and each rounding moves it by at most half a unit in the last place: 2^-24 of
// the largest number that is rounded there. How large can a partial sum be? No larger than all terms so far
// together; and no larger than y, which lies near a step, and all terms still to come. The smaller of the two
// counts. What rounding the scaled weights themselves lost is known, tap by tap.
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
    // The steps that lie at this bin's lower edge.
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
