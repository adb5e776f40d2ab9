// Certification: the whole domain of a layer through model, oracle, CPU twin and the GPU's sweep where there
// is one.
#include <pybind11/stl.h>

#include <string>

#include "bindings/python/src/bindings.hpp"
#include "reference/certificate.hpp"

namespace quasim::python {
namespace {

namespace py = pybind11;

compile::Certificate certify_program(const Bundle& bundle, const LayerProgram& program,
                                     const std::string& domain_kind) {
  CertifyRequest request;
  request.domain = exact::parse_domain(domain_kind);
  request.program = program;
  return certify_layer(bundle, std::move(request)).certificate;
}

}  // namespace

void bind_certify(py::module_& module) {
  module.def(
      "certify",
      [](const Bundle& bundle, const LayerProgram& program, const std::string& domain) {
        const compile::Certificate certificate = [&] {
          const py::gil_scoped_release release;
          return certify_program(bundle, program, domain);
        }();
        py::dict pairs;
        for (const compile::PairResult& pair : certificate.pairs)
          pairs[py::str(pair.a + " vs " + pair.b)] =
              py::dict(py::arg("points") = pair.points, py::arg("differing_q") = pair.differing_q,
                       py::arg("differing_out") = pair.differing_out);
        return py::dict(py::arg("passed") = certificate.passed(),
                        py::arg("points") = certificate.domain.points(),
                        py::arg("model_differing") = certificate.model_differing,
                        py::arg("unexplained") = certificate.unexplained, py::arg("pairs") = pairs);
      },
      py::arg("bundle"), py::arg("program"), py::arg("domain") = "reachable",
      "Sends every accumulator and bias value of a two_step layer through the program, the exact oracle, the "
      "CPU twin of "
      "the golden and the GPU's committed sweep, and compares them pairwise. Returns a dict of counts: "
      "passed, points, "
      "model_differing (points in which the program differs from what it was compiled for, in q and out or, "
      "where it was compiled to match out, in out), unexplained "
      "(points in which a "
      "golden differs from exact arithmetic and no rounding explains it), pairs. Raises ValueError.");
}

}  // namespace quasim::python
