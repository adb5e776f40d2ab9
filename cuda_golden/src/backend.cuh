// All kernels of one math mode and the table of their launchers.
#pragma once

#include "fast.cuh"
#include "reference.cuh"
#include "sweep.cuh"

namespace qg {
namespace QG_MATH_NS {

constexpr Backend kBackend = {
    launch_reference,   launch_state,         launch_sweep, launch_compare_orders, launch_scan_steps,
    launch_check_table, launch_check_lattice, launch_pack,  launch_fast,           launch_decode};

}  // namespace QG_MATH_NS
}  // namespace qg
