// Whole tensors: the fast untimed model of a program, and the CPU twin of the golden in all its output modes.
#include <pybind11/stl.h>

#include <map>

#include "bindings/python/src/arrays.hpp"
#include "bindings/python/src/bindings.hpp"
#include "quasim_golden_cpu_twin.hpp"
#include "stages/untimed.hpp"

namespace quasim::python {
namespace {

using stages::UntimedPlan;

/// The value of a choice by its name.
int choice(const char* what, const std::map<std::string, int>& names, const std::string& name) {
  const auto found = names.find(name);
  if (found != names.end()) return found->second;
  std::string list;
  for (const auto& entry : names) list += (list.empty() ? "" : ", ") + entry.first;
  throw InputError(std::string(what) + ": expected " + list + "; got '" + shortened(name, 60) + "'");
}

py::array_t<std::int8_t> run_plan(const UntimedPlan& plan, const py::array& x, const std::string& layout) {
  const bool channels_last = choice("layout", {{"bcl", 0}, {"blc", 1}}, layout) != 0;
  const auto array = require_array<std::int8_t>("x", x, 3, channels_last ? "[B, L, C]" : "[B, C, L]");
  const int channel_axis = channels_last ? 2 : 1;
  if (static_cast<std::size_t>(array.shape(channel_axis)) != plan.channels())
    throw InputError("x: expected " + std::to_string(plan.channels()) + " channels; got " +
                     std::to_string(array.shape(channel_axis)));
  const auto input = contiguous("x", array);
  py::array_t<std::int8_t> out({array.shape(0), array.shape(1), array.shape(2)});
  if (input.size() == 0) return out;
  const std::int8_t* from = input.data();
  std::int8_t* to = out.mutable_data();
  const auto sequences = static_cast<std::size_t>(array.shape(0));
  const auto length = static_cast<std::size_t>(array.shape(channels_last ? 1 : 2));
  py::gil_scoped_release release;
  if (channels_last)
    plan.run_channels_last(from, to, sequences, length);
  else
    plan.run(from, to, sequences, length);
  return out;
}

/// Tensors of the twin that were asked for, by name.
class TwinOutputs {
 public:
  TwinOutputs(const std::vector<std::string>& names, const std::vector<std::size_t>& shape,
              qg_tensors& tensors) {
    for (const std::string& name : names) {
      if (name == "conv1d_output_int8")
        tensors.conv1d_output_int8 = add<std::int8_t>(name, shape);
      else if (name == "conv1d_q")
        tensors.conv1d_q16 = add<std::int16_t>(name, shape);
      else if (name == "ssm_input")
        tensors.ssm_input = add<float>(name, shape);
      else if (name == "conv1d_raw")
        tensors.conv1d_raw = add<float>(name, shape);
      else if (name == "conv1d_int8simulated")
        tensors.conv1d_int8simulated = add<float>(name, shape);
      else if (name == "silu_raw")
        tensors.silu_raw = add<float>(name, shape);
      else
        throw InputError(
            "tensors: expected conv1d_output_int8, conv1d_q, ssm_input, conv1d_raw, "
            "conv1d_int8simulated, silu_raw; got '" +
            shortened(name, 60) + "'");
    }
  }
  py::dict take() const { return arrays_; }

 private:
  template <class T>
  T* add(const std::string& name, const std::vector<std::size_t>& shape) {
    py::array_t<T> array(shape);
    arrays_[name.c_str()] = array;
    return array.mutable_data();
  }

  py::dict arrays_;
};

py::dict run_twin(const py::array& x, const py::array& weight, const py::object& bias, float input_scale,
                  float weight_scale, float bias_scale, float output_scale, float conv_scale, int conv_bits,
                  const std::string& dataflow, const std::string& rounding, const std::string& output_mode,
                  const std::vector<std::string>& tensor_names) {
  const auto samples = contiguous("x", require_array<std::int8_t>("x", x, 3, "[B, C, L]"));
  const auto w = contiguous("weight", require_array<std::int8_t>("weight", weight, 2, "[C, K]"));
  if (samples.size() == 0) throw InputError("x: expected at least one element on every axis");
  if (w.shape(0) != samples.shape(1))
    throw InputError("weight: expected " + std::to_string(samples.shape(1)) + " channels; got " +
                     std::to_string(w.shape(0)));
  qg_params params{samples.shape(0),
                   samples.shape(1),
                   samples.shape(2),
                   static_cast<std::int32_t>(w.shape(1)),
                   conv_bits,
                   input_scale,
                   weight_scale,
                   bias_scale,
                   conv_scale,
                   output_scale,
                   choice("dataflow", {{"two_step", QG_TWO_STEP}, {"fused", QG_FUSED}}, dataflow),
                   QG_SEQLAST,
                   QG_PRECISE,
                   choice("rounding", {{"half_even", QG_HALF_EVEN}, {"half_away", QG_HALF_AWAY}}, rounding),
                   QG_BCL,
                   choice("output_mode",
                          {{"baseline", QG_BASELINE},
                           {"fp32_ssm_input", QG_FP32_SSM_INPUT},
                           {"float_sim_int8", QG_FLOAT_SIM_INT8},
                           {"fp32", QG_FP32}},
                          output_mode),
                   QG_SILU};
  qg_tensors tensors{};
  tensors.input = samples.data();
  tensors.weight = w.data();
  py::array_t<std::int8_t, py::array::c_style> b;
  if (!bias.is_none()) {
    b = contiguous("bias", require_array<std::int8_t>("bias", bias.cast<py::array>(), 1, "[C]"));
    if (b.shape(0) != samples.shape(1))
      throw InputError("bias: expected " + std::to_string(samples.shape(1)) + " channels; got " +
                       std::to_string(b.shape(0)));
    tensors.bias = b.data();
  }
  const TwinOutputs outputs(tensor_names, {samples.shape(), samples.shape() + 3}, tensors);
  {
    py::gil_scoped_release release;
    try {
      quasim_golden::CpuTwin(params).run(tensors);
    } catch (const std::invalid_argument& error) {
      throw InputError(error.what());
    }
  }
  return outputs.take();
}

}  // namespace

void bind_fast(py::module_& module) {
  py::class_<UntimedPlan>(
      module, "FastModel",
      "The untimed model of a program over whole tensors, as fast as the processor allows; "
      "equal to Model in every value.")
      .def(py::init<const LayerProgram&>(), py::arg("program"))
      .def_property_readonly("channels", &UntimedPlan::channels, "C")
      .def("run", run_plan, py::arg("x"), py::arg("layout") = "bcl",
           "int8 x to int8 out, both [B, C, L], or [B, L, C] with layout blc; every sequence starts with "
           "older samples 0. Other threads may run meanwhile. Raises ValueError.");
  module.def(
      "twin", run_twin, py::arg("x"), py::arg("weight"), py::arg("bias"), py::kw_only(),
      py::arg("input_scale"), py::arg("weight_scale"), py::arg("bias_scale") = 1.0F, py::arg("output_scale"),
      py::arg("conv_scale") = 0.0F, py::arg("conv_bits") = 8, py::arg("dataflow") = "two_step",
      py::arg("rounding") = "half_even", py::arg("output_mode") = "baseline",
      py::arg("tensors") = std::vector<std::string>{"conv1d_output_int8"},
      "The CPU twin of the golden, order seqlast, math precise: a dict of arrays [B, C, L] by the names of "
      "the contract. conv_scale 0: equal to output_scale. Raises ValueError.");
}

}  // namespace quasim::python
