// The extension module behind the package quasim.
#include <pybind11/pybind11.h>

#include <string>

#include "bindings/python/src/bindings.hpp"
#include "spec/error.hpp"

namespace {

/// pybind11 before 2.12 reads the arrays of numpy 2 at wrong places, without an error.
void require_matching_numpy() {
#if PYBIND11_VERSION_HEX < 0x020C0000
  const auto version = pybind11::module_::import("numpy").attr("__version__").cast<std::string>();
  if (std::stoi(version) >= 2)
    throw pybind11::import_error(
        "quasim was built with pybind11 " PYBIND11_TOSTRING(PYBIND11_VERSION_MAJOR) "." PYBIND11_TOSTRING(
            PYBIND11_VERSION_MINOR) ", which needs numpy 1; got numpy " +
        version);
#endif
}

}  // namespace

PYBIND11_MODULE(_quasim, module) {
  using namespace quasim::python;
  require_matching_numpy();
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
  bind_fast(module);
  bind_beats(module);
}
