#include "analysis/difference_map.hpp"

#include <algorithm>
#include <cstdlib>

#include "analysis/histogram.hpp"
#include "spec/error.hpp"

namespace quasim::analysis {
namespace {

using Bytes = TensorBCL<std::int8_t>;

std::size_t divide_up(std::size_t value, std::size_t by) {
  return (value + by - 1) / by;
}

std::size_t sequence_with_most(const Bytes& a, const Bytes& b) {
  const std::size_t plane = a.extent<'C'>() * a.extent<'L'>();
  std::size_t best = 0;
  std::ptrdiff_t most = -1;
  for (std::size_t s = 0; s < a.extent<'B'>(); ++s) {
    std::ptrdiff_t differing = 0;
    for (std::size_t i = s * plane; i < (s + 1) * plane; ++i) differing += a.data()[i] != b.data()[i] ? 1 : 0;
    if (differing > most) {
      most = differing;
      best = s;
    }
  }
  return best;
}

unsigned code_of(int step) {
  return step == 0 ? 0U : step == 1 ? 1U : step == -1 ? 2U : 3U;
}

void add_cells(const Bytes& a, const Bytes& b, nlohmann::ordered_json& json) {
  const std::size_t channels = a.extent<'C'>(), times = a.extent<'L'>();
  const std::size_t per_row = divide_up(channels, kMapCells), per_column = divide_up(times, kMapCells);
  const std::size_t rows = divide_up(channels, per_row), columns = divide_up(times, per_column);
  const std::size_t sequence = sequence_with_most(a, b);
  std::vector<int> largest(rows * columns);
  for (std::size_t c = 0; c < channels; ++c)
    for (std::size_t t = 0; t < times; ++t) {
      const int step = a.at(sequence, c, t) - b.at(sequence, c, t);
      int& cell = largest[c / per_row * columns + t / per_column];
      if (std::abs(step) > std::abs(cell)) cell = step;
    }
  std::string packed(divide_up(largest.size(), 4), '\0');
  for (std::size_t i = 0; i < largest.size(); ++i) {
    const unsigned byte = static_cast<unsigned char>(packed[i / 4]) | code_of(largest[i]) << (2 * (i % 4));
    packed[i / 4] = static_cast<char>(byte);
  }
  json["sequence"] = sequence;
  json["rows"] = rows;
  json["columns"] = columns;
  json["channels_per_row"] = per_row;
  json["times_per_column"] = per_column;
  json["cells"] = base64(packed);
}

}  // namespace

std::string base64(const std::string& bytes) {
  constexpr char kAlphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string text;
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    const std::size_t have = std::min<std::size_t>(3, bytes.size() - i);
    unsigned word = 0;
    for (std::size_t j = 0; j < 3; ++j)
      word = word << 8 | (j < have ? static_cast<unsigned char>(bytes[i + j]) : 0U);
    for (std::size_t j = 0; j < 4; ++j) text += j <= have ? kAlphabet[word >> (18 - 6 * j) & 63] : '=';
  }
  return text;
}

nlohmann::ordered_json difference_map(const std::string& name_a, const Bytes& a, const std::string& name_b,
                                      const Bytes& b) {
  if (a.shape() != b.shape()) throw InputError(name_a + " and " + name_b + ": expected tensors of one shape");
  TickHistogram histogram;
  for (std::size_t i = 0; i < a.size(); ++i) histogram.add(a.data()[i] - b.data()[i]);
  nlohmann::ordered_json json{{"title", name_a + " − " + name_b},
                              {"a", name_a},
                              {"b", name_b},
                              {"compared", a.size()},
                              {"differing", a.size() - histogram.at(0)},
                              {"histogram", to_json(histogram)}};
  if (histogram.at(0) != a.size()) add_cells(a, b, json);
  return json;
}

}  // namespace quasim::analysis
