// Tensors as beats of the stream, and back.
#include <pybind11/stl.h>

#include "bindings/python/src/arrays.hpp"
#include "bindings/python/src/bindings.hpp"
#include "types/beats.hpp"

namespace quasim::python {
namespace {

using Shape = std::array<std::size_t, 3>;

std::size_t checked_lanes(std::int64_t lanes) {
  require_lanes(lanes);
  return static_cast<std::size_t>(lanes);
}

void check_shape(const Shape& shape) {
  for (std::size_t extent : shape)
    if (extent == 0) throw InputError("shape: expected at least one element on every axis");
}

py::array_t<std::int8_t> encode(const py::array& x, std::int64_t lanes) {
  const std::size_t width = checked_lanes(lanes);
  const std::vector<std::int8_t> samples = to_beats(input_tensor(x), width);
  return py::array_t<std::int8_t>(std::vector<std::size_t>{samples.size() / width, width}, samples.data());
}

py::array_t<std::int8_t> decode(const py::array& beats, const Shape& shape) {
  const auto checked = require_array<std::int8_t>("beats", beats, 2, "[beats, lanes]");
  check_shape(shape);
  const std::size_t lanes = checked_lanes(checked.shape(1));
  const BeatLayout layout(shape, lanes);
  if (static_cast<std::size_t>(checked.shape(0)) != layout.beats())
    throw InputError("beats: expected " + std::to_string(layout.beats()) + " beats for this shape; got " +
                     std::to_string(checked.shape(0)));
  return to_numpy(
      from_beats(std::vector<std::int8_t>(checked.data(), checked.data() + checked.size()), shape, lanes));
}

py::dict marks(const Shape& shape, std::int64_t lanes) {
  check_shape(shape);
  const BeatLayout layout(shape, checked_lanes(lanes));
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
