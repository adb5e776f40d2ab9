#include "types/beats.hpp"

#include "spec/checks.hpp"
#include "spec/contract.hpp"

namespace quasim {
namespace {

/// Calls visit(offset in the tensor, offset in the beats) for every element, in tensor order.
template <class Visit>
void for_each_element(const std::array<std::size_t, 3>& shape, const BeatLayout& layout, Visit visit) {
  std::size_t offset = 0;
  for (std::size_t sequence = 0; sequence < shape[0]; ++sequence)
    for (std::size_t channel = 0; channel < shape[1]; ++channel) {
      const auto at = layout.position_of({sequence, channel, 0});
      std::size_t sample = at.beat * layout.lanes() + at.lane;
      for (std::size_t time = 0; time < shape[2]; ++time, sample += layout.groups() * layout.lanes())
        visit(offset++, sample);
    }
}

}  // namespace

void require_lanes(std::int64_t lanes) {
  require_range("lanes", lanes, spec::kLanesMin, spec::kLanesMax);
}

BeatLayout::BeatLayout(std::size_t sequences, std::size_t channels, std::size_t length, std::size_t lanes)
    : sequences_(sequences), channels_(channels), length_(length), lanes_(lanes) {
  const std::string shape =
      "[" + std::to_string(sequences) + ", " + std::to_string(channels) + ", " + std::to_string(length) + "]";
  if (sequences == 0 || channels == 0 || length == 0 || lanes == 0)
    throw InputError("shape: expected at least one element on every axis and one lane; got " + shape +
                     " over " + std::to_string(lanes) + " lanes");
  std::size_t padded = 0, samples = 0;
  const bool too_large = __builtin_add_overflow(channels, lanes, &padded) ||
                         __builtin_mul_overflow(sequences, length, &samples) ||
                         __builtin_mul_overflow(samples, padded, &samples) || samples > PTRDIFF_MAX;
  if (too_large) throw InputError("shape: expected fewer than 2^63 samples; got " + shape);
}

template <class T>
std::vector<T> to_beats(const TensorBCL<T>& tensor, std::size_t lanes) {
  const BeatLayout layout(tensor.shape(), lanes);
  std::vector<T> samples(layout.beats() * layout.lanes());
  for_each_element(tensor.shape(), layout, [&](std::size_t element, std::size_t sample) {
    samples[sample] = tensor.data()[element];
  });
  return samples;
}

template <class T>
TensorBCL<T> from_beats(const std::vector<T>& samples, const std::array<std::size_t, 3>& shape,
                        std::size_t lanes) {
  const BeatLayout layout(shape, lanes);
  if (samples.size() != layout.beats() * layout.lanes())
    throw InputError("beats: expected as many samples as the shape");
  TensorBCL<T> tensor(shape);
  for_each_element(shape, layout, [&](std::size_t element, std::size_t sample) {
    tensor.data()[element] = samples[sample];
  });
  return tensor;
}

template std::vector<std::int8_t> to_beats(const TensorBCL<std::int8_t>&, std::size_t);
template std::vector<std::int16_t> to_beats(const TensorBCL<std::int16_t>&, std::size_t);
template TensorBCL<std::int8_t> from_beats(const std::vector<std::int8_t>&, const std::array<std::size_t, 3>&,
                                           std::size_t);
template TensorBCL<std::int16_t> from_beats(const std::vector<std::int16_t>&,
                                            const std::array<std::size_t, 3>&, std::size_t);

}  // namespace quasim
