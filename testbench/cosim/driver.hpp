// Driver and monitor: the environment of the pipeline in SystemC.
#pragma once

#include <cstring>
#include <systemc>
#include <vector>

#include "cosim/job.hpp"
#include "sc/pipeline.hpp"

namespace quasim::cosim {

/// The link that the driver fills and the pipeline takes from: s_axis.
template <std::size_t Lanes>
using SourceLink = sc::ElasticRegister<sc::SampleBeat<Lanes>, sc::Pipeline<Lanes>>;

/// Presents the beats of a job; once presented, a beat stays until it is taken.
template <std::size_t Lanes>
class Driver final : public sc_core::sc_module {
 public:
  SC_HAS_PROCESS(Driver);
  Driver(sc_core::sc_module_name name, const sc::CycleClock& clock, SourceLink<Lanes>& link)
      : sc_module(name), link_(link) {
    SC_METHOD(on_edge);
    sensitive << clock.edge();
    dont_initialize();
  }

  void start(const Job& job, const BeatLayout& layout) {
    samples_ = to_beats(*job.input, Lanes);
    beats_ = layout.beats();
    groups_ = layout.groups();
    length_ = job.input->template extent<'L'>();
    continues_ = job.continues;
    pattern_ = StallPattern(job.stalls.input, job.stalls.seed * 2);
    beat_ = group_ = time_ = 0;
  }

 private:
  void on_edge() {
    if (!link_.ready()) return;
    if (beat_ == beats_ || pattern_.stalls()) {
      link_.bubble();
      return;
    }
    sc::SampleBeat<Lanes>& beat = link_.next();
    std::memcpy(beat.data, samples_.data() + beat_ * Lanes, Lanes);
    beat.first = time_ == 0 && !continues_;
    beat.last = time_ + 1 == length_ && group_ + 1 == groups_;
    link_.load();
    ++beat_;
    if (++group_ == groups_) {
      group_ = 0;
      if (++time_ == length_) time_ = 0;
    }
  }

  SourceLink<Lanes>& link_;
  std::vector<std::int8_t> samples_;
  std::size_t beats_ = 0, groups_ = 0, length_ = 0;
  std::size_t beat_ = 0, group_ = 0, time_ = 0;
  bool continues_ = false;
  StallPattern pattern_{0.0, 1};
};

/// m_axis_tready as a register.
class ReadyRegister final : public sc_core::sc_prim_channel, public sc::ReadyIf {
 public:
  explicit ReadyRegister(const char* name) : sc_prim_channel(name) {}
  bool ready() const override { return ready_; }
  void write(bool ready) {
    if (ready == ready_) return;
    next_ = ready;
    request_update();
  }

 private:
  void update() override { ready_ = next_; }
  bool ready_ = true;
  bool next_ = true;
};

/// Takes the output beats, keeps or compares them, counts cycles and stalls, and pauses the simulation when
/// the job is done or nothing moves any more.
template <std::size_t Lanes>
class Monitor final : public sc_core::sc_module {
 public:
  SC_HAS_PROCESS(Monitor);
  Monitor(sc_core::sc_module_name name, const sc::CycleClock& clock, const SourceLink<Lanes>& link,
          const sc::Pipeline<Lanes>& pipeline, ReadyRegister& ready)
      : sc_module(name),
        clock_(clock),
        link_(link),
        pipeline_(pipeline),
        output_(pipeline.output()),
        ready_(ready) {
    SC_METHOD(on_edge);
    sensitive << clock.edge();
    dont_initialize();
  }

  /// A beat whose output differs from the golden.
  struct Mismatch {
    std::size_t beat;
    std::uint64_t cycle;
  };

