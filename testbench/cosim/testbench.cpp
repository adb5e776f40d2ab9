#include "cosim/testbench.hpp"

#include <algorithm>
#include <cstdlib>
#include <thread>

#include "cosim/bus.hpp"
#include "cosim/coverage_probe.hpp"
#include "cosim/driver.hpp"
#include "reference/stopwatch.hpp"
#include "spec/error.hpp"

namespace quasim::cosim {
namespace {

using StageLanes = std::array<std::vector<std::int64_t>, 4>;  ///< acc, p, q, out; a value a lane

constexpr char kQDifference[] = "q of SystemC vs golden";

/// Writes down the pins of every cycle and hands them on in batches; notes what the
/// model's registers hold of watched beats, and every q when asked.
template <std::size_t Lanes>
class PinProbe final : public sc_core::sc_module {
 public:
  SC_HAS_PROCESS(PinProbe);
  PinProbe(sc_core::sc_module_name name, const sc::CycleClock& clock, const SourceLink<Lanes>& link,
           const sc::Pipeline<Lanes>& pipeline, const ReadyRegister& ready)
      : sc_module(name), link_(link), pipeline_(pipeline), output_(pipeline.output()), ready_(ready) {
    SC_METHOD(on_edge);
    sensitive << clock.edge();
    dont_initialize();
  }

  /// `watched` are sequence numbers of beats. `queue` may be nullptr: watch only; `bus` too: no traffic.
  void start(PinQueue* queue, BusTalk* bus, std::vector<std::uint64_t> watched, std::size_t q_samples) {
    queue_ = queue;
    bus_ = bus;
    if (queue_ != nullptr) batch_ = queue_->take_free();
    watched_ = std::move(watched);
    seen_.assign(watched_.size(), {});
    q_.assign(q_samples, 0);
    q_base_ = pipeline_.counters().beats_in;
    active_ = queue_ != nullptr || !watched_.empty() || !q_.empty() || coverage_;
    timeline_ = {};
  }
  void finish() {
    active_ = false;
    if (queue_ == nullptr) return;
    if (bus_ != nullptr) end_talk();
    queue_->give_full(std::move(batch_));
    queue_->close();
    queue_ = nullptr;
  }
  const std::vector<StageLanes>& seen() const { return seen_; }
  std::vector<std::int16_t> take_q() { return std::move(q_); }
  Timeline take_timeline() { return std::move(timeline_); }
  /// Counts what the next run meets, a stream of `program`; nullptr: counts nothing.
  void cover(const LayerProgram* program) {
    coverage_.reset();
    if (program != nullptr) coverage_.emplace(*program);
  }
  std::optional<StreamCoverage> take_coverage() {
    const auto coverage = coverage_ ? std::optional(coverage_->counts()) : std::nullopt;
    coverage_.reset();
    return coverage;
  }

 private:
  using Flow = typename sc::Pipeline<Lanes>::Flow;

  void on_edge() {
    if (timeline_.s_valid.size() < Timeline::kCycles) note_handshakes();
    if (!active_) return;
    const std::array<std::uint8_t, 4> watched =
        watched_.empty()
            ? std::array<std::uint8_t, 4>{}
            : std::array<std::uint8_t, 4>{watch(pipeline_.acc(), 0, &sc::AccBeat<Lanes>::acc),
                                          watch(pipeline_.product(), 1, &sc::ProductBeat<Lanes>::p),
                                          watch(pipeline_.q(), 2, &sc::QBeat<Lanes>::q),
                                          watch(pipeline_.out(), 3, &sc::OutBeat<Lanes>::data)};
    if (!q_.empty() && pipeline_.q().valid()) {
      const sc::QBeat<Lanes>& beat = pipeline_.q().payload();
      for (std::size_t lane = 0; lane < Lanes; ++lane)
        q_[(beat.tag.sequence - q_base_) * Lanes + lane] = static_cast<std::int16_t>(beat.q[lane]);
    }
    const Flow flow = pipeline_.flow();
    if (coverage_) coverage_->note(flow, link_, pipeline_, ready_.ready());
    if (queue_ != nullptr) log(watched, flow);
  }

  void note_handshakes() {
    timeline_.s_valid += link_.valid() ? '1' : '0';
    timeline_.s_ready += pipeline_.ready() ? '1' : '0';
    timeline_.m_valid += output_.valid() ? '1' : '0';
    timeline_.m_ready += ready_.ready() ? '1' : '0';
  }

