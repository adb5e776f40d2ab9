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
/// Nothing is copied: a view may be larger than memory.
template <class T>
py::array_t<T> require_array(const char* name, const py::array& array, int rank, const char* axes) {
  if (!py::isinstance<py::array_t<T>>(array) || array.ndim() != rank)
    throw InputError(std::string(name) + ": expected " + std::string(py::str(py::dtype::of<T>())) + " " +
                     axes + "; got " + std::string(py::str(array.dtype())) + " of " +
                     std::to_string(array.ndim()) + " axes");
  return array;
}

/// The array's elements one after the other; copied where they lie otherwise. Throws InputError where they do
/// not fit into memory.
template <class T>
py::array_t<T, py::array::c_style> contiguous(const char* name, const py::array_t<T>& array) {
  auto elements = py::array_t<T, py::array::c_style>::ensure(array);
  if (!elements)
    throw InputError(std::string(name) + ": expected an array that fits into memory; got " +
                     std::to_string(array.size()) + " elements");
  return elements;
}

/// A whole number from Python, whatever its type. Throws InputError for anything else.
inline std::int64_t integer_of(const char* name, const py::handle& value) {
  const auto index = py::reinterpret_steal<py::object>(PyNumber_Index(value.ptr()));
  const long long number = index ? PyLong_AsLongLong(index.ptr()) : -1;
  if (PyErr_Occurred() != nullptr) {
    PyErr_Clear();
    throw InputError(std::string(name) + ": expected a whole number below 2^63; got " +
                     shortened(std::string(py::repr(value)), 60));
  }
  return number;
}

/// A tensor [B, C, L] from an int8 array that require_array has seen; no axis may be empty.
inline TensorBCL<std::int8_t> input_tensor(const py::array_t<std::int8_t>& array) {
  TensorBCL<std::int8_t>::Shape shape{};
  for (std::size_t i = 0; i < shape.size(); ++i)
    shape[i] = static_cast<std::size_t>(array.shape(static_cast<int>(i)));
  if (array.size() == 0) throw InputError("x: expected at least one element on every axis");
  const auto elements = contiguous("x", array);
  return {shape, std::vector<std::int8_t>(elements.data(), elements.data() + elements.size())};
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
