// What travels between the stages of the pipeline.
#pragma once

#include <cstddef>
#include <cstdint>

namespace quasim::sc {

/// Travels beside the lanes of every beat.
struct BeatTag {
  std::uint64_t sequence = 0;    ///< beats accepted before this one since the layer was loaded
  std::uint32_t group = 0;       ///< channel group
  std::uint32_t live_lanes = 0;  ///< lanes that hold a channel below C
  bool first = false;            ///< first time step of a sequence
  bool last = false;             ///< s_axis_tlast
};

template <std::size_t Lanes>
struct SampleBeat {
  std::int8_t data[Lanes];
  bool first;
  bool last;
};

template <std::size_t Lanes>
struct FetchBeat {
  std::int8_t x[Lanes];
  BeatTag tag;
};

template <std::size_t Lanes>
struct AccBeat {
  std::int32_t acc[Lanes];
  BeatTag tag;
};

template <std::size_t Lanes>
struct ProductBeat {
  std::int64_t p[Lanes];  ///< M*acc + B
  BeatTag tag;
};

template <std::size_t Lanes>
struct QBeat {
  std::int32_t
      q[Lanes];  ///< q in two_step; u and the guessed rank in fused, as stages::fused_index packs them
  std::uint32_t saturated;  ///< live lanes that the clamp changed
  BeatTag tag;
};

template <std::size_t Lanes>
struct OutBeat {
  std::int8_t data[Lanes];
  std::uint32_t saturated;  ///< live lanes at a limit of int8
  BeatTag tag;
};

}  // namespace quasim::sc
