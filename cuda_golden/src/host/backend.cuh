// All kernels of one math mode and the table of their launchers.
#pragma once

#include "fast/decode.cuh"
#include "fast/lattice_check.cuh"
#include "reference/reference.cuh"
#include "orders/sweep.cuh"
#include "orders/tap_unit.cuh"

namespace qg {
namespace QG_MATH_NS {

constexpr Backend kBackend = {
    launch_reference,   launch_state,         launch_sweep,         launch_compare_orders, launch_scan_steps,
    launch_check_table, launch_lattice_steps, launch_check_lattice, launch_tapwise,        launch_decode};

}  // namespace QG_MATH_NS
}  // namespace qg
