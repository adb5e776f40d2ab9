#include "analysis/histogram.hpp"

namespace quasim::analysis {

std::vector<TickHistogram::Row> TickHistogram::rows() const {
  std::vector<Row> rows;
  for (std::size_t bin = 0; bin < kBins; ++bin) {
    if (bins_[bin] == 0) continue;
    const std::int64_t distance = static_cast<std::int64_t>(bin) - (kExact + kPowers);
    const std::int64_t magnitude = distance < 0 ? -distance : distance;
    std::int64_t from = magnitude, to = magnitude;
    if (magnitude > kExact) {
      from = std::int64_t{1} << (magnitude - kExact - 1 + kFirstPower);
      to = from + (from - 1);
    }
    rows.push_back(distance < 0 ? Row{-to, -from, bins_[bin]} : Row{from, to, bins_[bin]});
  }
  return rows;
}

nlohmann::ordered_json to_json(const TickHistogram& histogram) {
  nlohmann::ordered_json json = nlohmann::ordered_json::array();
  for (const TickHistogram::Row& row : histogram.rows())
    json.push_back({{"from", row.from}, {"to", row.to}, {"count", row.count}});
  return json;
}

}  // namespace quasim::analysis
