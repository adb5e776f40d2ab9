// Tensors as beats of the stream, and back.
#include <pybind11/stl.h>

#include "bindings/python/src/arrays.hpp"
#include "bindings/python/src/bindings.hpp"
#include "types/beats.hpp"

namespace quasim::python {
namespace {

using Shape = std::array<std::size_t, 3>;

std::size_t checked_lanes(const py::handle& value) {
  const std::int64_t lanes = integer_of("lanes", value);
  require_lanes(lanes);
  return static_cast<std::size_t>(lanes);
}

Shape checked_shape(const py::handle& value) {
  if (!py::isinstance<py::sequence>(value) || py::len(value) != Shape{}.size())
    throw InputError("shape: expected [B, C, L]; got " + shortened(std::string(py::repr(value)), 60));
  Shape shape{};
  std::size_t axis = 0;
  for (const py::handle extent : value) {
    const std::int64_t number = integer_of("shape", extent);
    if (number < 1)
      throw InputError("shape: expected at least one element on every axis; got " + std::to_string(number));
    shape[axis++] = static_cast<std::size_t>(number);
  }
  return shape;
}

py::array_t<std::int8_t> encode(const py::array& x, const py::object& lanes) {
  const std::size_t width = checked_lanes(lanes);
  const std::vector<std::int8_t> samples =
      to_beats(input_tensor(require_array<std::int8_t>("x", x, 3, "[B, C, L]")), width);
  return py::array_t<std::int8_t>(std::vector<std::size_t>{samples.size() / width, width}, samples.data());
}

py::array_t<std::int8_t> decode(const py::array& beats, const py::object& wanted) {
  const auto array = require_array<std::int8_t>("beats", beats, 2, "[beats, lanes]");
  const Shape shape = checked_shape(wanted);
  const std::size_t lanes = checked_lanes(py::int_(array.shape(1)));
  const BeatLayout layout(shape, lanes);
  if (static_cast<std::size_t>(array.shape(0)) != layout.beats())
    throw InputError("beats: expected " + std::to_string(layout.beats()) + " beats for this shape; got " +
                     std::to_string(array.shape(0)));
  const auto elements = contiguous("beats", array);
  return to_numpy(
      from_beats(std::vector<std::int8_t>(elements.data(), elements.data() + elements.size()), shape, lanes));
}

py::dict marks(const py::object& shape, const py::object& lanes) {
  const BeatLayout layout(checked_shape(shape), checked_lanes(lanes));
  const auto beats = static_cast<py::ssize_t>(layout.beats());
  py::array_t<bool> user(beats), last(beats);
  py::array_t<std::int32_t> live(beats);
  for (std::size_t beat = 0; beat < layout.beats(); ++beat) {
    user.mutable_data()[beat] = layout.is_first(beat);
    last.mutable_data()[beat] = layout.is_last(beat);
    live.mutable_data()[beat] = static_cast<std::int32_t>(layout.live_lanes(beat));
  }
  return py::dict(py::arg("tuser") = user, py::arg("tlast") = last, py::arg("live_lanes") = live);
}

}  // namespace

void bind_beats(py::module_& module) {
  module.def("encode_beats", encode, py::arg("x"), py::arg("lanes"),
             "int8 [B, C, L] as beats, int8 [beats, lanes]: token-major, for each time step all channel "
             "groups; lanes "
             "without a channel are 0. Raises ValueError.");
  module.def(
      "decode_beats", decode, py::arg("beats"), py::arg("shape"),
      "The inverse of encode_beats: int8 [beats, lanes] to int8 of shape [B, C, L]. Raises ValueError.");
  module.def("beat_marks", marks, py::arg("shape"), py::arg("lanes"),
             "For every beat of a tensor [B, C, L]: tuser (bool, first time step), tlast (bool, last beat of "
             "a sequence), "
             "live_lanes (int32, lanes that hold a channel). Raises ValueError.");
}

}  // namespace quasim::python
