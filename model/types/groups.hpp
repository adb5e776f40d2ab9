// Groups of channels: which channel is of which, taking a group's channels out of a layer's tensors, and
// putting them back.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "types/tensor.hpp"

namespace quasim {

/// The group of each channel, [C]; empty where a layer has one group.
using ChannelGroup = std::vector<std::uint16_t>;
/// Channel numbers, ascending.
using Channels = std::vector<std::size_t>;

constexpr std::size_t kGroupsMax = std::size_t{1} << 16;

/// The channels of each of `groups` groups, which need not be contiguous. Throws InputError for a channel
/// whose group is not one of them, and for a group without a channel.
std::vector<Channels> channels_by_group(const ChannelGroup& channel_group, std::size_t groups);

template <class T>
std::vector<T> take_channels(const std::vector<T>& all, const Channels& channels) {
  std::vector<T> part;
  part.reserve(channels.size());
  for (const std::size_t channel : channels) part.push_back(all[channel]);
  return part;
}

template <class T>
TensorCK<T> take_channels(const TensorCK<T>& all, const Channels& channels) {
  const std::size_t taps = all.template extent<'K'>();
  TensorCK<T> part({channels.size(), taps});
  for (std::size_t i = 0; i < channels.size(); ++i)
    std::copy_n(all.data() + channels[i] * taps, taps, part.data() + i * taps);
  return part;
}

template <class T>
TensorBCL<T> take_channels(const TensorBCL<T>& all, const Channels& channels) {
  const std::size_t length = all.template extent<'L'>();
  TensorBCL<T> part({all.template extent<'B'>(), channels.size(), length});
  for (std::size_t b = 0; b < part.template extent<'B'>(); ++b)
    for (std::size_t i = 0; i < channels.size(); ++i)
      std::copy_n(all.data() + (b * all.template extent<'C'>() + channels[i]) * length, length,
                  part.data() + (b * channels.size() + i) * length);
  return part;
}

/// Writes the channels of `part` into their places in `all`.
template <class T>
void put_channels(const TensorBCL<T>& part, const Channels& channels, TensorBCL<T>& all) {
  const std::size_t length = all.template extent<'L'>();
  for (std::size_t b = 0; b < part.template extent<'B'>(); ++b)
    for (std::size_t i = 0; i < channels.size(); ++i)
      std::copy_n(part.data() + (b * channels.size() + i) * length, length,
                  all.data() + (b * all.template extent<'C'>() + channels[i]) * length);
}

}  // namespace quasim
