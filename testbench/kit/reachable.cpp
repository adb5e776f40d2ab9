#include "kit/reachable.hpp"

#include <algorithm>
#include <cstdlib>

namespace quasim::kit {
namespace {

constexpr int kLowest = static_cast<int>(spec::min_of_bits(spec::kSampleBits));
constexpr int kHighest = static_cast<int>(spec::max_of_bits(spec::kSampleBits));
constexpr unsigned kSamples = 1U << spec::kSampleBits;

/// bits |= bits << shift.
void or_shifted(std::vector<std::uint64_t>& bits, std::size_t shift) {
  if (shift == 0) return;
  const std::size_t words = shift / 64, rest = shift % 64;
  for (std::size_t i = bits.size(); i-- > words;) {
    std::uint64_t moved = bits[i - words] << rest;
    if (rest != 0 && i > words) moved |= bits[i - words - 1] >> (64 - rest);
    bits[i] |= moved;
  }
}

}  // namespace

ReachableSet::ReachableSet(const std::int8_t* weights, std::size_t taps) : weights_(weights, weights + taps) {
  bits_.push_back({1});
  std::size_t span = 0;
  for (const std::int8_t weight : weights_) {
    // The products are |w| * 0 ... |w| * 255 above the least; doubling reaches them all in eight steps.
    const auto size = static_cast<std::size_t>(std::abs(int{weight}));
    low_ += std::min(weight * kLowest, weight * kHighest);
    span += size * (kSamples - 1);
    Bits bits = bits_.back();
    bits.resize(span / 64 + 1);
    for (unsigned step = 1; step < kSamples; step *= 2) or_shifted(bits, size * step);
    bits_.push_back(std::move(bits));
  }
}

std::optional<std::int32_t> ReachableSet::at_or_above(std::int32_t acc) const {
  const Bits& bits = bits_.back();
  const auto begin = static_cast<std::size_t>(std::max(acc - low_, 0));
  for (std::size_t word = begin / 64; word < bits.size(); ++word) {
    std::uint64_t left = bits[word];
    if (word == begin / 64) left &= ~std::uint64_t{0} << (begin % 64);
    if (left != 0) return low_ + static_cast<std::int32_t>(word * 64) + __builtin_ctzll(left);
  }
  return std::nullopt;
}

std::optional<std::int32_t> ReachableSet::at_or_below(std::int32_t acc) const {
  const Bits& bits = bits_.back();
  if (acc < low_) return std::nullopt;
  const std::size_t last = std::min(static_cast<std::size_t>(acc - low_), bits.size() * 64 - 1);
  for (std::size_t word = last / 64 + 1; word-- > 0;) {
    std::uint64_t left = bits[word];
    if (word == last / 64) left &= ~std::uint64_t{0} >> (63 - last % 64);
    if (left != 0) return low_ + static_cast<std::int32_t>(word * 64) + 63 - __builtin_clzll(left);
  }
  return std::nullopt;
}

void ReachableSet::solve(std::int32_t acc, unsigned pivot, std::int8_t* samples) const {
  std::int64_t rest = acc - low_;
  for (std::size_t k = weights_.size(); k-- > 0;) {
    const int weight = weights_[k], size = std::abs(weight);
    for (unsigned i = 0; i < kSamples; ++i) {
      const int step = static_cast<int>((pivot + i) % kSamples);
      if (!has(bits_[k], rest - std::int64_t{size} * step)) continue;
      rest -= std::int64_t{size} * step;
      samples[k] = static_cast<std::int8_t>(weight >= 0 ? kLowest + step : kHighest - step);
      break;
    }
    pivot = (pivot * 5 + 77) % kSamples;
  }
}

}  // namespace quasim::kit
