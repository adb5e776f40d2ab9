// One stream through the unit, and what came of it.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "cosim/coverage.hpp"
#include "spec/contract.hpp"
#include "types/beats.hpp"
#include "types/tensor.hpp"

namespace quasim::cosim {

struct StallOptions {
  double input = 0.0;   ///< probability that the driver withholds a beat in a cycle, 0 <= p < 1
  double output = 0.0;  ///< probability that the receiver is not ready in a cycle, 0 <= p < 1
  std::uint64_t seed = 1;
};

/// A deterministic coin: the same seed stalls in the same cycles on every machine.
class StallPattern {
 public:
  StallPattern(double probability, std::uint64_t seed)
      : threshold_(static_cast<std::uint64_t>(probability * 4294967296.0)), state_(start_of(seed)) {}
  bool stalls() {
    if (threshold_ == 0) return false;
    state_ ^= state_ << 13;
    state_ ^= state_ >> 7;
    state_ ^= state_ << 17;
    return (state_ * 0x2545F4914F6CDD1DULL) >> 32 < threshold_;
  }

 private:
  /// xorshift never leaves 0, to which one seed of all 2^64 would lead.
  static std::uint64_t start_of(std::uint64_t seed) {
    const std::uint64_t state = seed * 0x9E3779B97F4A7C15ULL + 1;
    return state != 0 ? state : 0x9E3779B97F4A7C15ULL;
  }

  std::uint64_t threshold_;
  std::uint64_t state_;
};

/// Accesses over AXI4-Lite beside the stream.
struct BusTraffic {
  double probability = 0.0;  ///< that a channel begins an access or takes an answer in a cycle, 0 <= p < 1
  std::uint64_t seed = 1;
};

/// Accesses that were answered.
struct BusCounts {
  std::uint64_t reads = 0, reads_refused = 0, writes = 0, writes_refused = 0;
  std::uint64_t all() const { return reads + reads_refused + writes + writes_refused; }
};

struct Job {
  const TensorBCL<std::int8_t>* input = nullptr;
  const TensorBCL<std::int8_t>* expected = nullptr;     ///< golden output; nullptr: nothing to compare with
  const TensorBCL<std::int16_t>* expected_q = nullptr;  ///< the golden's q, for the model's; nullptr likewise
  StallOptions stalls;
  BusTraffic bus;
  bool continues = false;           ///< the stored history continues (decode): no beat carries tuser[0]
  bool coverage = false;            ///< count the functional bins that are met
  bool keep_output = false;         ///< collect the model's output and q
  std::size_t max_mismatches = 10;  ///< differences described one by one
  /// Called now and then with the beats delivered; may be empty.
  std::function<void(std::size_t beats)> progress;
};

/// What the registers behind the stages held for one element, on one side.
struct RegisterValues {
  std::int64_t acc = 0;
  std::int64_t p = 0;  ///< M*acc + B
  std::int64_t q = 0;  ///< what the q register holds, in either dataflow
  std::int64_t out = 0;
};

/// One element in which two sides of a co-simulation differ, with what explains it.
struct DifferingElement {
  std::string what;  ///< which comparison: "RTL vs golden", ...
  BeatLayout::Element element;
  std::size_t beat = 0, lane = 0;
  std::uint64_t cycle = 0;  ///< of the output handshake, counted from the job's first; 0: not of an output
  std::int64_t left = 0, right = 0;
  std::array<std::int8_t, spec::kTapsMax> window{}, weight{};
  std::int64_t bias_word = 0;
  bool fused = false;  ///< the q register holds u and the guessed rank
  RegisterValues model;
  std::optional<RegisterValues> rtl;
};

/// How many elements of two streams were compared, and how they differ.
struct ElementCounts {
  std::uint64_t compared = 0;    ///< elements
  std::uint64_t mismatches = 0;  ///< elements
  std::int64_t largest = 0;      ///< largest absolute difference
};

/// Adds the lanes that differ.
inline void count_differences(const std::int8_t* left, const std::int8_t* right, std::size_t lanes,
                              ElementCounts& counts) {
  for (std::size_t lane = 0; lane < lanes; ++lane) {
    const std::int64_t difference = std::int64_t{left[lane]} - right[lane];
    counts.mismatches += difference != 0 ? 1 : 0;
    counts.largest = std::max(counts.largest, difference < 0 ? -difference : difference);
  }
}

/// The handshakes of a job's first cycles, '0' or '1' a cycle.
struct Timeline {
  static constexpr std::size_t kCycles = 256;
  std::string s_valid, s_ready, m_valid, m_ready;
};

struct JobResult {
  std::uint64_t cycles = 0;  ///< first input handshake to last output handshake, both included
  std::uint64_t beats = 0;
  std::uint64_t input_stalls = 0;    ///< cycles with tvalid and no tready on s_axis
  std::uint64_t output_stalls = 0;   ///< cycles with tvalid and no tready on m_axis
  std::uint64_t latency_cycles = 0;  ///< first input handshake to first output handshake
  double seconds = 0.0;              ///< wall time of the simulation
  ElementCounts model_golden, rtl_golden, rtl_model;
  ElementCounts model_golden_q;       ///< q of the model against the golden's
  std::uint64_t cycles_compared = 0;  ///< cycles in which every pin of RTL and model was compared
  BusCounts bus;                      ///< beside the stream, with an RTL that stays in step
  Bins bins;                          ///< functional coverage, when asked for
  Timeline timeline;
  std::string failure;  ///< why the stream did not finish or the sides fell out of step; empty when fine
  std::vector<DifferingElement> differences;
  std::vector<std::int8_t> output;  ///< of the model, beat order, when kept
  std::vector<std::int16_t> q;      ///< of the model, beat order, when kept

  std::uint64_t compared() const {
    return model_golden.compared + model_golden_q.compared + rtl_golden.compared + rtl_model.compared;
  }
  std::uint64_t mismatches() const {
    return model_golden.mismatches + model_golden_q.mismatches + rtl_golden.mismatches + rtl_model.mismatches;
  }
  /// Nothing differs, nothing failed, and something was compared.
  bool agrees() const { return failure.empty() && mismatches() == 0 && compared() > 0; }
};

}  // namespace quasim::cosim
