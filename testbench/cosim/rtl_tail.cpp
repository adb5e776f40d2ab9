#include "cosim/rtl_tail.hpp"

#include "Vquasim_tail.h"
#include "cosim/rtl_tail_unit.hpp"

namespace quasim::cosim {

std::unique_ptr<exact::PointSource> make_rtl_tail(const LayerProgram& program) {
  return std::make_unique<RtlTail<Vquasim_tail>>(program);
}

}  // namespace quasim::cosim
