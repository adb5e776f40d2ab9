// How far apart two values are, in whole steps: integer steps, steps of a given size, or units in the last
// place.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include "io/npy.hpp"

namespace quasim::analysis {

class Stepper {
 public:
  /// The step is `lsb` where given, else 1 where either side is an integer tensor, else one ulp of the wider
  /// float (at most fp32).
  Stepper(DType a, DType b, std::optional<double> lsb);
  /// "integer step", "fp32 ulp", ...
  const std::string& name() const { return name_; }
  /// steps[i] = a[i] - b[i] in steps, rounded to the nearest; all values finite.
  void steps(const double* a, const double* b, std::size_t count, std::int64_t* steps) const;

 private:
  double size_ = 0;  // 0: ulps
  bool half_ = false;
  std::string name_;
};

}  // namespace quasim::analysis
