// Layer bundles.
#include <pybind11/stl.h>
#include <pybind11/stl/filesystem.h>

#include "bindings/python/src/arrays.hpp"
#include "bindings/python/src/bindings.hpp"
#include "io/bundle.hpp"
#include "io/npy.hpp"
#include "reference/committed.hpp"
#include "reference/targets.hpp"

namespace quasim::python {
namespace {

py::object optional_array(const std::vector<std::int8_t>& values) {
  if (values.empty()) return py::none();
  return to_numpy(values);
}

py::object input_of(const Bundle& bundle) {
  if (!bundle.input) return py::none();
  return to_numpy(*bundle.input);
}

Variant variant_of(const Bundle& bundle, const std::string& text) {
  return text.empty() ? default_variant(bundle.layer) : Variant::parse(text);
}

py::array golden_of(const Bundle& bundle, const std::string& tensor, const std::string& variant) {
  if (tensor.empty() || tensor.find_first_of("/\\") != std::string::npos)
    throw InputError("tensor: expected a name such as conv1d_output_int8; got '" + tensor + "'");
  const Variant wanted = variant_of(bundle, variant);
  const auto committed = committed_file(bundle, wanted, tensor + ".npy", Inputs::kLayerAndInput);
  if (!committed)
    throw InputError(bundle.golden_directory(wanted) / (tensor + ".npy"), "file",
                     "a golden tensor; it is missing, and " + committed_variants(bundle));
  const InputFile file(committed->file);
  const NpyHeader header = read_npy_header(file);
  require_rank(header, 3, "[B, C, L]", file.path());
  py::array array(py::dtype(std::string(to_string(header.dtype))), header.shape);
  file.read(header.data_offset_bytes, array.mutable_data(),
            header.length_elems * size_bytes_of(header.dtype));
  return array;
}

}  // namespace

void bind_bundle(py::module_& module) {
  py::class_<Bundle>(module, "Bundle",
                     "A layer bundle: scales, weights, bias and, where there is one, an input.")
      .def_property_readonly("directory", [](const Bundle& b) { return b.directory; })
      .def_property_readonly("name", [](const Bundle& b) { return b.layer.name; })
      .def_property_readonly(
          "channels", [](const Bundle& b) { return b.layer.channels; }, "C")
      .def_property_readonly(
          "taps", [](const Bundle& b) { return b.layer.taps; }, "K")
      .def_property_readonly(
          "conv_bits", [](const Bundle& b) { return b.layer.conv_bits; }, "N, the width of q")
      .def_property_readonly(
          "dataflow", [](const Bundle& b) { return std::string(to_string(b.layer.dataflow)); },
          "two_step or fused")
      .def_property_readonly(
          "rounding", [](const Bundle& b) { return std::string(to_string(b.layer.effective_rounding())); },
          "half_even or half_away")
      .def_property_readonly(
          "input_scale", [](const Bundle& b) { return b.layer.input_scale; }, "s_x")
      .def_property_readonly(
          "weight_scale", [](const Bundle& b) { return b.layer.weight_scale; }, "s_w")
      .def_property_readonly(
          "bias_scale", [](const Bundle& b) { return b.layer.bias_scale; }, "s_b, or None")
      .def_property_readonly(
          "conv_scale", [](const Bundle& b) { return b.layer.effective_conv_scale(); }, "s_c")
      .def_property_readonly(
          "output_scale", [](const Bundle& b) { return b.layer.output_scale; }, "s_y")
      .def_property_readonly(
          "weight", [](const Bundle& b) { return to_numpy(b.weight); },
          "int8 [C, K]; the last column multiplies the newest sample")
      .def_property_readonly(
          "bias", [](const Bundle& b) { return optional_array(b.bias); }, "int8 [C], or None")
      .def_property_readonly("input", input_of, "int8 [B, C, L], or None")
      .def("golden", golden_of, py::arg("tensor"), py::arg("variant") = "",
           "A golden tensor [B, C, L] by name, for instance conv1d_output_int8 or conv1d_q. variant is "
           "dataflow.order.math.rounding; empty means the layer's own dataflow and rounding, seqlast, "
           "precise.")
      .def("__repr__", [](const Bundle& b) {
        return "<quasim.Bundle '" + b.layer.name + "': " + std::to_string(b.layer.channels) + " channels, " +
               std::to_string(b.layer.taps) + " taps>";
      });
  module.def(
      "read_bundle", &read_bundle, py::arg("directory"),
      "Reads a layer bundle. Raises ValueError with one line that names file, field and what was expected.");
}

}  // namespace quasim::python
