// The fast untimed model against memcpy and against oneDNN's int8 depthwise convolution with swish, one
// thread, in one run.
#pragma once

#include <cstddef>
#include <optional>
#include <string>

#include "types/program.hpp"

namespace quasim::bench {

struct UntimedTimes {
  std::size_t elements = 0;  ///< int8 in, and as many out
  double model_seconds = 0;  ///< processor time of the thread, best of the repetitions, as the other times
  double memcpy_seconds = 0;
  std::optional<double> onednn_seconds;  ///< none where the program was built without oneDNN
  std::optional<double>
      onednn_bcl_seconds;  ///< the same from and to [B, C, L], the layout the model works on
  std::string kernel;      ///< portable, avx2 or avx512
  std::size_t channels = 0;
  std::size_t fast_channels = 0;  ///< channels on the fast path; the others use 64-bit integers
  bool equal_to_stages = false;   ///< a sample of rows was recomputed with the scalar stages

  double over_memcpy() const { return memcpy_seconds / model_seconds; }
  std::optional<double> over_onednn() const {
    if (!onednn_seconds) return std::nullopt;
    return *onednn_seconds / model_seconds;
  }
  std::optional<double> over_onednn_bcl() const {
    if (!onednn_bcl_seconds) return std::nullopt;
    return *onednn_bcl_seconds / model_seconds;
  }
};

/// Runs `program` over a random tensor [B, C, length_elems] of at least `bytes` bytes; the three contestants
/// take turns, `repetitions` times each, in one thread. oneDNN computes the same layer in its own
/// arithmetic (s8 x s8 -> s32, output scale, swish, s8) in the layout it prefers for itself.
UntimedTimes bench_untimed(const LayerProgram& program, std::size_t bytes, std::size_t length_elems,
                           int repetitions);

}  // namespace quasim::bench
