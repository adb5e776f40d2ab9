// How far apart two values are, in whole ticks. A tick is 1 for integers, a given size, or a unit in the last
// place. Results and reports call it a step.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include "io/npy.hpp"

namespace quasim::analysis {

/// Measures the distance of values of two types.
class Ticks {
 public:
  /// A tick is `lsb` where given, else 1 where either side is an integer tensor, else one ulp of the wider
  /// float (at most fp32).
  Ticks(DType a, DType b, std::optional<double> lsb);
  /// "integer step", "fp32 ulp", ...
  const std::string& name() const { return name_; }
  /// ticks[i] = a[i] - b[i] in ticks, rounded to the nearest; all values finite.
  void between(const double* a, const double* b, std::size_t count, std::int64_t* ticks) const;

 private:
  double size_ = 0;  // 0: ulps
  bool half_ = false;
  std::string name_;
};

}  // namespace quasim::analysis
