// Where the analysis verbs get tensors from: one .npy or .npz file, or every such file below a directory.
#pragma once

#include <cstddef>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "io/npy.hpp"
#include "io/npz.hpp"

namespace quasim::analysis {

/// A tensor that lives elsewhere: in a mapped file, or in memory that outlives the view.
struct TensorView {
  std::string name;
  DType dtype = DType::kInt8;
  std::vector<std::size_t> shape;
  std::size_t length_elems = 0;
  const std::byte* data = nullptr;
  /// True where `data` is a read-only file map, whose pages may be dropped after use and come back by
  /// themselves.
  bool file_backed = false;

  std::size_t size_bytes() const { return length_elems * size_bytes_of(dtype); }
  const std::byte* at(std::size_t index) const { return data + index * size_bytes_of(dtype); }
};

/// A view of memory that the caller keeps alive.
template <class T>
TensorView view_of(std::string name, const std::vector<std::size_t>& shape, const T* data) {
  TensorView view{std::move(name), dtype_of<T>(), shape, 1, reinterpret_cast<const std::byte*>(data), false};
  for (std::size_t extent : shape) view.length_elems *= extent;
  return view;
}
template <class T>
TensorView view_of(std::string name, const TensorBCL<T>& tensor) {
  return view_of(std::move(name), {tensor.shape().begin(), tensor.shape().end()}, tensor.data());
}

/// The position of element `index` along each axis of `shape`.
std::vector<std::size_t> index_of(std::size_t index, const std::vector<std::size_t>& shape);

/// Every tensor of a path, sorted by name. Nothing is copied: arrays are mapped (compressed .npz members
/// excepted).
class TensorSource {
 public:
  /// Throws InputError when the path is neither a .npy or .npz file nor a directory, or when a file is
  /// malformed.
  explicit TensorSource(const std::filesystem::path& path);
  const std::vector<TensorView>& tensors() const { return tensors_; }
  /// Throws InputError where a file was written since it was mapped: what was read of it is then a mixture.
  void require_unchanged() const;

 private:
  void add_file(const std::filesystem::path& file, const std::string& name);
  void add_archive(const std::filesystem::path& file, const std::string& name);

  std::vector<std::unique_ptr<const NpyFile>> files_;
  std::vector<std::unique_ptr<const NpzFile>> archives_;
  std::vector<TensorView> tensors_;
};

/// Drops the pages of a file-backed view behind a cursor, so that streaming needs bounded memory.
class PageRelease {
 public:
  explicit PageRelease(const TensorView& view);
  /// Elements before `index` are not needed any more.
  void consumed(std::size_t index);

 private:
  const TensorView& view_;
  std::size_t released_bytes_ = 0;
};

}  // namespace quasim::analysis
