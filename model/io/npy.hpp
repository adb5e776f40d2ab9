// NumPy .npy files (format 1.0 to 3.0), little-endian, C order.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "io/files.hpp"
#include "types/tensor.hpp"

namespace quasim {

enum class DType {
  kBool,
  kInt8,
  kUInt8,
  kInt16,
  kUInt16,
  kInt32,
  kUInt32,
  kInt64,
  kFloat16,
  kFloat32,
  kFloat64
};

std::string_view to_string(DType dtype);
std::size_t size_bytes_of(DType dtype);

template <class T>
constexpr DType dtype_of();
template <>
constexpr DType dtype_of<std::int8_t>() {
  return DType::kInt8;
}
template <>
constexpr DType dtype_of<std::int16_t>() {
  return DType::kInt16;
}
template <>
constexpr DType dtype_of<std::uint16_t>() {
  return DType::kUInt16;
}
template <>
constexpr DType dtype_of<std::int32_t>() {
  return DType::kInt32;
}
template <>
constexpr DType dtype_of<std::int64_t>() {
  return DType::kInt64;
}
template <>
constexpr DType dtype_of<float>() {
  return DType::kFloat32;
}

struct NpyHeader {
  DType dtype = DType::kInt8;
  std::vector<std::size_t> shape;
  std::size_t data_offset_bytes = 0;
  std::size_t length_elems = 0;
};

/// Parses the header at the front of `size_bytes` bytes. `name` is what errors call the source. Throws
/// InputError on anything malformed, Fortran order, big-endian or unknown dtypes, and when the data is not
/// exactly as long as the shape says.
NpyHeader parse_npy(const std::byte* bytes, std::size_t size_bytes, const std::filesystem::path& name);
/// The same of a file, of which the header alone is read.
NpyHeader read_npy_header(const InputFile& file);

void require_dtype(const NpyHeader& header, DType dtype, const std::filesystem::path& name);
/// `axes` names the axes for the message, e.g. "[B, C, L]".
void require_rank(const NpyHeader& header, std::size_t rank, const std::string& axes,
                  const std::filesystem::path& name);

/// "[2, 3, 4]"
std::string shape_text(const std::vector<std::size_t>& shape);

/// "[B, C, L]" of "BCL".
std::string axes_text(const std::string& axes);

/// In an expected shape: any extent but 0.
inline constexpr std::size_t kAnyExtent = 0;

/// Throws InputError unless `shape` is `expected`. `axes` has one letter for each axis. The message says what
/// was found and, where it is plain, what that probably is: axes in another order, an axis of extent 1 too
/// many or too few.
void require_shape(const std::filesystem::path& name, const std::string& axes,
                   const std::vector<std::size_t>& expected, const std::vector<std::size_t>& shape);

/// The header bytes of a .npy file, padded as NumPy pads them.
std::string npy_header_text(DType dtype, const std::vector<std::size_t>& shape);

/// A mapped .npy file: nothing is copied until it is read.
class NpyFile {
 public:
  explicit NpyFile(const std::filesystem::path& path)
      : file_(path), header_(parse_npy(file_.data(), file_.size_bytes(), path)) {}
  const NpyHeader& header() const { return header_; }
  const std::filesystem::path& path() const { return file_.path(); }
  const std::byte* data() const { return file_.data() + header_.data_offset_bytes; }
  /// Throws InputError where the file was written since it was mapped.
  void require_unchanged() const { file_.require_unchanged(); }

 private:
  MappedFile file_;
  NpyHeader header_;
};

/// The whole tensor of a file that has these axes; throws InputError on another dtype.
template <class T, char... Axes>
Tensor<T, Axes...> read_tensor(const InputFile& file, const NpyHeader& header) {
  require_dtype(header, dtype_of<T>(), file.path());
  typename Tensor<T, Axes...>::Shape shape{};
  for (std::size_t i = 0; i < shape.size(); ++i) shape[i] = header.shape[i];
  std::vector<T> data(header.length_elems);
  file.read(header.data_offset_bytes, data.data(), data.size() * sizeof(T));
  return {shape, std::move(data)};
}

/// Reads a whole tensor; throws InputError on a wrong dtype or rank.
template <class T, char... Axes>
void read_npy(const std::filesystem::path& path, Tensor<T, Axes...>& tensor) {
  const InputFile file(path);
  const NpyHeader header = read_npy_header(file);
  require_rank(header, sizeof...(Axes), axes_text({Axes...}), path);
  tensor = read_tensor<T, Axes...>(file, header);
}

/// Reads a whole tensor of the shape `expected`, as require_shape has it; throws InputError on another shape
/// or dtype.
template <class T, char... Axes>
void read_npy(const std::filesystem::path& path, Tensor<T, Axes...>& tensor,
              const typename Tensor<T, Axes...>::Shape& expected) {
  const InputFile file(path);
  const NpyHeader header = read_npy_header(file);
  require_shape(path, {Axes...}, {expected.begin(), expected.end()}, header.shape);
  tensor = read_tensor<T, Axes...>(file, header);
}

void write_npy_bytes(const std::filesystem::path& path, DType dtype, const std::vector<std::size_t>& shape,
                     const void* data);

template <class T, char... Axes>
void write_npy(const std::filesystem::path& path, const Tensor<T, Axes...>& tensor) {
  write_npy_bytes(path, dtype_of<T>(), std::vector<std::size_t>(tensor.shape().begin(), tensor.shape().end()),
                  tensor.data());
}

}  // namespace quasim
