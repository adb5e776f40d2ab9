// The one source that a unit built on demand adds to its Verilated class. QUASIM_CLASS and QUASIM_PORTS say
// which.
#include "cosim/verilated_class.hpp"

extern "C" const quasim::cosim::VerilatedAbi* quasim_unit() {
  using Class = quasim::cosim::VerilatedClass<QUASIM_CLASS, true>;
  static const quasim::cosim::VerilatedAbi abi =
      Class::abi<quasim::cosim::verilated_ports::QUASIM_PORTS<QUASIM_CLASS>>();
  return &abi;
}
