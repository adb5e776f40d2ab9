#include "types/groups.hpp"

#include <string>

#include "spec/error.hpp"

namespace quasim {

std::vector<Channels> channels_by_group(const ChannelGroup& channel_group, std::size_t groups) {
  std::vector<Channels> channels(groups);
  for (std::size_t channel = 0; channel < channel_group.size(); ++channel) {
    const std::size_t group = channel_group[channel];
    if (group >= groups)
      throw InputError("channel " + std::to_string(channel) + ": expected a group from 0 to " +
                       std::to_string(groups - 1) + "; got " + std::to_string(group));
    channels[group].push_back(channel);
  }
  for (std::size_t group = 0; group < groups; ++group)
    if (channels[group].empty())
      throw InputError("group " + std::to_string(group) + ": expected at least one channel; it has none");
  return channels;
}

}  // namespace quasim
