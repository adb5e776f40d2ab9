// Certification: the whole domain of a layer through model, oracle, CPU twin and the GPU's sweep where there
// is one.
#include <pybind11/stl.h>

#include <string>

#include "bindings/python/src/bindings.hpp"
#include "reference/certificate.hpp"
#include "reference/programs.hpp"

namespace quasim::python {
namespace {

namespace py = pybind11;

std::vector<LayerCertificate> certify_groups(const GroupedBundle& bundle, const LayerProgram& program,
                                             const std::string& domain_kind, bool require_golden) {
  std::vector<LayerCertificate> certificates;
  for (const Bundle& group : bundle.split()) {
    CertifyRequest request;
    request.domain = exact::parse_domain(domain_kind);
    request.program = program_part(group, program, "program");
    request.require_golden = require_golden;
    certificates.push_back(certify_layer(group, std::move(request)));
  }
  return certificates;
}

py::dict dict_of(const LayerCertificate& layer) {
  const compile::Certificate& certificate = layer.certificate;
  py::dict pairs;
  for (const compile::PairResult& pair : certificate.pairs)
    pairs[py::str(pair.a + " vs " + pair.b)] =
        py::dict(py::arg("points") = pair.points, py::arg("differing_q") = pair.differing_q,
                 py::arg("differing_out") = pair.differing_out);
  return py::dict(py::arg("passed") = certificate.passed(), py::arg("points") = certificate.domain.points(),
                  py::arg("target") = layer.target, py::arg("match") = layer.match_q ? "q" : "out",
                  py::arg("model_differing") = certificate.model_differing,
                  py::arg("differing_points") = certificate.differing_points,
                  py::arg("examined") = certificate.examined,
                  py::arg("unexplained") = certificate.unexplained,
                  py::arg("ties") = layer.ties ? py::object(py::int_(*layer.ties)) : py::none(),
                  py::arg("pairs") = pairs);
}

/// {"passed", "groups": {name: dict}} of a layer of several groups.
py::dict dict_of(const std::vector<LayerCertificate>& layers) {
  bool passed = true;
  std::int64_t points = 0;
  py::dict groups;
  for (const LayerCertificate& layer : layers) {
    passed = passed && layer.passed();
    points += layer.certificate.domain.points();
    groups[py::str(layer.group)] = dict_of(layer);
  }
  return py::dict(py::arg("passed") = passed, py::arg("points") = points, py::arg("groups") = groups);
}

}  // namespace

void bind_certify(py::module_& module) {
  module.def(
      "certify",
      [](const GroupedBundle& bundle, const LayerProgram& program, const std::string& domain,
         bool require_golden) {
        const std::vector<LayerCertificate> layers = [&] {
          const py::gil_scoped_release release;
          return certify_groups(bundle, program, domain, require_golden);
        }();
        return layers.size() == 1 ? dict_of(layers.front()) : dict_of(layers);
      },
      py::arg("bundle"), py::arg("program"), py::arg("domain") = "reachable",
      py::arg("require_golden") = false,
      "Sends every accumulator and bias value of a two_step layer through the program, the exact oracle, the "
      "CPU twin of the golden and the GPU's committed sweeps, and compares them pairwise, as quasim certify "
      "does. Returns a dict: passed, points, target (what the program must equal) and match (q: in q and "
      "out; "
      "out: in out alone), model_differing (points in which it does not), differing_points (of the goldens "
      "from "
      "exact arithmetic), examined and unexplained (of those), ties (points at which the program's tie rule "
      "decides), pairs. Of a layer of several groups: passed, points, and groups, such a dict for each by "
      "its name. "
      "require_golden refuses where the GPU's sweep is missing. Raises ValueError.");
}

}  // namespace quasim::python
