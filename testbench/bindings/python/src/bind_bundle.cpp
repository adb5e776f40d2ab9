// Layer bundles.
#include <pybind11/stl.h>
#include <pybind11/stl/filesystem.h>

#include <functional>

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

template <class AnyBundle>
py::object input_of(const AnyBundle& bundle) {
  if (!bundle.input) return py::none();
  return to_numpy(*bundle.input);
}

/// What the groups of a layer share.
const LayerParams& shared(const GroupedBundle& bundle) {
  return bundle.layer.groups.front();
}

/// A scale of a layer of one group; of more, each group has its own.
template <class Member>
auto only(Member member) {
  return [member](const GroupedBundle& b) { return std::invoke(member, b.layer.only(b.directory)); };
}

py::array_t<std::uint16_t> channel_group_of(const GroupedBundle& bundle) {
  ChannelGroup groups = bundle.layer.channel_group;
  groups.resize(bundle.weight.extent<'C'>());  // of one group: all 0
  return py::array_t<std::uint16_t>(static_cast<py::ssize_t>(groups.size()), groups.data());
}

py::array channels_of(const Bundle& bundle) {
  std::vector<std::int64_t> channels;
  for (int c = 0; c < bundle.layer.channels; ++c)
    channels.push_back(
        bundle.part ? static_cast<std::int64_t>(bundle.part->channels[static_cast<std::size_t>(c)]) : c);
  return to_numpy(channels);
}

Variant variant_of(const GroupedBundle& bundle, const std::string& text) {
  return text.empty() ? default_variant(shared(bundle)) : Variant::parse(text);
}

py::array golden_of(const GroupedBundle& bundle, const std::string& tensor, const std::string& variant) {
  if (tensor.empty() || tensor.find_first_of("/\\") != std::string::npos)
    throw InputError("tensor: expected a name such as conv1d_output_int8; got '" + tensor + "'");
  const Variant wanted = variant_of(bundle, variant);
  const auto committed = committed_file(bundle, wanted, tensor + ".npy", Inputs::kLayerAndInput);
  if (!committed)
    throw InputError(bundle.golden_directory(wanted) / (tensor + ".npy"), "file",
                     "a golden tensor; it is missing, and " + committed_variants(bundle.directory));
  const InputFile file(committed->file);
  const NpyHeader header = read_npy_header(file);
  require_rank(header, 3, "[B, C, L]", file.path());
  py::array array(py::dtype(std::string(to_string(header.dtype))), header.shape);
  file.read(header.data_offset_bytes, array.mutable_data(),
            header.length_elems * size_bytes_of(header.dtype));
  return array;
}

/// Properties that a layer and a group of it have alike.
template <class Class>
void add_tensors(Class& c) {
  using Type = typename Class::type;
  c.def_property_readonly(
       "weight", [](const Type& b) { return to_numpy(b.weight); },
       "int8 [C, K]; the last column multiplies the newest sample")
      .def_property_readonly(
          "bias", [](const Type& b) { return optional_array(b.bias); }, "int8 [C], or None")
      .def_property_readonly("input", input_of<Type>, "int8 [B, C, L], or None");
}

void bind_group(py::module_& module) {
  py::class_<Bundle> group(module, "Group",
                           "Channels of a layer that share their scales, as a layer of their own.");
  add_tensors(group);
  group
      .def_property_readonly(
          "name", [](const Bundle& b) { return b.part ? b.part->name : std::string(); },
          "empty where the layer has one group")
      .def_property_readonly("channels", channels_of, "int64, their numbers in the layer, ascending")
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
      .def("__repr__", [](const Bundle& b) {
        return "<quasim.Group of '" + b.layer.name + "': " + std::to_string(b.layer.channels) + " channels>";
      });
}

}  // namespace

void bind_bundle(py::module_& module) {
  bind_group(module);
  py::class_<GroupedBundle> bundle(
      module, "Bundle",
      "A layer bundle: scales, weights, bias and, where there is one, an input. Where channels carry "
      "different "
      "scales, groups has them; the scales of the layer itself then raise ValueError.");
  add_tensors(bundle);
  bundle.def_property_readonly("directory", [](const GroupedBundle& b) { return b.directory; })
      .def_property_readonly("name", [](const GroupedBundle& b) { return b.layer.name; })
      .def_property_readonly(
          "channels", [](const GroupedBundle& b) { return b.layer.channels; }, "C")
      .def_property_readonly(
          "taps", [](const GroupedBundle& b) { return b.layer.taps; }, "K")
      .def_property_readonly(
          "conv_bits", [](const GroupedBundle& b) { return shared(b).conv_bits; }, "N, the width of q")
      .def_property_readonly(
          "dataflow", [](const GroupedBundle& b) { return std::string(to_string(shared(b).dataflow)); },
          "two_step or fused")
      .def_property_readonly(
          "rounding",
          [](const GroupedBundle& b) { return std::string(to_string(shared(b).effective_rounding())); },
          "half_even or half_away")
      .def_property_readonly(
          "activation", [](const GroupedBundle& b) { return std::string(to_string(shared(b).activation)); },
          "silu or identity")
      .def_property_readonly("groups", &GroupedBundle::split,
                             "a Group for each; one where all channels are alike")
      .def_property_readonly("channel_group", channel_group_of, "uint16 [C], which group each channel is of")
      .def_property_readonly("input_scale", only(&LayerParams::input_scale), "s_x")
      .def_property_readonly("weight_scale", only(&LayerParams::weight_scale), "s_w")
      .def_property_readonly("bias_scale", only(&LayerParams::bias_scale), "s_b, or None")
      .def_property_readonly("conv_scale", only(&LayerParams::effective_conv_scale), "s_c")
      .def_property_readonly("output_scale", only(&LayerParams::output_scale), "s_y")
      .def("golden", golden_of, py::arg("tensor"), py::arg("variant") = "",
           "A golden tensor [B, C, L] by name, for instance conv1d_output_int8 or conv1d_q. variant is "
           "dataflow.order.math.rounding; empty means the layer's own dataflow and rounding, seqlast, "
           "precise.")
      .def("__repr__", [](const GroupedBundle& b) {
        return "<quasim.Bundle '" + b.layer.name + "': " + std::to_string(b.layer.channels) + " channels, " +
               std::to_string(b.layer.taps) + " taps" +
               (b.groups() > 1 ? ", " + std::to_string(b.groups()) + " groups" : "") + ">";
      });
  module.def(
      "read_bundle", &read_grouped_bundle, py::arg("directory"),
      "Reads a layer bundle. Raises ValueError with one line that names file, field and what was expected.");
}

}  // namespace quasim::python
