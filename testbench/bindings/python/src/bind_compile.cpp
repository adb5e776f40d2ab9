// The compiler.
#include <pybind11/stl.h>

#include <algorithm>

#include "bindings/python/src/bindings.hpp"
#include "compile/compiler.hpp"
#include "reference/committed.hpp"
#include "reference/targets.hpp"
#include "spec/error.hpp"

namespace quasim::python {
namespace {

namespace py = pybind11;

/// A layer of any number of groups.
struct CompiledLayer {
  LayerProgram program;
  std::vector<compile::Compiled> groups;

  bool exact() const {
    return std::all_of(groups.begin(), groups.end(), [](const auto& group) { return group.exact(); });
  }
  std::string match() const {
    const bool q = std::all_of(groups.begin(), groups.end(),
                               [](const auto& group) { return group.match == compile::Match::kQ; });
    return q ? "q" : "out";
  }
  std::int64_t sum(std::int64_t compile::Compiled::*member) const {
    std::int64_t total = 0;
    for (const compile::Compiled& group : groups) total += group.*member;
    return total;
  }
};

CompiledLayer compile_bundle(const GroupedBundle& bundle, const std::string& target, int mult_bits,
                             const std::string& match, const std::string& domain_kind, bool require_golden) {
  if (mult_bits < 2 || mult_bits > spec::kMultBitsMax)
    throw InputError("mult_bits: expected 2 to " + std::to_string(spec::kMultBitsMax) + "; got " +
                     std::to_string(mult_bits));
  compile::Options options;
  options.mult_bits = mult_bits;
  options.match = compile::parse_match(match);
  const CompileRequest request{target, exact::parse_domain(domain_kind), 0, require_golden};
  CompiledLayer layer;
  std::vector<LayerProgram> programs;
  for (Bundle& group : bundle.split()) {
    const CompileTask task = compile_task(std::move(group), request);
    layer.groups.push_back(compile_program(task.bundle, task.domain, task.target, options));
    programs.push_back(layer.groups.back().program);
  }
  layer.program = join_groups(bundle.layer.name, programs, bundle.layer.channel_group);
  return layer;
}

}  // namespace

void bind_compile(py::module_& module) {
  using compile::Compiled;
  py::class_<CompiledLayer>(module, "Compiled",
                            "A program, and what complete enumeration says of it, over all groups.")
      .def_readonly("program", &CompiledLayer::program)
      .def_property_readonly("exact", &CompiledLayer::exact, "the program equals the target on every point")
      .def_property_readonly("match", &CompiledLayer::match,
                             "q: q and out were asked to agree; out: out alone")
      .def_property_readonly(
          "points", [](const CompiledLayer& c) { return c.sum(&Compiled::points); },
          "pairs of accumulator and bias value that were enumerated")
      .def_property_readonly("differing_q",
                             [](const CompiledLayer& c) { return c.sum(&Compiled::differing_q); })
      .def_property_readonly("differing_out",
                             [](const CompiledLayer& c) { return c.sum(&Compiled::differing_out); });
  module.def("compile", compile_bundle, py::arg("bundle"), py::kw_only(), py::arg("target") = "",
             py::arg("mult_bits") = spec::kMultBitsDefault, py::arg("match") = "auto",
             py::arg("domain") = "reachable", py::arg("require_golden") = false,
             py::call_guard<py::gil_scoped_release>(),
             "Finds the program that equals the target on every input of a layer. target: "
             "exact, or golden:VARIANT; empty means the golden of the layer's dataflow and rounding. match: "
             "q, out or "
             "auto. domain: reachable or full. require_golden refuses where the GPU's sweep is missing. "
             "Raises ValueError.");
}

}  // namespace quasim::python
