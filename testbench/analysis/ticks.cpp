#include "analysis/ticks.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <nlohmann/json.hpp>

namespace quasim::analysis {
namespace {

constexpr double kTickLimit = 0x1p62;

bool is_integer(DType dtype) {
  return dtype != DType::kFloat16 && dtype != DType::kFloat32 && dtype != DType::kFloat64;
}

/// Position of a float on the line of all floats: neighbours differ by 1, -0 and +0 coincide.
std::int64_t float_position(double value) {
  const auto narrow = static_cast<float>(value);
  std::int32_t bits = 0;
  std::memcpy(&bits, &narrow, sizeof bits);
  const std::int32_t magnitude = bits & 0x7FFFFFFF;
  return bits < 0 ? -magnitude : magnitude;
}

/// The same on the line of all float16.
std::int64_t half_position(double value) {
  constexpr double kSmallestNormal = 0x1p-14, kSubnormalStep = 0x1p-24;
  constexpr std::int64_t kExponentOffset = std::int64_t{127 - 15} << 10;
  if (std::abs(value) < kSmallestNormal) return static_cast<std::int64_t>(value / kSubnormalStep);
  const std::int64_t position = float_position(std::abs(value)) / (1 << 13) - kExponentOffset;
  return value < 0 ? -position : position;
}

}  // namespace

Ticks::Ticks(DType a, DType b, std::optional<double> lsb) {
  if (lsb) {
    size_ = *lsb;
    name_ = "step of " + nlohmann::json(*lsb).dump();
  } else if (is_integer(a) || is_integer(b)) {
    size_ = 1;
    name_ = "integer step";
  } else {
    half_ = a == DType::kFloat16 && b == DType::kFloat16;
    name_ = half_ ? "fp16 ulp" : "fp32 ulp";
  }
}

void Ticks::between(const double* a, const double* b, std::size_t count, std::int64_t* ticks) const {
  if (size_ > 0) {
    for (std::size_t i = 0; i < count; ++i)
      ticks[i] = static_cast<std::int64_t>(
          std::clamp(std::nearbyint((a[i] - b[i]) / size_), -kTickLimit, kTickLimit));
  } else if (half_) {
    for (std::size_t i = 0; i < count; ++i) ticks[i] = half_position(a[i]) - half_position(b[i]);
  } else {
    for (std::size_t i = 0; i < count; ++i) ticks[i] = float_position(a[i]) - float_position(b[i]);
  }
}

}  // namespace quasim::analysis
