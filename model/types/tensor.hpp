// Dense row-major tensors whose axes are part of the type: Tensor<int8_t, 'B', 'C', 'L'>.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "spec/error.hpp"

namespace quasim {

template <class T, char... Axes>
class Tensor {
 public:
  static constexpr std::size_t kRank = sizeof...(Axes);
  static constexpr std::array<char, kRank> kAxes{Axes...};
  using Shape = std::array<std::size_t, kRank>;

  Tensor() = default;
  /// A tensor of zeros.
  explicit Tensor(Shape shape) : shape_(shape), data_(length_elems(shape)) {}
  /// Throws InputError when `data` does not have the shape's element count.
  Tensor(Shape shape, std::vector<T> data) : shape_(shape), data_(std::move(data)) {
    if (data_.size() != length_elems(shape)) throw InputError("tensor data does not fill its shape");
  }

  template <char Axis>
  std::size_t extent() const {
    constexpr std::size_t position = index_of(Axis);
    static_assert(position < kRank, "the tensor has no such axis");
    return shape_[position];
  }
  const Shape& shape() const { return shape_; }
  std::size_t size() const { return data_.size(); }
  const T* data() const { return data_.data(); }
  T* data() { return data_.data(); }
  const std::vector<T>& elements() const { return data_; }

  template <class... Index>
  const T& at(Index... index) const {
    return data_[offset(index...)];
  }
  template <class... Index>
  T& at(Index... index) {
    return data_[offset(index...)];
  }

  friend bool operator==(const Tensor& a, const Tensor& b) {
    return a.shape_ == b.shape_ && a.data_ == b.data_;
  }

 private:
  static constexpr std::size_t index_of(char axis) {
    for (std::size_t i = 0; i < kRank; ++i)
      if (kAxes[i] == axis) return i;
    return kRank;
  }
  static std::size_t length_elems(const Shape& shape) {
    std::size_t length = 1;
    for (std::size_t extent : shape) length *= extent;
    return length;
  }
  template <class... Index>
  std::size_t offset(Index... index) const {
    static_assert(sizeof...(Index) == kRank, "one index an axis");
    const std::array<std::size_t, kRank> indices{static_cast<std::size_t>(index)...};
    std::size_t position = 0;
    for (std::size_t i = 0; i < kRank; ++i) position = position * shape_[i] + indices[i];
    return position;
  }

  Shape shape_{};
  std::vector<T> data_;
};

/// [sequence, channel, time], the layout of every activation file.
template <class T>
using TensorBCL = Tensor<T, 'B', 'C', 'L'>;
/// [channel, tap]; tap K-1 multiplies the newest sample.
template <class T>
using TensorCK = Tensor<T, 'C', 'K'>;

}  // namespace quasim
