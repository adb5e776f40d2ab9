// Certification: the whole domain of a layer through model, oracle, CPU twin and the GPU's sweep where there
// is one.
#include <pybind11/stl.h>

#include <map>
#include <string>

#include "bindings/python/src/bindings.hpp"
#include "compile/compiler.hpp"
#include "compile/program_source.hpp"
#include "prove/certify.hpp"
#include "reference/targets.hpp"
#include "spec/error.hpp"

namespace quasim::python {
namespace {

namespace py = pybind11;

compile::Certificate certify_program(const Bundle& bundle, const LayerProgram& program,
                                     const std::string& domain_kind) {
  if (bundle.layer.dataflow != Dataflow::kTwoStep)
    throw InputError("dataflow: expected two_step; a layer program cannot express fused");
  if (!(program.weight == bundle.weight)) throw InputError("program: expected the weights of the bundle");
  if (program.conv_bits != bundle.layer.conv_bits)
    throw InputError("program: expected conv_bits " + std::to_string(bundle.layer.conv_bits) + "; got " +
                     std::to_string(program.conv_bits));
  const exact::Domain domain = make_domain(exact::parse_domain(domain_kind), bundle, program.bias_words);
  const Variant variant = default_variant(bundle.layer);
  std::vector<compile::Implementation> implementations{
      {"model", std::nullopt, enumerate(compile::ProgramSource(program), domain), 0},
      {"oracle", std::nullopt, exact::Oracle(bundle.layer).steps(domain), 0},
      {"cpu_twin", variant, enumerate(*make_twin_source(bundle.layer, variant), domain), 0}};
  std::string target = "cpu_twin";
  if (auto steps = gpu_steps(bundle, variant, domain)) {
    target = "gpu";
    implementations.push_back({target, variant, std::move(*steps), 0});
  }
  return compile::certify(bundle.layer, domain, implementations, target, true);
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
      "model_differing (points in which the program differs from the golden in q or out), unexplained "
      "(points in which a "
      "golden differs from exact arithmetic and no rounding explains it), pairs. Raises ValueError.");
}

}  // namespace quasim::python
