#include "analysis/text.hpp"

#include <cmath>
#include <cstdio>
#include <iostream>

#include "io/json_text.hpp"

namespace quasim::analysis {

std::string number_text(double value) {
  char text[40];
  const bool whole = std::abs(value) < 0x1p53 && value == std::floor(value);
  std::snprintf(text, sizeof text, whole ? "%.0f" : "%.6g", value);
  return text;
}

std::string percent_text(std::uint64_t part, std::uint64_t whole) {
  if (whole == 0) return "-";
  return number_text(100.0 * static_cast<double>(part) / static_cast<double>(whole)) + " %";
}

std::optional<ReportFile> report_file(const std::optional<std::string>& output, const InputSet& inputs) {
  if (!output) return std::nullopt;
  return ReportFile{OutputFile(*output, inputs), std::filesystem::path(*output).extension() == ".json"};
}

void emit(bool json_on_stdout, const std::optional<ReportFile>& output,
          const std::function<nlohmann::ordered_json()>& json, const std::function<std::string()>& text) {
  const auto render = [&](bool as_json) { return as_json ? json_text(json()) + "\n" : text(); };
  if (output && !output->file.is_standard_output()) output->file.write(render(output->as_json));
  std::cout << render(json_on_stdout);
}

}  // namespace quasim::analysis
