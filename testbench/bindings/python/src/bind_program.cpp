// Layer programs.
#include <pybind11/stl.h>
#include <pybind11/stl/filesystem.h>

#include "bindings/dpi/open_program.hpp"
#include "bindings/python/src/arrays.hpp"
#include "bindings/python/src/bindings.hpp"
#include "types/program.hpp"
#include "types/register_writes.hpp"

namespace quasim::python {
namespace {

std::vector<std::pair<std::uint32_t, std::uint32_t>> writes_of(const LayerProgram& program) {
  std::vector<std::pair<std::uint32_t, std::uint32_t>> pairs;
  for (const RegisterWrite& write : register_writes(program)) pairs.emplace_back(write.address, write.data);
  return pairs;
}

}  // namespace

void bind_program(py::module_& module) {
  py::class_<LayerProgram>(
      module, "Program",
      "A layer program: p = M*acc + B[c]; q = clamp_N(round_shift(p, S)); out = silu_table[q + "
      "2^(N-1)].")
      .def_readonly("name", &LayerProgram::name)
      .def_property_readonly("channels", &LayerProgram::channels, "C")
      .def_readonly("taps", &LayerProgram::taps, "K")
      .def_readonly("conv_bits", &LayerProgram::conv_bits, "N")
      .def_readonly("mult_bits", &LayerProgram::mult_bits, "width of M")
      .def_readonly("bias_bits", &LayerProgram::bias_bits, "width of B")
      .def_readonly("multiplier", &LayerProgram::multiplier, "M")
      .def_readonly("shift", &LayerProgram::shift_bits, "S")
      .def_property_readonly(
          "rounding", [](const LayerProgram& p) { return std::string(to_string(p.rounding)); },
          "half_even or half_away")
      .def_property_readonly(
          "weight", [](const LayerProgram& p) { return to_numpy(p.weight); }, "int8 [C, K]")
      .def_property_readonly(
          "bias_words", [](const LayerProgram& p) { return to_numpy(p.bias_words); }, "int64 [C], B")
      .def_property_readonly(
          "silu_table", [](const LayerProgram& p) { return to_numpy(p.silu_table); },
          "int8 [2^N]; entry i is for q = i - 2^(N-1)")
      .def(
          "write", [](const LayerProgram& p, const std::filesystem::path& file) { write_program(file, p); },
          py::arg("file"), "Writes the program file, quasim.program/1.")
      .def("axil_writes", writes_of,
           "The (address, data) pairs that load the program over AXI4-Lite, Control = 0 first and Control = "
           "1 last. Wait "
           "for Status.Busy = 0 after the first.")
      .def("__repr__", [](const LayerProgram& p) {
        return "<quasim.Program '" + p.name + "': " + std::to_string(p.channels()) + " channels, M " +
               std::to_string(p.multiplier) + ", S " + std::to_string(p.shift_bits) + ">";
      });
  module.def("read_program", &read_program, py::arg("file"), "Reads a program file. Raises ValueError.");
  module.def("open_program", &dpi::open_program, py::arg("path"), py::call_guard<py::gil_scoped_release>(),
             "The program in a file, or the one compiled for a bundle (a directory). Raises ValueError.");
}

}  // namespace quasim::python
