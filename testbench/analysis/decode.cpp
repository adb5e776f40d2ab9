#include "analysis/decode.hpp"

#include <cstdint>
#include <cstring>

#include "analysis/kernel.hpp"
#include "spec/error.hpp"

namespace quasim::analysis {
namespace {

constexpr std::int64_t kExactInDouble = std::int64_t{1} << 53;

template <class T>
void widen(const std::byte* bytes, std::size_t count, double* out) {
  const T* values = reinterpret_cast<const T*>(bytes);
  for (std::size_t i = 0; i < count; ++i) out[i] = static_cast<double>(values[i]);
}

void widen_int64(const TensorView& view, const std::byte* bytes, std::size_t count, double* out) {
  const auto* values = reinterpret_cast<const std::int64_t*>(bytes);
  for (std::size_t i = 0; i < count; ++i) {
    if (values[i] > kExactInDouble || values[i] < -kExactInDouble)
      throw InputError(view.name + ": int64 values: expected at most 2^53 in magnitude; got " +
                       std::to_string(values[i]));
    out[i] = static_cast<double>(values[i]);
  }
}

}  // namespace

float half_to_float(std::uint16_t bits) {
  // Exponent and fraction moved into place, then rescaled by 2^(127-15): exact for subnormals too.
  std::uint32_t word = static_cast<std::uint32_t>(bits & 0x7FFF) << 13;
  float value = 0;
  std::memcpy(&value, &word, sizeof value);
  value *= 0x1p112F;
  std::memcpy(&word, &value, sizeof word);
  if ((bits & 0x7C00) == 0x7C00) word |= 0x7F800000U;
  word |= static_cast<std::uint32_t>(bits & 0x8000) << 16;
  std::memcpy(&value, &word, sizeof value);
  return value;
}

QUASIM_VECTOR_CLONES void decode(const TensorView& view, std::size_t begin, std::size_t count, double* out) {
  const std::byte* bytes = view.at(begin);
  switch (view.dtype) {
    case DType::kBool:
    case DType::kUInt8:
      return widen<std::uint8_t>(bytes, count, out);
    case DType::kInt8:
      return widen<std::int8_t>(bytes, count, out);
    case DType::kInt16:
      return widen<std::int16_t>(bytes, count, out);
    case DType::kUInt16:
      return widen<std::uint16_t>(bytes, count, out);
    case DType::kInt32:
      return widen<std::int32_t>(bytes, count, out);
    case DType::kUInt32:
      return widen<std::uint32_t>(bytes, count, out);
    case DType::kInt64:
      return widen_int64(view, bytes, count, out);
    case DType::kFloat16: {
      const auto* values = reinterpret_cast<const std::uint16_t*>(bytes);
      for (std::size_t i = 0; i < count; ++i) out[i] = static_cast<double>(half_to_float(values[i]));
      return;
    }
    case DType::kFloat32:
      return widen<float>(bytes, count, out);
    case DType::kFloat64:
      return widen<double>(bytes, count, out);
  }
}

}  // namespace quasim::analysis
