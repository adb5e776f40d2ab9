#include "bindings/dpi/beat_stream.hpp"

#include <algorithm>
#include <string>

#include "spec/error.hpp"
#include "types/beats.hpp"

namespace quasim::dpi {

BeatResult BeatStream::next(LayerModel& model, int lanes, const std::int8_t* samples, bool user) {
  require_lanes(lanes);
  if (group_ != 0 && lanes != lanes_)
    throw InputError("lanes: expected " + std::to_string(lanes_) +
                     " as in the earlier groups of this time step; got " + std::to_string(lanes));
  lanes_ = lanes;
  if (group_ == 0) first_ = user;
  const int channels = model.program().channels();
  const int base = group_ * lanes;
  BeatResult result;
  result.live_lanes = std::min(lanes, channels - base);
  for (int lane = 0; lane < result.live_lanes; ++lane) {
    const auto at = static_cast<std::size_t>(lane);
    result.data[at] = model.element(base + lane, samples[lane], first_).out;
  }
  group_ = base + lanes < channels ? group_ + 1 : 0;
  return result;
}

}  // namespace quasim::dpi