  template <class Beat, class Value>
  std::uint8_t watch(const sc::StreamIn<Beat>& stage, std::size_t index, Value (Beat::*values)[Lanes]) {
    if (!stage.valid()) return 0;
    const Beat& beat = stage.payload();
    for (std::size_t target = 0; target < watched_.size(); ++target)
      if (beat.tag.sequence == watched_[target]) {
        seen_[target][index].assign(beat.*values, beat.*values + Lanes);
        return static_cast<std::uint8_t>(target + 1);
      }
    return 0;
  }

  void log(const std::array<std::uint8_t, 4>& watched, const Flow& flow) {
    const std::size_t at = batch_->count;
    PinCycle& pins = batch_->cycles[at];
    pins.watched = watched;
    pins.s_valid = link_.valid();
    pins.s_first = pins.s_last = false;
    if (pins.s_valid) {
      const sc::SampleBeat<Lanes>& beat = link_.payload();
      pins.s_first = beat.first;
      pins.s_last = beat.last;
      std::memcpy(batch_->s_data.data() + at * Lanes, beat.data, Lanes);
    }
    pins.s_ready = pipeline_.ready();
    pins.m_ready = ready_.ready();
    pins.saturated_conv =
        static_cast<std::uint8_t>(flow.moves[Flow::kQ] ? pipeline_.q().payload().saturated : 0);
    pins.saturated_out =
        static_cast<std::uint8_t>(flow.moves[Flow::kOut] ? pipeline_.out().payload().saturated : 0);
    pins.m_valid = output_.valid();
    if (pins.m_valid) {
      const sc::OutBeat<Lanes>& beat = output_.payload();
      pins.m_last = beat.tag.last;
      pins.m_keep =
          beat.tag.live_lanes == 64 ? ~std::uint64_t{0} : (std::uint64_t{1} << beat.tag.live_lanes) - 1;
      std::memcpy(batch_->m_data.data() + at * Lanes, beat.data, Lanes);
    }
    note_cycle();
  }

  /// The cycle that was written last is done.
  void note_cycle() {
    const std::size_t at = batch_->count;
    if (bus_ != nullptr) batch_->bus[at] = bus_->cycle(batch_->cycles[at]);
    if (++batch_->count == PinBatch::kCycles) {
      queue_->give_full(std::move(batch_));
      batch_ = queue_->take_free();
    }
  }

  /// After the stream: what the bus still owes, and one more cycle, in which all must be still.
  void end_talk() {
    bus_->end();
    for (bool is_last = false; !is_last;) {
      is_last = bus_->has_ended();
      PinCycle pins{};
      pins.s_ready = pins.m_ready = true;  // an empty pipeline takes a beat
      batch_->cycles[batch_->count] = pins;
      note_cycle();
    }
    bus_ = nullptr;
  }

  const SourceLink<Lanes>& link_;
  const sc::Pipeline<Lanes>& pipeline_;
  const sc::StreamIn<sc::OutBeat<Lanes>>& output_;
  const ReadyRegister& ready_;
  PinQueue* queue_ = nullptr;
  BusTalk* bus_ = nullptr;
  std::unique_ptr<PinBatch> batch_;
  std::vector<std::uint64_t> watched_;
  std::vector<StageLanes> seen_;
  std::vector<std::int16_t> q_;
  Timeline timeline_;
  std::optional<CoverageProbe<Lanes>> coverage_;
  std::uint64_t q_base_ = 0;
  bool active_ = false;
};

std::string hex(std::uint64_t value) {
  char text[32];
  std::snprintf(text, sizeof text, "0x%llx", static_cast<unsigned long long>(value));
  return text;
}

template <std::size_t Lanes>
class TestbenchOf final : public Testbench {
 public:
  TestbenchOf(const sc::PipelineConfig& config, std::unique_ptr<RtlUnit> rtl)
      : rtl_(std::move(rtl)),
        config_(config),
        registers_(sc::unit_parameters(config, Lanes)),
        pipeline_("pipeline", clock_, config),
        driver_("driver", clock_, link_),
        monitor_("monitor", clock_, link_, pipeline_, ready_),
        probe_("probe", clock_, link_, pipeline_, ready_) {
    pipeline_.source.bind(link_);
    pipeline_.receiver.bind(ready_);
    if (rtl_ != nullptr && rtl_->lanes() != Lanes)
      throw InputError("testbench: the RTL has another lane count");
  }

