// The compiler.
#include <pybind11/stl.h>

#include "bindings/python/src/bindings.hpp"
#include "compile/compiler.hpp"
#include "reference/committed.hpp"
#include "reference/targets.hpp"
#include "spec/error.hpp"

namespace quasim::python {
namespace {

namespace py = pybind11;

compile::Compiled compile_bundle(Bundle bundle, const std::string& target, int mult_bits,
                                 const std::string& match, const std::string& domain_kind,
                                 bool require_golden) {
  if (mult_bits < 2 || mult_bits > spec::kMultBitsMax)
    throw InputError("mult_bits: expected 2 to " + std::to_string(spec::kMultBitsMax) + "; got " +
                     std::to_string(mult_bits));
  const std::string name = target.empty() ? "golden:" + default_variant(bundle.layer).to_string() : target;
  if (const auto variant = target_variant(name)) bundle.layer = as_variant(bundle.layer, *variant);
  const exact::Domain domain = make_domain(exact::parse_domain(domain_kind), bundle);
  compile::Options options;
  options.mult_bits = mult_bits;
  options.match = compile::parse_match(match);
  const auto variant = target_variant(name);
  if (require_golden && variant) require_gpu_golden(bundle, *variant, kStepsFile);
  return compile_program(bundle, domain, make_target(name, bundle, domain), options);
}

}  // namespace

void bind_compile(py::module_& module) {
  using compile::Compiled;
  py::class_<Compiled>(module, "Compiled", "A program, and what complete enumeration says of it.")
      .def_readonly("program", &Compiled::program)
      .def_property_readonly("exact", &Compiled::exact, "the program equals the target on every point")
      .def_property_readonly(
          "match", [](const Compiled& c) { return std::string(to_string(c.match)); },
          "q: q and out were asked to agree; out: out alone")
      .def_readonly("points", &Compiled::points, "pairs of accumulator and bias value that were enumerated")
      .def_readonly("differing_q", &Compiled::differing_q)
      .def_readonly("differing_out", &Compiled::differing_out);
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
