// One function for each part of the package, each in the file of its name.
#pragma once

#include <pybind11/pybind11.h>

namespace quasim::python {

void bind_beats(pybind11::module_& module);
void bind_bundle(pybind11::module_& module);
void bind_certify(pybind11::module_& module);
void bind_compile(pybind11::module_& module);
void bind_fast(pybind11::module_& module);
void bind_model(pybind11::module_& module);
void bind_program(pybind11::module_& module);

}  // namespace quasim::python
