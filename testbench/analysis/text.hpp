// How figures are written for people, and where reports go.
#pragma once

#include <functional>
#include <nlohmann/json.hpp>
#include <string>

namespace quasim::analysis {

/// Six significant digits; integers below 2^53 in full.
std::string number_text(double value);

/// Prints the report on stdout, as JSON or as text, and writes it to `output` (where not empty) as JSON when
/// that ends in .json and as text otherwise. The file appears whole or not at all.
void emit(bool json_on_stdout, const std::string& output, const std::function<nlohmann::ordered_json()>& json,
          const std::function<std::string()>& text);

}  // namespace quasim::analysis
