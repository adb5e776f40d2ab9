// numpy arrays to tensors and back. Errors are InputError, which Python sees as ValueError.
#pragma once

#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>

#include <string>
#include <vector>

#include "spec/error.hpp"
#include "types/tensor.hpp"

namespace quasim::python {

namespace py = pybind11;

/// Throws InputError unless the array is of dtype T and of `rank` axes; `axes` names them for the message.
template <class T>
py::array_t<T, py::array::c_style> require_array(const char* name, const py::array& array, int rank,
                                                 const char* axes) {
  if (!py::isinstance<py::array_t<T>>(array) || array.ndim() != rank)
    throw InputError(std::string(name) + ": expected " + std::string(py::str(py::dtype::of<T>())) + " " +
                     axes + "; got " + std::string(py::str(array.dtype())) + " of " +
                     std::to_string(array.ndim()) + " axes");
  return py::array_t<T, py::array::c_style>::ensure(array);
}

/// A tensor [B, C, L] from an int8 array; no axis may be empty.
inline TensorBCL<std::int8_t> input_tensor(const py::array& array) {
  const auto checked = require_array<std::int8_t>("x", array, 3, "[B, C, L]");
  TensorBCL<std::int8_t>::Shape shape{};
  for (std::size_t i = 0; i < shape.size(); ++i)
    shape[i] = static_cast<std::size_t>(checked.shape(static_cast<int>(i)));
  if (checked.size() == 0) throw InputError("x: expected at least one element on every axis");
  return {shape, std::vector<std::int8_t>(checked.data(), checked.data() + checked.size())};
}

template <class T, char... Axes>
py::array_t<T> to_numpy(const Tensor<T, Axes...>& tensor) {
  return py::array_t<T>(std::vector<std::size_t>(tensor.shape().begin(), tensor.shape().end()),
                        tensor.data());
}

template <class T>
py::array_t<T> to_numpy(const std::vector<T>& values) {
  return py::array_t<T>(static_cast<py::ssize_t>(values.size()), values.data());
}

}  // namespace quasim::python
