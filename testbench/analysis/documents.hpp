// Documents that other verbs wrote, as far as a report shows them.
#pragma once

#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>

namespace quasim::analysis {

/// What a certificate says of the layer; null where it does not speak of it. A document speaks of a layer by
/// its own "layer" or "name", or by that of an entry of its "layers". Throws InputError where the file cannot
/// be read or the part is no certificate.
nlohmann::ordered_json certificate_about(const std::string& layer, const std::filesystem::path& file);

/// The same of the JSON of a co-simulation.
nlohmann::ordered_json cosim_about(const std::string& layer, const std::filesystem::path& file);

/// A golden's provenance.json. Throws InputError where it is none.
nlohmann::ordered_json read_provenance(const std::filesystem::path& file);

}  // namespace quasim::analysis
