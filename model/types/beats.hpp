// How a tensor [B, C, L] travels over LANES int8 lanes: token-major, for each time step all channel groups.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "types/tensor.hpp"

namespace quasim {

/// Throws InputError unless a unit with that many lanes can be built.
void require_lanes(std::int64_t lanes);

class BeatLayout {
 public:
  /// Throws InputError unless every extent and the lanes are at least 1 and all samples can be counted.
  BeatLayout(std::size_t sequences, std::size_t channels, std::size_t length, std::size_t lanes);
  BeatLayout(const std::array<std::size_t, 3>& shape, std::size_t lanes)
      : BeatLayout(shape[0], shape[1], shape[2], lanes) {}

  struct Position {
    std::size_t beat, lane;
  };
  struct Element {
    std::size_t sequence, channel, time;
  };

  std::size_t lanes() const { return lanes_; }
  std::size_t channels() const { return channels_; }
  std::size_t groups() const { return (channels_ + lanes_ - 1) / lanes_; }
  std::size_t tokens() const { return sequences_ * length_; }
  std::size_t beats() const { return tokens() * groups(); }
  std::size_t elements() const { return tokens() * channels_; }

  Position position_of(Element e) const {
    return {(e.sequence * length_ + e.time) * groups() + e.channel / lanes_, e.channel % lanes_};
  }
  /// The channel may be C or more in the last group's dead lanes.
  Element element_of(Position p) const {
    const std::size_t token = p.beat / groups();
    return {token / length_, p.beat % groups() * lanes_ + p.lane, token % length_};
  }
  /// First time step of its sequence: every beat of it carries tuser[0].
  bool is_first(std::size_t beat) const { return beat / groups() % length_ == 0; }
  /// Last beat of its sequence: it carries tlast.
  bool is_last(std::size_t beat) const { return (beat + 1) % (groups() * length_) == 0; }
  /// Lanes of this beat that hold a channel.
  std::size_t live_lanes(std::size_t beat) const {
    const std::size_t left = channels_ - beat % groups() * lanes_;
    return left < lanes_ ? left : lanes_;
  }

 private:
  std::size_t sequences_, channels_, length_, lanes_;
};

/// The tensor's samples in beat order, beats() * lanes() of them; dead lanes are 0. T is int8_t or int16_t.
template <class T>
std::vector<T> to_beats(const TensorBCL<T>& tensor, std::size_t lanes);

/// The inverse; dead lanes are dropped.
template <class T>
TensorBCL<T> from_beats(const std::vector<T>& samples, const std::array<std::size_t, 3>& shape,
                        std::size_t lanes);

}  // namespace quasim
