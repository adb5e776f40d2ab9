// The report: one HTML file that needs nothing but a browser.
#pragma once

#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>

namespace quasim::analysis {

/// The packaged Chart.js and its licence, which are copied into every report.
struct ChartLibrary {
  std::filesystem::path script;
  std::filesystem::path licence;
};
/// Where the package libjs-chart.js puts them.
ChartLibrary packaged_chart_library();

/// The page with `data` inside. Throws InputError when the library is not installed.
std::string report_page(const nlohmann::ordered_json& data, const ChartLibrary& library);

}  // namespace quasim::analysis
