// The exact step function of the fused dataflow. silu falls up to v = -1.2784645... and rises from there on,
// so each slice is two monotone parts; within a part every step is found from a proven enclosure of the place
// where silu crosses a rounding boundary.
#pragma once

#include "exact/steps.hpp"

namespace quasim::exact {

class Oracle;

StepFunction fused_steps(const Oracle& oracle, const Domain& domain);

}  // namespace quasim::exact
