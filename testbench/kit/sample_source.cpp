#include "kit/sample_source.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <system_error>

#include "io/npy.hpp"

namespace quasim::kit {

void TensorSource::read(std::size_t sequence, std::size_t time, std::size_t steps,
                        std::int8_t* samples) const {
  for (std::size_t channel = 0; channel < tensor_.extent<'C'>(); ++channel, samples += steps)
    std::copy_n(&tensor_.at(sequence, channel, time), steps, samples);
}

NpySource::NpySource(const std::filesystem::path& path, std::size_t max_steps) : path_(path) {
  const NpyFile file(path);
  file.require_rank(3, "[B, C, L]");
  file.require_dtype(DType::kInt8);
  std::copy_n(file.header().shape.begin(), 3, file_shape_.begin());
  if (file.header().length_elems == 0)
    throw InputError(path, "shape", "[B, C, L] with every extent at least 1");
  shape_ = file_shape_;
  shape_[2] = std::min(shape_[2], max_steps);
  data_offset_bytes_ = file.header().data_offset_bytes;
  descriptor_ = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor_ < 0)
    throw InputError(path.string() + ": cannot open: " + std::generic_category().message(errno));
}

NpySource::~NpySource() {
  ::close(descriptor_);
}

void NpySource::read(std::size_t sequence, std::size_t time, std::size_t steps, std::int8_t* samples) const {
  for (std::size_t channel = 0; channel < shape_[1]; ++channel, samples += steps) {
    const std::size_t offset = data_offset_bytes_ + (sequence * shape_[1] + channel) * file_shape_[2] + time;
    for (std::size_t done = 0; done < steps;) {
      const ssize_t got =
          ::pread(descriptor_, samples + done, steps - done, static_cast<off_t>(offset + done));
      if (got <= 0) throw InputError(path_.string() + ": cannot read: the file became shorter");
      done += static_cast<std::size_t>(got);
    }
  }
}

}  // namespace quasim::kit