  void load(const LayerProgram& program) override {
    pipeline_.load(program);
    if (rtl_ != nullptr) {
      if (failed_) {
        rtl_->reset();
        registers_ = RegisterFile(sc::unit_parameters(config_, Lanes));
      }
      load_program(*rtl_, program);
      registers_.load(program);
    }
    failed_ = false;
    program_ = program;
  }

  void exchange(const sc::PipelineConfig& config, std::unique_ptr<RtlUnit> rtl) override {
    pipeline_.rebuild(config);
    config_ = config;
    rtl_ = std::move(rtl);
    registers_ = RegisterFile(sc::unit_parameters(config, Lanes));
    failed_ = false;
  }

  JobResult run(const Job& job) override {
    const BeatLayout layout(job.input->shape(), Lanes);
    if (layout.channels() != static_cast<std::size_t>(program_.channels()))
      throw InputError("job: the input has " + std::to_string(layout.channels()) +
                       " channels, the loaded layer " + std::to_string(program_.channels()));
    if (job.expected != nullptr && job.expected->shape() != job.input->shape())
      throw InputError("job: the expected output has another shape than the input");
    if (job.expected_q != nullptr && job.expected_q->shape() != job.input->shape())
      throw InputError("job: the expected q has another shape than the input");
    std::vector<std::int8_t> state;
    if (job.continues) state = model_history();

    RtlUnit::Outcome outcome;
    probe_.cover(job.coverage ? &program_ : nullptr);
    JobResult result = stream(job, layout, {}, outcome);
    if (const auto met = probe_.take_coverage())
      met->add_to(result.bins, sc::unit_parameters(config_, Lanes));
    std::vector<DifferingElement> differences = list_differences(job, outcome);
    result.rtl_golden = outcome.rtl_golden;
    result.rtl_model = outcome.rtl_model;
    result.cycles_compared = outcome.cycles_compared;
    if (result.failure.empty() && outcome.diverged)
      result.failure = "RTL and SystemC fall out of step in cycle " +
                       std::to_string(outcome.divergence.cycle) + ": " + outcome.divergence.pin + " is " +
                       hex(outcome.divergence.rtl) + " in the RTL, " + hex(outcome.divergence.model) +
                       " in the model";
    if (result.failure.empty() && rtl_ != nullptr) result.failure = check_counters();
    if (job.expected_q != nullptr) compare_q(job, layout, result, differences);
    if (!job.keep_output) result.q.clear();
    if (result.failure.empty() && !differences.empty()) replay(job, layout, state, differences);
    result.differences = std::move(differences);
    failed_ = !result.failure.empty();
    return result;
  }

  std::vector<std::int8_t> history() override {
    std::vector<std::int8_t> state = model_history();
    if (rtl_ != nullptr && read_history(*rtl_, static_cast<std::size_t>(program_.channels())) != state)
      throw InputError("testbench: the RTL's history is not the model's");
    return state;
  }

  void set_history(const std::vector<std::int8_t>& history) override {
    if (history.size() != static_cast<std::size_t>(program_.channels()) * stages::kHistoryTaps)
      throw InputError("history: expected three samples a channel");
    for (std::size_t i = 0; i < history.size(); ++i)
      pipeline_.history(i / stages::kHistoryTaps, i % stages::kHistoryTaps) = history[i];
    if (rtl_ != nullptr) write_history(*rtl_, history);
  }

