#include "analysis/joint_counts.hpp"

#include <algorithm>

namespace quasim::analysis {

void JointCounts::add(const std::int8_t* a, const std::int8_t* b, std::size_t count) {
  if (undrained_ + count > kDrainElems) drain();
  undrained_ += count;
  std::uint32_t* even = even_.data();
  std::uint32_t* odd = odd_.data();
  std::size_t i = 0;
  for (; i + 2 <= count; i += 2) {
    ++even[cell(a[i], b[i])];
    ++odd[cell(a[i + 1], b[i + 1])];
  }
  if (i < count) ++even[cell(a[i], b[i])];
}

void JointCounts::drain() {
  for (std::size_t i = 0; i < kCells; ++i) totals_[i] += std::uint64_t{even_[i]} + odd_[i];
  std::fill(even_.begin(), even_.end(), 0U);
  std::fill(odd_.begin(), odd_.end(), 0U);
  undrained_ = 0;
}

}  // namespace quasim::analysis
