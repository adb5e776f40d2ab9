// A zip archive of stored members, so that a mutated member meets its reader and not only the archive's
// checksum.
#pragma once

#include <string>
#include <utility>
#include <vector>

namespace quasim::fuzz {

std::string stored_zip(const std::vector<std::pair<std::string, std::string>>& members);

}  // namespace quasim::fuzz
