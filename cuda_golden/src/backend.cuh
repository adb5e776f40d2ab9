// All kernels of one math mode and the table of their launchers.
#pragma once

#include "reference.cuh"
#include "sweep.cuh"

namespace qg {
namespace QG_MATH_NS {

constexpr Backend kBackend = {launch_reference, launch_sweep, launch_compare_orders};

}  // namespace QG_MATH_NS
}  // namespace qg