 private:
  /// Runs the job once. With an RTL, a second thread drives it with the logged pins while the simulation goes
  /// on.
  JobResult stream(const Job& job, const BeatLayout& layout, std::vector<std::uint64_t> watched,
                   RtlUnit::Outcome& outcome) {
    driver_.start(job, layout);
    monitor_.start(job, layout);
    const bool wants_q = job.keep_output || job.expected_q != nullptr;
    const std::size_t q_samples = wants_q ? layout.beats() * Lanes : 0;
    const Stopwatch watch;
    std::exception_ptr rtl_error;
    std::optional<BusTalk> talk;
    if (rtl_ == nullptr) {
      probe_.start(nullptr, nullptr, std::move(watched), q_samples);
      sc_core::sc_start();
      probe_.finish();
    } else {
      if (job.bus.probability > 0)
        talk.emplace(job.bus, BusModel(registers_, pipeline_.counters(), layout.groups()));
      PinQueue queue(Lanes, talk.has_value());
      const std::int8_t* expected = job.expected == nullptr ? nullptr : monitor_.expected_beats().data();
      rtl_->start({expected, layout.beats(), job.max_mismatches});
      std::thread rtl_thread([&] {
        while (auto batch = queue.take_full()) {
          try {
            if (rtl_error == nullptr) rtl_->run(*batch);
          } catch (...) {
            rtl_error = std::current_exception();
          }
          queue.give_free(std::move(batch));
        }
        try {
          if (rtl_error == nullptr) rtl_->finish();
        } catch (...) {
          rtl_error = std::current_exception();
        }
      });
      probe_.start(&queue, talk ? &*talk : nullptr, std::move(watched), q_samples);
      sc_core::sc_start();
      probe_.finish();
      rtl_thread.join();
      outcome = rtl_->outcome();
    }
    const double seconds = watch.seconds();
    if (rtl_error != nullptr) std::rethrow_exception(rtl_error);
    JobResult result = monitor_.take_result();
    result.seconds = seconds;
    result.q = probe_.take_q();
    result.timeline = probe_.take_timeline();
    if (talk && !outcome.diverged) {  // else nobody knows how much of it the RTL has seen
      result.bus = talk->unit().counts();
      if (job.coverage) talk->unit().coverage().add_to(result.bins, sc::unit_parameters(config_, Lanes));
    }
    if (!monitor_.done() && result.failure.empty())
      result.failure = "the simulation stopped before the last beat";
    return result;
  }

  /// Empty where the RTL's counters are the model's; otherwise what is wrong.
  std::string check_counters() {
    try {
      if (read_counters(*rtl_) == pipeline_.counters()) return {};
      return "the RTL's beat and saturation counters are not the model's";
    } catch (const InputError& error) {
      return error.what();
    }
  }

  /// The model's q of every element that left the pipeline, against the golden's.
  static void compare_q(const Job& job, const BeatLayout& layout, JobResult& result,
                        std::vector<DifferingElement>& differences) {
    ElementCounts& comparison = result.model_golden_q;
    const std::vector<std::int16_t> expected = to_beats(*job.expected_q, Lanes);
    for (std::size_t beat = 0; beat < result.beats; ++beat) {
      const std::uint64_t before = comparison.mismatches;
      comparison.compared += layout.live_lanes(beat);
      for (std::size_t lane = 0; lane < layout.live_lanes(beat); ++lane) {
        const std::size_t at = beat * Lanes + lane;
        const int difference = result.q[at] - expected[at];
        comparison.mismatches += difference != 0 ? 1U : 0U;
        comparison.largest = std::max(comparison.largest, std::int64_t{std::abs(difference)});
      }
      if (comparison.mismatches == before || differences.size() >= job.max_mismatches) continue;
      DifferingElement difference;
      difference.what = kQDifference;
      difference.beat = beat;
      differences.push_back(std::move(difference));
    }
  }

  /// One entry for every differing lane of the beats that were noted, without stage values.
  std::vector<DifferingElement> list_differences(const Job& job, const RtlUnit::Outcome& outcome) {
    std::vector<DifferingElement> differences;
    const auto add = [&](const char* what, std::size_t beat, std::uint64_t cycle) {
      if (differences.size() >= job.max_mismatches) return;
      DifferingElement difference;
      difference.what = what;
      difference.beat = beat;
      difference.cycle = cycle;
      differences.push_back(difference);
    };
    for (const auto& mismatch : monitor_.mismatches())
      add("SystemC vs golden", mismatch.beat, mismatch.cycle);
    for (const auto& mismatch : outcome.mismatches)
      add(mismatch.against_golden ? "RTL vs golden" : "RTL vs SystemC", mismatch.beat, mismatch.cycle);
    return differences;
  }

  /// Streams the job again and watches the differing beats through every stage, on both sides.
  void replay(const Job& job, const BeatLayout& layout, const std::vector<std::int8_t>& state,
              std::vector<DifferingElement>& differences) {
    if (job.continues) set_history(state);
    const std::uint64_t base = pipeline_.counters().beats_in;
    std::vector<std::uint64_t> watched;
    for (const DifferingElement& difference : differences) watched.push_back(base + difference.beat);
    RtlUnit::Outcome outcome;
    Job again = job;
    again.keep_output = false;
    again.expected_q = nullptr;
    stream(again, layout, watched, outcome);
    std::vector<DifferingElement> lanes;
    for (std::size_t i = 0; i < differences.size(); ++i) {
      // Several entries may name the same beat; the probe files it under the first.
      std::size_t target = 0;
      while (watched[target] != watched[i]) ++target;
      const StageLanes& model = probe_.seen()[target];
      const StageLanes* rtl = target < outcome.watched.size() ? &outcome.watched[target] : nullptr;
      describe(job, layout, differences[i], model, rtl, lanes);
    }
    if (lanes.size() > job.max_mismatches) lanes.resize(job.max_mismatches);
    differences = std::move(lanes);
  }

