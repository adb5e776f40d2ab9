// Documents that other verbs wrote, as far as a report shows them.
#pragma once

#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace quasim::analysis {

/// The entries of a verb's document, those that speak of the layer by their "layer" or "name". Throws
/// InputError where the file cannot be read, is another document, or such an entry is no certificate.
std::vector<nlohmann::ordered_json> certificates_about(const std::string& layer,
                                                       const std::filesystem::path& file);

/// The same of co-simulations.
std::vector<nlohmann::ordered_json> cosims_about(const std::string& layer, const std::filesystem::path& file);

/// A golden's provenance.json. Throws InputError where it is none.
nlohmann::ordered_json read_provenance(const std::filesystem::path& file);

}  // namespace quasim::analysis
