// How figures are written for people, and where reports go.
#pragma once

#include <cstdint>
#include <functional>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "io/outputs.hpp"

namespace quasim::analysis {

/// Six significant digits; integers below 2^53 in full.
std::string number_text(double value);
/// number_text of the share in percent: "12.5 %"; "-" of nothing.
std::string percent_text(std::uint64_t part, std::uint64_t whole);

/// Where a report goes besides stdout, and in what form.
struct ReportFile {
  OutputFile file;
  bool as_json;  ///< its name ends in .json
};

/// The file that -o names, checked before the work; none where it was not given.
std::optional<ReportFile> report_file(const std::optional<std::string>& output, const InputSet& inputs);

/// Prints the report on stdout, as JSON or as text, and writes it to `output` (where there is one) as JSON
/// when that ends in .json and as text otherwise. An output that is standard output is not written twice.
void emit(bool json_on_stdout, const std::optional<ReportFile>& output,
          const std::function<nlohmann::ordered_json()>& json, const std::function<std::string()>& text);

}  // namespace quasim::analysis
