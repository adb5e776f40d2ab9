#include "kit/sample_source.hpp"

#include <algorithm>

#include "io/npy.hpp"

namespace quasim::kit {

void TensorSource::read(std::size_t sequence, std::size_t time, std::size_t tokens,
                        std::int8_t* samples) const {
  for (std::size_t channel = 0; channel < tensor_.extent<'C'>(); ++channel, samples += tokens)
    std::copy_n(&tensor_.at(sequence, channel, time), tokens, samples);
}

NpySource::NpySource(const std::filesystem::path& path, std::size_t max_tokens) : file_(path) {
  const NpyHeader header = read_npy_header(file_);
  require_rank(header, 3, "[B, C, L]", path);
  require_dtype(header, DType::kInt8, path);
  std::copy_n(header.shape.begin(), 3, file_shape_.begin());
  if (header.length_elems == 0) throw InputError(path, "shape", "[B, C, L] with every extent at least 1");
  shape_ = file_shape_;
  shape_[2] = std::min(shape_[2], max_tokens);
  data_offset_bytes_ = header.data_offset_bytes;
}

void NpySource::read(std::size_t sequence, std::size_t time, std::size_t tokens, std::int8_t* samples) const {
  for (std::size_t channel = 0; channel < shape_[1]; ++channel, samples += tokens)
    file_.read(data_offset_bytes_ + (sequence * shape_[1] + channel) * file_shape_[2] + time, samples,
               tokens);
}

}  // namespace quasim::kit
