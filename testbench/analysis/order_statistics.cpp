#include "analysis/order_statistics.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <map>

#include "analysis/decode.hpp"
#include "spec/error.hpp"

namespace quasim::analysis {
namespace {

constexpr std::uint32_t kSign = 0x80000000U;
constexpr std::uint32_t kInfinity = 0x7F800000U;
constexpr std::size_t kHalf = std::size_t{1} << 16;
using Counts = std::vector<std::uint64_t>;
using Keys = std::array<std::uint32_t, kBlockElems>;

bool is_float(DType dtype) {
  return dtype == DType::kFloat16 || dtype == DType::kFloat32;
}

std::uint32_t bits_of(float value) {
  std::uint32_t bits = 0;
  std::memcpy(&bits, &value, sizeof bits);
  return bits;
}

/// Elements as unsigned keys in the order asked for; NaN and infinities are left out.
class KeyReader {
 public:
  KeyReader(const TensorView& view, OrderBy order) : view_(view), magnitude_(order == OrderBy::kMagnitude) {
    switch (view.dtype) {
      case DType::kUInt32:
      case DType::kInt64:
      case DType::kFloat64:
        throw InputError(
            view.name +
            ": dtype: expected bool, int8, int16, int32, uint8, uint16, float16 or float32; got " +
            std::string(to_string(view.dtype)));
      default:
        break;
    }
  }

  std::size_t read(std::size_t begin, std::size_t count, Keys& keys) const {
    const std::byte* bytes = view_.at(begin);
    switch (view_.dtype) {
      case DType::kInt8:
        return integers(reinterpret_cast<const std::int8_t*>(bytes), count, keys);
      case DType::kInt16:
        return integers(reinterpret_cast<const std::int16_t*>(bytes), count, keys);
      case DType::kUInt16:
        return integers(reinterpret_cast<const std::uint16_t*>(bytes), count, keys);
      case DType::kInt32:
        return integers(reinterpret_cast<const std::int32_t*>(bytes), count, keys);
      case DType::kFloat16: {
        const auto* halves = reinterpret_cast<const std::uint16_t*>(bytes);
        return floats([halves](std::size_t i) { return bits_of(half_to_float(halves[i])); }, count, keys);
      }
      case DType::kFloat32: {
        const auto* words = reinterpret_cast<const std::uint32_t*>(bytes);
        return floats([words](std::size_t i) { return words[i]; }, count, keys);
      }
      default:
        return integers(reinterpret_cast<const std::uint8_t*>(bytes), count, keys);
    }
  }

  double value_of(std::uint32_t key) const {
    if (!is_float(view_.dtype))
      return magnitude_ ? static_cast<double>(key)
                        : static_cast<double>(static_cast<std::int32_t>(key ^ kSign));
    const std::uint32_t bits = magnitude_ ? key : ((key & kSign) != 0 ? key ^ kSign : ~key);
    float value = 0;
    std::memcpy(&value, &bits, sizeof value);
    return static_cast<double>(value);
  }

 private:
  template <class T>
  std::size_t integers(const T* values, std::size_t count, Keys& keys) const {
    for (std::size_t i = 0; i < count; ++i) {
      const auto value = static_cast<std::uint32_t>(static_cast<std::int32_t>(values[i]));
      const std::uint32_t magnitude = (value & kSign) != 0 ? 0U - value : value;
      keys[i] = magnitude_ ? magnitude : value ^ kSign;
    }
    return count;
  }

  template <class Bits>
  std::size_t floats(Bits bits_at, std::size_t count, Keys& keys) const {
    std::size_t kept = 0;
    for (std::size_t i = 0; i < count; ++i) {
      const std::uint32_t bits = bits_at(i), magnitude = bits & ~kSign;
      const std::uint32_t ordered = (bits & kSign) != 0 ? ~bits : bits | kSign;
      keys[kept] = magnitude_ ? magnitude : ordered;
      kept += magnitude < kInfinity ? 1 : 0;
    }
    return kept;
  }

  const TensorView& view_;
  bool magnitude_;
};

template <class Visit>
void for_each_key(const TensorView& view, const KeyReader& reader, Visit visit) {
  PageRelease pages(view);
  Keys keys;
  for (std::size_t begin = 0; begin < view.length_elems; begin += kBlockElems) {
    const std::size_t count = std::min(kBlockElems, view.length_elems - begin);
    const std::size_t kept = reader.read(begin, count, keys);
    for (std::size_t i = 0; i < kept; ++i) visit(keys[i]);
    pages.consumed(begin + count);
  }
}

/// The bin that holds `rank`, which becomes a rank within the bin.
std::size_t bin_at_rank(const Counts& counts, std::uint64_t& rank) {
  std::size_t bin = 0;
  while (bin + 1 < counts.size() && rank >= counts[bin]) rank -= counts[bin++];
  return bin;
}

}  // namespace

std::vector<double> values_at_ranks(const TensorView& view, OrderBy order,
                                    const std::vector<std::uint64_t>& ranks) {
  const KeyReader reader(view, order);
  Counts high(kHalf);
  for_each_key(view, reader, [&high](std::uint32_t key) { ++high[key >> 16]; });

  std::map<std::size_t, Counts> low;  // of the high halves that hold a wanted rank
  std::vector<std::pair<std::size_t, std::uint64_t>> places;
  for (std::uint64_t rank : ranks) {
    const std::size_t bin = bin_at_rank(high, rank);
    low.try_emplace(bin, kHalf);
    places.emplace_back(bin, rank);
  }
  std::vector<Counts*> wanted(kHalf);
  for (auto& [bin, counts] : low) wanted[bin] = &counts;
  for_each_key(view, reader, [&wanted](std::uint32_t key) {
    if (Counts* counts = wanted[key >> 16]) ++(*counts)[key & (kHalf - 1)];
  });

  std::vector<double> values;
  for (auto [bin, rank] : places) {
    const std::size_t low_half = bin_at_rank(low.at(bin), rank);
    values.push_back(reader.value_of(static_cast<std::uint32_t>(bin << 16 | low_half)));
  }
  return values;
}

std::vector<double> percentiles(const TensorView& view, OrderBy order, std::uint64_t elements,
                                const std::vector<double>& percents) {
  std::vector<std::uint64_t> ranks;
  for (double percent : percents) {
    const auto below = static_cast<std::uint64_t>(percent / 100 * static_cast<double>(elements - 1));
    ranks.push_back(below);
    ranks.push_back(std::min(below + 1, elements - 1));
  }
  const std::vector<double> bounds = values_at_ranks(view, order, ranks);
  std::vector<double> values;
  for (std::size_t i = 0; i < percents.size(); ++i) {
    const double position = percents[i] / 100 * static_cast<double>(elements - 1);
    const double low = bounds[2 * i], high = bounds[2 * i + 1];
    values.push_back(low + (high - low) * (position - std::floor(position)));
  }
  return values;
}

}  // namespace quasim::analysis
