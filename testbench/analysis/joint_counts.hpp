// How often each pair (a, b) of int8 values occurs. One increment an element; every figure of two int8
// tensors follows.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace quasim::analysis {

class JointCounts {
 public:
  static constexpr int kValues = 256;

  /// Counts `count` pairs, at most 2^20.
  void add(const std::int8_t* a, const std::int8_t* b, std::size_t count);

  /// Calls visit(a, b, count) for every pair that occurred.
  template <class Visit>
  void for_each(Visit visit) {
    drain();
    for (int a = -128; a < 128; ++a)
      for (int b = -128; b < 128; ++b)
        if (const std::uint64_t count = totals_[cell(a, b)]) visit(a, b, count);
  }

 private:
  static constexpr std::size_t kCells = std::size_t{kValues} * kValues;
  static constexpr std::size_t kDrainElems = std::size_t{1} << 31;
  static std::size_t cell(int a, int b) {
    return (static_cast<std::size_t>(a) & 255) << 8 | (static_cast<std::size_t>(b) & 255);
  }
  void drain();

  // Two tables in turn, so that runs of one pair do not wait for their own last store.
  std::vector<std::uint32_t> even_ = std::vector<std::uint32_t>(kCells);
  std::vector<std::uint32_t> odd_ = std::vector<std::uint32_t>(kCells);
  std::vector<std::uint64_t> totals_ = std::vector<std::uint64_t>(kCells);
  std::size_t undrained_ = 0;
};

}  // namespace quasim::analysis
