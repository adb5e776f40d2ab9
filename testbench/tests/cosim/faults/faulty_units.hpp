// Units with one planted fault each, four lanes wide.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "cosim/rtl_unit.hpp"

namespace quasim::cosim {

std::vector<std::string> fault_names();
/// Throws InputError for a name that is not in fault_names().
std::unique_ptr<RtlUnit> make_faulty_unit(const std::string& fault);

}  // namespace quasim::cosim
