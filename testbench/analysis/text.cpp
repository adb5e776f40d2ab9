#include "analysis/text.hpp"

#include <cmath>
#include <cstdio>
#include <filesystem>
#include <iostream>

#include "io/files.hpp"
#include "io/json_text.hpp"

namespace quasim::analysis {

std::string number_text(double value) {
  char text[40];
  const bool whole = std::abs(value) < 0x1p53 && value == std::floor(value);
  std::snprintf(text, sizeof text, whole ? "%.0f" : "%.6g", value);
  return text;
}

void emit(bool json_on_stdout, const std::string& output, const std::function<nlohmann::ordered_json()>& json,
          const std::function<std::string()>& text) {
  const auto render = [&](bool as_json) { return as_json ? json_text(json()) + "\n" : text(); };
  if (!output.empty()) write_text_file(output, render(std::filesystem::path(output).extension() == ".json"));
  std::cout << render(json_on_stdout);
}

}  // namespace quasim::analysis
