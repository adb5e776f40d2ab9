// Layer programs.
#include <pybind11/stl.h>
#include <pybind11/stl/filesystem.h>

#include <optional>

#include "bindings/dpi/open_program.hpp"
#include "bindings/python/src/arrays.hpp"
#include "bindings/python/src/bindings.hpp"
#include "io/program_file.hpp"
#include "types/register_writes.hpp"

namespace quasim::python {
namespace {

std::vector<std::pair<std::uint32_t, std::uint32_t>> writes_of(const LayerProgram& program, bool folded) {
  std::vector<std::pair<std::uint32_t, std::uint32_t>> pairs;
  for (const RegisterWrite& write : register_writes(program, folded))
    pairs.emplace_back(write.address, write.data);
  return pairs;
}

/// A value that one dataflow alone has.
template <class T>
std::optional<T> in_two_step(const LayerProgram& program, T value) {
  return program.stage().is_fused() ? std::nullopt : std::optional<T>(std::move(value));
}
template <class T>
std::optional<T> in_fused(const LayerProgram& program, T value) {
  return program.stage().is_fused() ? std::optional<T>(std::move(value)) : std::nullopt;
}

std::vector<std::pair<int, int>> guess_of(const FusedTables& tables) {
  std::vector<std::pair<int, int>> cells;
  for (const GuessCell& cell : tables.guess) cells.emplace_back(cell.base, cell.slope);
  return cells;
}

}  // namespace

void bind_program(py::module_& module) {
  py::class_<LayerProgram>(
      module, "Program",
      "A layer program: p = M*acc + B[c], and then, in two_step, q = clamp_N(round_shift(p, S)), out = "
      "silu_table[q + 2^(N-1)]; in fused, out by how many thresholds are at most p. What the other dataflow "
      "alone has is None.")
      .def_readonly("name", &LayerProgram::name)
      .def_property_readonly("channels", &LayerProgram::channels, "C")
      .def_readonly("taps", &LayerProgram::taps, "K")
      .def_property_readonly(
          "dataflow", [](const LayerProgram& p) { return std::string(to_string(p.stage().dataflow)); },
          "two_step or fused")
      .def_property_readonly(
          "conv_bits", [](const LayerProgram& p) { return in_two_step(p, p.stage().conv_bits); }, "N")
      .def_property_readonly(
          "groups",
          [](const LayerProgram& p) {
            std::vector<LayerProgram> parts;
            for (std::size_t g = 0; g < p.groups.size(); ++g) parts.push_back(p.group(g));
            return parts;
          },
          "the program of each group of channels; the program itself where it has one. What a group alone "
          "has, "
          "such as multiplier, raises ValueError where there are more.")
      .def_property_readonly(
          "channel_group",
          [](const LayerProgram& p) {
            ChannelGroup groups = p.channel_group;
            groups.resize(p.weight.extent<'C'>());  // of one group: all 0
            return py::array_t<std::uint16_t>(static_cast<py::ssize_t>(groups.size()), groups.data());
          },
          "uint16 [C], which group each channel is of")
      .def_readonly("mult_bits", &LayerProgram::mult_bits, "width of M")
      .def_readonly("bias_bits", &LayerProgram::bias_bits, "width of B")
      .def_property_readonly(
          "multiplier", [](const LayerProgram& p) { return p.stage().multiplier; }, "M")
      .def_property_readonly(
          "shift", [](const LayerProgram& p) { return in_two_step(p, p.stage().shift_bits); }, "S")
      .def_property_readonly(
          "rounding",
          [](const LayerProgram& p) { return in_two_step(p, std::string(to_string(p.stage().rounding))); },
          "half_even or half_away")
      .def_property_readonly(
          "weight", [](const LayerProgram& p) { return to_numpy(p.weight); }, "int8 [C, K]")
      .def_property_readonly(
          "bias_words", [](const LayerProgram& p) { return to_numpy(p.bias_words); }, "int64 [C], B")
      .def_property_readonly(
          "silu_table", [](const LayerProgram& p) { return in_two_step(p, to_numpy(p.stage().silu_table)); },
          "int8 [2^N]; entry i is for q = i - 2^(N-1)")
      .def_property_readonly(
          "turn", [](const LayerProgram& p) { return in_fused(p, p.stage().fused.turn); },
          "rank at which SiLU is least")
      .def_property_readonly(
          "guess", [](const LayerProgram& p) { return in_fused(p, guess_of(p.stage().fused)); },
          "[(base, slope)] of each cell")
      .def_property_readonly(
          "near", [](const LayerProgram& p) { return in_fused(p, p.stage().fused.near); },
          "the first thresholds, 22 bits each")
      .def_property_readonly(
          "far", [](const LayerProgram& p) { return in_fused(p, p.stage().fused.far); },
          "the low 16 bits of the thresholds that follow")
      .def(
          "write", [](const LayerProgram& p, const std::filesystem::path& file) { write_program(file, p); },
          py::arg("file"), "Writes the program file: quasim.program/1, or /2 in fused or with groups.")
      .def("axil_writes", writes_of, py::arg("folded") = false,
           "The (address, data) pairs that load the program over AXI4-Lite, Control = 0 first and Control = "
           "1 last. Wait "
           "for Status.Busy = 0 after the first. folded: for a unit that holds silu_table folded.")
      .def("__repr__", [](const LayerProgram& p) {
        const std::string head =
            "<quasim.Program '" + p.name + "': " + std::to_string(p.channels()) + " channels, ";
        if (p.groups.size() > 1) return head + std::to_string(p.groups.size()) + " groups>";
        return head + "M " + std::to_string(p.stage().multiplier) +
               (p.stage().is_fused() ? ", fused" : ", S " + std::to_string(p.stage().shift_bits)) + ">";
      });
  module.def("read_program", &read_program, py::arg("file"), "Reads a program file. Raises ValueError.");
  module.def("open_program", &dpi::open_program, py::arg("path"), py::call_guard<py::gil_scoped_release>(),
             "The program in a file, or the one compiled for a bundle (a directory). Raises ValueError.");
}

}  // namespace quasim::python
