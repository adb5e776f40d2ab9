// The extension module behind the package quasim.
#include <pybind11/pybind11.h>

#include "python/src/bindings.hpp"
#include "spec/error.hpp"

PYBIND11_MODULE(_quasim, module) {
  using namespace quasim::python;
  module.doc() = "The C++ part of the package quasim.";
  module.attr("__version__") = QUASIM_VERSION;
  pybind11::register_exception_translator([](std::exception_ptr pointer) {
    try {
      if (pointer) std::rethrow_exception(pointer);
    } catch (const quasim::InputError& error) {
      PyErr_SetString(PyExc_ValueError, error.what());
    }
  });
  bind_bundle(module);
  bind_program(module);
  bind_compile(module);
  bind_certify(module);
  bind_model(module);
  bind_beats(module);
}
