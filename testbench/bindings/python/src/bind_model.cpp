// The bit-accurate model on numpy arrays.
#include <pybind11/stl.h>

#include <algorithm>
#include <set>

#include "bindings/dpi/layer_model.hpp"
#include "bindings/python/src/arrays.hpp"
#include "bindings/python/src/bindings.hpp"

namespace quasim::python {
namespace {

using dpi::LayerModel;

/// Arrays for the stages that were asked for, all of one shape.
class StageArrays {
 public:
  StageArrays(const std::vector<std::string>& stages, const std::vector<std::size_t>& shape,
              const StageProgram& program) {
    for (const std::string& stage : stages) {
      if (stage == "acc")
        acc_ = py::array_t<std::int32_t>(shape);
      else if (stage == "p")
        p_ = py::array_t<std::int64_t>(shape);
      else if (stage == "q" && program.is_fused())
        index_ = py::array_t<std::int32_t>(shape);
      else if (stage == "q" && program.conv_bits > spec::kSampleBits)
        wide_q_ = py::array_t<std::int16_t>(shape);
      else if (stage == "q")
        q_ = py::array_t<std::int8_t>(shape);
      else if (stage == "out")
        out_ = py::array_t<std::int8_t>(shape);
      else
        throw InputError("stages: expected acc, p, q, out; got '" + stage + "'");
    }
  }

  void set(std::size_t index, const stages::StageValues& values) {
    if (acc_) acc_->mutable_data()[index] = values.acc;
    if (p_) p_->mutable_data()[index] = values.p;
    if (q_) q_->mutable_data()[index] = static_cast<std::int8_t>(values.index.index);
    if (wide_q_) wide_q_->mutable_data()[index] = static_cast<std::int16_t>(values.index.index);
    if (index_) index_->mutable_data()[index] = values.index.index;
    if (out_) out_->mutable_data()[index] = values.out;
  }

  py::dict take() const {
    py::dict result;
    if (acc_) result["acc"] = *acc_;
    if (p_) result["p"] = *p_;
    if (q_) result["q"] = *q_;
    if (wide_q_) result["q"] = *wide_q_;
    if (index_) result["q"] = *index_;
    if (out_) result["out"] = *out_;
    return result;
  }

 private:
  std::optional<py::array_t<std::int32_t>> acc_, index_;
  std::optional<py::array_t<std::int64_t>> p_;
  std::optional<py::array_t<std::int8_t>> q_, out_;
  std::optional<py::array_t<std::int16_t>> wide_q_;
};

/// The stages whose q decides the type of the array: the widest, of groups of one dataflow.
const StageProgram& widest_of(const LayerProgram& program) {
  const auto& groups = program.groups;
  for (const StageProgram& group : groups)
    if (group.dataflow != groups.front().dataflow)
      throw InputError("program: expected groups of one dataflow; '" + group.name + "' has another");
  return *std::max_element(groups.begin(), groups.end(), [](const StageProgram& a, const StageProgram& b) {
    return a.conv_bits < b.conv_bits;
  });
}

py::dict run(LayerModel& model, const py::array& x, bool continues, const std::vector<std::string>& stages) {
  const auto array = require_array<std::int8_t>("x", x, 3, "[B, C, L]");
  const auto channels = static_cast<std::size_t>(model.program().channels());
  if (static_cast<std::size_t>(array.shape(1)) != channels)
    throw InputError("x: expected " + std::to_string(channels) + " channels; got " +
                     std::to_string(array.shape(1)));
  if (continues && array.shape(0) != 1)
    throw InputError("x: expected one sequence where the history continues; got " +
                     std::to_string(array.shape(0)));
  const TensorBCL<std::int8_t> input = input_tensor(array);
  StageArrays arrays(stages, {input.shape().begin(), input.shape().end()}, widest_of(model.program()));
  const std::size_t length = input.extent<'L'>();
  for (std::size_t row = 0; row < input.size() / length; ++row)
    for (std::size_t time = 0; time < length; ++time) {
      const std::size_t index = row * length + time;
      arrays.set(index, model.element(static_cast<std::int64_t>(row % channels), input.data()[index],
                                      time == 0 && !continues));
    }
  return arrays.take();
}

py::array_t<std::int8_t> history_of(const LayerModel& model) {
  std::vector<std::int8_t> samples;
  for (int channel = 0; channel < model.program().channels(); ++channel)
    for (std::int8_t sample : model.history(channel)) samples.push_back(sample);
  return py::array_t<std::int8_t>(
      std::vector<std::size_t>{samples.size() / stages::kHistoryTaps, stages::kHistoryTaps}, samples.data());
}

void set_history(LayerModel& model, const py::array& history) {
  const auto array = require_array<std::int8_t>("history", history, 2, "[C, 3]");
  if (array.shape(0) != model.program().channels() || array.shape(1) != stages::kHistoryTaps)
    throw InputError("history: expected [" + std::to_string(model.program().channels()) + ", 3]");
  const auto checked = contiguous("history", array);
  for (int channel = 0; channel < model.program().channels(); ++channel) {
    const std::int8_t* row = checked.data(channel, 0);
    model.set_history(channel, {row[0], row[1], row[2]});
  }
}

}  // namespace

void bind_model(py::module_& module) {
  py::class_<LayerModel>(
      module, "Model",
      "The bit-accurate model of the unit with a program loaded: what the RTL puts out, without time.")
      .def(py::init<LayerProgram>(), py::arg("program"))
      .def_property_readonly("program", &LayerModel::program)
      .def("run", run, py::arg("x"), py::arg("continues") = false,
           py::arg("stages") = std::vector<std::string>{"q", "out"},
           "Runs int8 [B, C, L] and returns a dict of arrays of that shape. stages chooses from acc (int32), "
           "p (int64, "
           "M*acc + B), q (int8, int16 above 8 bits; in fused int32, 256*u + guessed rank) and out (int8). "
           "Every sequence starts with older "
           "samples 0; with "
           "continues=True the history goes on instead, and B is 1. Raises ValueError.")
      .def_property("history", history_of, set_history,
                    "int8 [C, 3]: x[t-3], x[t-2], x[t-1] of every channel");
}

}  // namespace quasim::python
