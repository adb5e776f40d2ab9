#include "exact/domain.hpp"

#include <algorithm>
#include <map>
#include <numeric>
#include <utility>

#include "spec/error.hpp"

namespace quasim::exact {
namespace {

constexpr int kSampleMin = static_cast<int>(spec::min_of_bits(spec::kSampleBits));
constexpr int kSampleMax = static_cast<int>(spec::max_of_bits(spec::kSampleBits));

}  // namespace

DomainKind parse_domain(std::string_view text) {
  if (text == "reachable") return DomainKind::kReachable;
  if (text == "full") return DomainKind::kFull;
  throw InputError("domain: expected reachable or full; got '" + std::string(text) + "'");
}

std::string_view to_string(DomainKind kind) {
  return kind == DomainKind::kReachable ? "reachable" : "full";
}

std::int64_t Domain::points() const {
  return std::accumulate(slices.begin(), slices.end(), std::int64_t{0},
                         [](std::int64_t sum, const Slice& slice) { return sum + slice.points(); });
}

std::size_t Domain::slice_of(int bias) const {
  const auto slice = std::lower_bound(slices.begin(), slices.end(), bias,
                                      [](const Slice& s, int wanted) { return s.bias < wanted; });
  return static_cast<std::size_t>(slice - slices.begin());
}

AccRange reachable_range(const std::int8_t* weights, std::size_t taps) {
  AccRange range;
  for (std::size_t k = 0; k < taps; ++k) {
    const std::int32_t low = weights[k] * kSampleMin, high = weights[k] * kSampleMax;
    range.min += std::min(low, high);
    range.max += std::max(low, high);
  }
  return range;
}

Domain make_domain(DomainKind kind, const Bundle& bundle, const std::vector<std::int64_t>& keys) {
  const auto taps = static_cast<std::size_t>(bundle.layer.taps);
  const std::int32_t limit = spec::max_accumulator(bundle.layer.taps);
  std::map<std::pair<int, std::int64_t>, Slice> groups;
  for (int channel = 0; channel < bundle.layer.channels; ++channel) {
    const auto index = static_cast<std::size_t>(channel);
    const int bias = bundle.bias_of(channel);
    AccRange range = reachable_range(bundle.weight.data() + index * taps, taps);
    if (kind == DomainKind::kFull) range = {-limit, limit};
    const auto [found, is_new] = groups.try_emplace({bias, keys.empty() ? 0 : keys[index]},
                                                    Slice{bias, range.min, range.max, channel});
    if (!is_new) {
      found->second.acc_min = std::min(found->second.acc_min, range.min);
      found->second.acc_max = std::max(found->second.acc_max, range.max);
    }
  }
  Domain domain;
  domain.kind = kind;
  for (int bias = kSampleMin; bias <= kSampleMax; ++bias) {
    const std::size_t before = domain.slices.size();
    for (auto it = groups.lower_bound({bias, INT64_MIN}); it != groups.end() && it->first.first == bias; ++it)
      domain.slices.push_back(it->second);
    if (kind == DomainKind::kFull && domain.slices.size() == before)
      domain.slices.push_back({bias, -limit, limit, -1});
  }
  return domain;
}

}  // namespace quasim::exact
