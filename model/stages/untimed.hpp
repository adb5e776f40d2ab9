// The layer program over whole tensors, as fast as the processor allows and exactly equal to the scalar
// stages.
//
// two_step: per channel the plan looks for fp32 numbers a, b with  clamp(rint(fma(acc, a, b))) == q(acc)  for
// every accumulator that the channel's weights can reach. Both sides never decrease in acc, so it is proven
// by comparing them at every step of q and one accumulator before it. Channels for which no such pair is
// found, and programs with conv_bits above 8, take 64-bit integers.
//
// Where the table mirrors itself (out(q) = max(q, 0) + table[-|q|], true wherever conv_scale is
// output_scale), kernels that look up by instructions read half of it.
//
// A program of several groups has them side by side, each with its own table.
//
// fused: per bias word the plan writes down out at every accumulator where it changes or may, and the same as
// buckets of ranks where they fit. All are checked against the scalar stages at every accumulator.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "stages/fused_row.hpp"
#include "types/program.hpp"

namespace quasim::stages {

enum class Kernel { kPortable, kAvx2, kAvx512 };

/// The widest kernel that this processor runs.
Kernel best_kernel();

/// How outputs reach the memory: through the caches, for a reader that comes soon; or past them, which saves
/// reading each line before it is written, for more than they hold. Kernels that cannot go past them do not.
enum class Stores { kCached, kStreamed };

/// What one channel needs at run time.
struct ChannelPlan {
  std::array<std::int8_t, spec::kTapsMax>
      weights{};  ///< oldest first; taps that the layer lacks are 0, in front
  std::int64_t bias_word = 0;
  bool fp32 = false;     ///< a and b are proven
  bool sixteen = false;  ///< sums of two taps fit 16 bits, and q does not change beyond 16-bit accumulators
  float a = 0, b = 0;
  std::size_t fused_row = 0;  ///< which of the plan's rows, in fused
  std::size_t group = 0;
};

/// The table of silu where conv_bits <= 8.
struct Table8 {
  alignas(64) std::array<std::int8_t, 256> bytes{};  ///< by q as a byte; beyond the clamp its ends repeat
  std::array<std::int8_t, 128> by_magnitude{};       ///< out(-m)
  bool mirrored = false;                             ///< out(q) = max(q, 0) + by_magnitude[min(|q|, 127)]
};

struct Row;  // of untimed_kernels.hpp

class UntimedPlan {
 public:
  /// Throws InputError where the program is not valid.
  explicit UntimedPlan(const LayerProgram& program);

  /// x and out are [sequences, channels, length_elems], apart from one another; each sequence starts with
  /// zero history.
  void run(const std::int8_t* x, std::int8_t* out, std::size_t sequences, std::size_t length_elems) const {
    const bool large = sequences * channels() * length_elems >= kStreamedBytes;
    run(x, out, sequences, length_elems, best_kernel(), large ? Stores::kStreamed : Stores::kCached);
  }
  void run(const std::int8_t* x, std::int8_t* out, std::size_t sequences, std::size_t length_elems,
           Kernel kernel, Stores stores) const;
  /// The same with x and out [sequences, length_elems, channels].
  void run_channels_last(const std::int8_t* x, std::int8_t* out, std::size_t sequences,
                         std::size_t length_elems) const;
  /// Throws InputError where the channel count differs.
  TensorBCL<std::int8_t> run(const TensorBCL<std::int8_t>& input) const;

  /// Channels whose fp32 form is proven, or whose fused buckets fit.
  std::size_t fast_channels() const;
  std::size_t channels() const { return channels_.size(); }

 private:
  static constexpr std::size_t kStreamedBytes = std::size_t{16} << 20;

  /// What the channels of one group share.
  struct GroupPlan {
    StageProgram stage;
    Table8 table;
  };
  void run_row(const ChannelPlan& channel, const Row& row, Kernel kernel) const;
  void plan_two_step(std::size_t group);
  void plan_fused(std::size_t group);

  std::vector<ChannelPlan> channels_;
  std::vector<GroupPlan> groups_;
  std::vector<FusedRow> fused_rows_;  ///< one for each bias word of a group
};

}  // namespace quasim::stages