  void start(const Job& job, const BeatLayout& layout) {
    beats_ = layout.beats();
    beat_ = 0;
    expected_.clear();
    if (job.expected != nullptr) expected_ = to_beats(*job.expected, Lanes);
    output_kept_.clear();
    keep_ = job.keep_output;
    if (keep_) output_kept_.reserve(beats_ * Lanes);
    max_mismatches_ = job.max_mismatches;
    progress_ = job.progress;
    mismatches_.clear();
    result_ = JobResult{};
    pattern_ = StallPattern(job.stalls.output, job.stalls.seed * 2 + 1);
    // A beat that can move waits 1/(1-p) cycles on average on either side; this is far beyond any honest
    // wait.
    const double slowest = std::max(job.stalls.input, job.stalls.output);
    hang_cycles_ = static_cast<std::uint64_t>(1000.0 / (1.0 - slowest));
    started_ = false;
    last_move_ = clock_.cycles();
  }
  bool done() const { return beat_ == beats_; }
  const std::vector<Mismatch>& mismatches() const { return mismatches_; }
  const std::vector<std::int8_t>& expected_beats() const { return expected_; }
  JobResult take_result() {
    result_.beats = beat_;
    result_.output = std::move(output_kept_);
    return std::move(result_);
  }

 private:
  void on_edge() {
    if (done()) return;
    const bool input_valid = link_.valid(), input_ready = pipeline_.ready();
    const bool output_valid = output_.valid(), output_ready = ready_.ready();
    const std::uint64_t cycle = clock_.cycles();
    if (input_valid && input_ready) {
      last_move_ = cycle;
      if (!started_) {
        started_ = true;
        first_cycle_ = cycle;
      }
    }
    result_.input_stalls += input_valid && !input_ready ? 1 : 0;
    result_.output_stalls += output_valid && !output_ready ? 1 : 0;
    ready_.write(!pattern_.stalls());
    if (output_valid && output_ready) {
      last_move_ = cycle;
      take(output_.payload(), cycle);
    } else if (cycle - last_move_ > hang_cycles_) {
      result_.failure = "hang: no beat moved for " + std::to_string(hang_cycles_) +
                        " cycles at output beat " + std::to_string(beat_) + " of " + std::to_string(beats_);
      sc_core::sc_pause();
    }
  }

  void take(const sc::OutBeat<Lanes>& beat, std::uint64_t cycle) {
    if (beat_ == 0) result_.latency_cycles = cycle - first_cycle_;
    if (keep_) output_kept_.insert(output_kept_.end(), beat.data, beat.data + Lanes);
    if (!expected_.empty()) {
      const std::int8_t* want = expected_.data() + beat_ * Lanes;
      result_.model_golden.compared += beat.tag.live_lanes;
      if (std::memcmp(beat.data, want, Lanes) != 0) {
        count_differences(beat.data, want, Lanes, result_.model_golden);
        if (mismatches_.size() < max_mismatches_) mismatches_.push_back({beat_, cycle - first_cycle_});
      }
    }
    if ((++beat_ & (kProgressBeats - 1)) == 0 && progress_) progress_(beat_);
    if (beat_ == beats_) {
      result_.cycles = cycle - first_cycle_ + 1;
      sc_core::sc_pause();
    }
  }

  const sc::CycleClock& clock_;
  const SourceLink<Lanes>& link_;
  const sc::Pipeline<Lanes>& pipeline_;
  const sc::StreamIn<sc::OutBeat<Lanes>>& output_;
  ReadyRegister& ready_;
  std::vector<std::int8_t> expected_, output_kept_;
  std::vector<Mismatch> mismatches_;
  static constexpr std::size_t kProgressBeats = 1 << 16;
  std::function<void(std::size_t)> progress_;
  std::size_t beats_ = 0, beat_ = 0, max_mismatches_ = 0;
  bool keep_ = false, started_ = false;
  std::uint64_t first_cycle_ = 0, last_move_ = 0, hang_cycles_ = 0;
  StallPattern pattern_{0.0, 1};
  JobResult result_;
};

}  // namespace quasim::cosim