  void describe(const Job& job, const BeatLayout& layout, const DifferingElement& beat,
                const StageLanes& model, const StageLanes* rtl, std::vector<DifferingElement>& lanes) const {
    for (std::size_t lane = 0; lane < layout.live_lanes(beat.beat); ++lane) {
      DifferingElement difference = beat;
      difference.lane = lane;
      difference.element = layout.element_of({beat.beat, lane});
      const auto& e = difference.element;
      difference.model = {model[0].at(lane), model[1].at(lane), model[2].at(lane), model[3].at(lane)};
      if (rtl != nullptr && !(*rtl)[3].empty())
        difference.rtl =
            RegisterValues{(*rtl)[0].at(lane), (*rtl)[1].at(lane), (*rtl)[2].at(lane), (*rtl)[3].at(lane)};
      const std::int64_t golden =
          job.expected == nullptr ? 0 : job.expected->at(e.sequence, e.channel, e.time);
      const std::int64_t rtl_out = difference.rtl ? difference.rtl->out : 0;
      const bool is_rtl = beat.what.rfind("RTL", 0) == 0;
      difference.left = is_rtl ? rtl_out : difference.model.out;
      difference.right = beat.what == "RTL vs SystemC" ? difference.model.out : golden;
      if (beat.what == kQDifference) {
        difference.left = difference.model.q;
        difference.right = job.expected_q->at(e.sequence, e.channel, e.time);
      }
      if (difference.left == difference.right) continue;
      const auto taps = static_cast<std::size_t>(program_.taps);
      for (std::size_t k = 0; k < taps; ++k) {
        const std::size_t slot = spec::kTapsMax - taps + k;
        difference.weight[slot] = program_.weight.at(e.channel, k);
        if (e.time + k + 1 >= taps)
          difference.window[slot] = job.input->at(e.sequence, e.channel, e.time + k + 1 - taps);
      }
      difference.bias_word = program_.bias_words[e.channel];
      difference.fused = program_.stage_of(e.channel).is_fused();
      lanes.push_back(difference);
    }
  }

  std::vector<std::int8_t> model_history() {
    std::vector<std::int8_t> state;
    for (std::size_t channel = 0; channel < static_cast<std::size_t>(program_.channels()); ++channel)
      for (std::size_t i = 0; i < stages::kHistoryTaps; ++i) state.push_back(pipeline_.history(channel, i));
    return state;
  }

  std::unique_ptr<RtlUnit> rtl_;
  bool failed_ = false;  ///< the last job; what the RTL holds of it is unknown
  sc::PipelineConfig config_;
  RegisterFile registers_;  ///< of the RTL
  LayerProgram program_;
  sc::CycleClock clock_{"clock", sc_core::sc_time(1, sc_core::SC_NS)};
  sc::Pipeline<Lanes> pipeline_;
  SourceLink<Lanes> link_{"s_axis", pipeline_};
  ReadyRegister ready_{"m_axis_tready"};
  Driver<Lanes> driver_;
  Monitor<Lanes> monitor_;
  PinProbe<Lanes> probe_;
};

/// The testbench of the first of kTestbenchLanes, from the I-th on, that is `lanes`.
template <std::size_t I = 0>
std::unique_ptr<Testbench> testbench_of(std::size_t lanes, const sc::PipelineConfig& config,
                                        std::unique_ptr<RtlUnit> rtl) {
  if constexpr (I + 1 < kTestbenchLanes.size())
    if (lanes != kTestbenchLanes[I]) return testbench_of<I + 1>(lanes, config, std::move(rtl));
  return std::make_unique<TestbenchOf<kTestbenchLanes[I]>>(config, std::move(rtl));
}

}  // namespace

std::unique_ptr<Testbench> make_testbench(std::size_t lanes, const sc::PipelineConfig& config,
                                          std::unique_ptr<RtlUnit> rtl) {
  require_testbench_lanes(lanes);
  return testbench_of(lanes, config, std::move(rtl));
}

}  // namespace quasim::cosim
