// Units with one planted fault each, four lanes wide.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "cosim/rtl_unit.hpp"

namespace quasim::cosim {

constexpr std::size_t kFaultyUnitLanes = 4;

std::vector<std::string> fault_names();
/// The faults of fused, which one broken copy of the RTL has all of.
std::vector<std::string> fused_fault_names();
/// Chooses the fault of every such copy, unit or tail harness, that is made from now on.
void plant_fused_fault(const std::string& fault);
/// Throws InputError for a name that is not in fault_names().
std::unique_ptr<RtlUnit> make_faulty_unit(const std::string& fault);

}  // namespace quasim::cosim
