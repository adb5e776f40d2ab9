// Where the samples of a stream come from, block by block: int8 tensors [B, C, L] that may be larger than
// memory.
#pragma once

#include <array>
#include <cstdint>
#include <filesystem>

#include "io/files.hpp"
#include "types/tensor.hpp"

namespace quasim::kit {

class SampleSource {
 public:
  using Shape = TensorBCL<std::int8_t>::Shape;
  virtual ~SampleSource() = default;
  /// [B, C, L] of what is read.
  virtual const Shape& shape() const = 0;
  /// Time steps time ... time + tokens - 1 of every channel of one sequence into `samples`, [C][tokens].
  virtual void read(std::size_t sequence, std::size_t time, std::size_t tokens,
                    std::int8_t* samples) const = 0;
};

class TensorSource final : public SampleSource {
 public:
  /// The tensor must outlive it.
  explicit TensorSource(const TensorBCL<std::int8_t>& tensor) : tensor_(tensor) {}
  const Shape& shape() const override { return tensor_.shape(); }
  void read(std::size_t sequence, std::size_t time, std::size_t tokens, std::int8_t* samples) const override;

 private:
  const TensorBCL<std::int8_t>& tensor_;
};

/// A .npy file of int8 [B, C, L] of which only the pieces asked for are in memory.
class NpySource final : public SampleSource {
 public:
  /// Reads at most the first `max_tokens` time steps of each sequence. Throws InputError where the file is
  /// not such a tensor or one of its extents is 0.
  NpySource(const std::filesystem::path& path, std::size_t max_tokens);
  const Shape& shape() const override { return shape_; }
  /// [B, C, L] of the file.
  const Shape& file_shape() const { return file_shape_; }
  void read(std::size_t sequence, std::size_t time, std::size_t tokens, std::int8_t* samples) const override;

 private:
  InputFile file_;
  Shape file_shape_{}, shape_{};
  std::size_t data_offset_bytes_ = 0;
};

}  // namespace quasim::kit
