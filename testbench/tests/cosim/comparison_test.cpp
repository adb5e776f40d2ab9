// What the co-simulation compares: every pin of every cycle, first and last, every lane, every counter, the
// history; and that each of them alone makes a job fail.
// clang-format off: Verilator's headers come first; after SystemC's they take its time for theirs.
#include "cosim/verilated_class.hpp"
// clang-format on

#include <algorithm>
#include <functional>
#include <iostream>
#include <optional>
#include <systemc>

#include "spec/error.hpp"
#include "tests/cosim/cosim_test_main.hpp"
#include "tests/cosim/faults/faulty_units.hpp"
#include "tests/cosim/forwarding_unit.hpp"
#include "tests/cosim/random_layer.hpp"

namespace quasim::test {
namespace {

constexpr std::size_t kLanes = 4;

// ---- the comparison of pins, on a unit that shows what a script says ----

struct Pins {
  bool s_ready, m_valid, m_last;
  std::uint8_t m_keep;
  std::array<std::int8_t, kLanes> m_data;
  cosim::BusAnswer bus;
};

/// In place of a Verilated class: the outputs of cycle n are those of line n of the script.
class ScriptedTop {
 public:
  ScriptedTop(VerilatedContext*, const char*) { the_top = this; }
  static ScriptedTop* the_top;

  std::uint8_t clk_i = 0, rst_ni = 0, s_axis_tvalid = 0, s_axis_tready = 0, s_axis_tuser = 0,
               s_axis_tlast = 0;
  std::uint8_t m_axis_tvalid = 0, m_axis_tready = 0, m_axis_tlast = 0, m_axis_tkeep = 0;
  std::uint32_t s_axis_tdata = 0, m_axis_tdata = 0;
  std::uint8_t s_axil_awvalid = 0, s_axil_awready = 0, s_axil_wvalid = 0, s_axil_wready = 0,
               s_axil_bvalid = 0, s_axil_bready = 0;
  std::uint8_t s_axil_arvalid = 0, s_axil_arready = 0, s_axil_rvalid = 0, s_axil_rready = 0;
  std::uint8_t s_axil_awprot = 0, s_axil_arprot = 0, s_axil_wstrb = 0, s_axil_bresp = 0, s_axil_rresp = 0;
  std::uint32_t s_axil_awaddr = 0, s_axil_wdata = 0, s_axil_araddr = 0, s_axil_rdata = 0;

  void eval() {
    if (clk_i != 0 && was_low_ && script_ != nullptr) {
      driven.push_back({s_axis_tvalid != 0,
                        s_axis_tuser != 0,
                        s_axis_tlast != 0,
                        m_axis_tready != 0,
                        s_axis_tdata,
                        {s_axil_awvalid != 0, s_axil_wvalid != 0, s_axil_bready != 0, s_axil_arvalid != 0,
                         s_axil_rready != 0, s_axil_awaddr, s_axil_wdata, s_axil_wstrb, s_axil_araddr}});
      show(driven.size());
    }
    was_low_ = clk_i == 0;
  }
  void final() {}

  void begin(const std::vector<Pins>& script) {
    script_ = &script;
    driven.clear();
    show(0);
  }

  struct Driven {
    bool valid, first, last, ready;
    std::uint32_t data;
    cosim::BusRequest bus;
  };
  std::vector<Driven> driven;

 private:
  void show(std::size_t cycle) {
    if (cycle >= script_->size()) return;
    const Pins& pins = (*script_)[cycle];
    s_axis_tready = pins.s_ready;
    m_axis_tvalid = pins.m_valid;
    m_axis_tlast = pins.m_last;
    m_axis_tkeep = pins.m_keep;
    std::memcpy(&m_axis_tdata, pins.m_data.data(), kLanes);
    s_axil_awready = pins.bus.aw_ready;
    s_axil_wready = pins.bus.w_ready;
    s_axil_bvalid = pins.bus.b_valid;
    s_axil_arready = pins.bus.ar_ready;
    s_axil_rvalid = pins.bus.r_valid;
    s_axil_bresp = static_cast<std::uint8_t>(pins.bus.b_resp);
    s_axil_rresp = static_cast<std::uint8_t>(pins.bus.r_resp);
    s_axil_rdata = pins.bus.r_data;
  }
  const std::vector<Pins>* script_ = nullptr;
  bool was_low_ = true;
};
ScriptedTop* ScriptedTop::the_top = nullptr;

std::unique_ptr<cosim::RtlUnit> scripted_unit() {
  using Ports = cosim::VerilatedClass<ScriptedTop, false>;
  static const cosim::VerilatedAbi abi = Ports::abi<cosim::verilated_ports::of_unit<ScriptedTop>>();
  return cosim::make_verilated_unit(abi, kLanes, {});
}

/// Pins of the model for some cycles, the golden's beats, and the unit that is held against them.
struct Scene {
  std::vector<Pins> script;
  cosim::PinBatch batch{kLanes, true};
  std::vector<std::int8_t> golden;
  std::size_t beats = 0, live = 0;  ///< output beats taken, and their live lanes

  explicit Scene(std::mt19937_64& random) {
    for (std::size_t cycle = 0; cycle < 40; ++cycle) {
      cosim::PinCycle& pins = batch.cycles[cycle];
      pins = {};
      // The first and the last cycle take an output beat.
      const bool edge = cycle == 0 || cycle == 39;
      pins.s_valid = random() % 2 == 0;
      pins.s_first = pins.s_valid && random() % 2 == 0;
      pins.s_last = pins.s_valid && random() % 2 == 0;
      pins.s_ready = random() % 2 == 0;
      pins.m_valid = edge || random() % 3 != 0;
      pins.m_ready = edge || random() % 2 == 0;
      pins.m_last = random() % 2 == 0;
      pins.m_keep = (std::uint64_t{2} << random() % kLanes) - 1;
      for (std::size_t lane = 0; lane < kLanes; ++lane) {
        batch.s_data[cycle * kLanes + lane] = static_cast<std::int8_t>(random());
        batch.m_data[cycle * kLanes + lane] =
            (pins.m_keep >> lane & 1) != 0 ? static_cast<std::int8_t>(random()) : std::int8_t{0};
      }
      const auto bit = [&] { return random() % 2 == 0; };
      const auto word = [&] { return static_cast<std::uint32_t>(random()); };
      batch.bus[cycle].request = {bit(), bit(), bit(), bit(), bit(), word(), word(), word() & 0xF, word()};
      batch.bus[cycle].answer = {bit(), bit(), bit(), bit(), bit(), word() & 3, word() & 3, word()};
      Pins shown{pins.s_ready, pins.m_valid,           pins.m_last, static_cast<std::uint8_t>(pins.m_keep),
                 {},           batch.bus[cycle].answer};
      std::memcpy(shown.m_data.data(), batch.m_data.data() + cycle * kLanes, kLanes);
      script.push_back(shown);
      if (!pins.m_valid || !pins.m_ready) continue;
      golden.insert(golden.end(), shown.m_data.begin(), shown.m_data.end());
      ++beats;
      for (std::size_t lane = 0; lane < kLanes; ++lane) live += pins.m_keep >> lane & 1;
    }
    batch.count = script.size();
  }

  cosim::RtlUnit::Outcome run(const std::int8_t* expected) const {
    const auto unit = scripted_unit();
    unit->start({expected, beats, 10});
    ScriptedTop::the_top->begin(script);
    unit->run(batch);
    return unit->outcome();
  }
  cosim::RtlUnit::Outcome run() const { return run(golden.data()); }
};

TEST(comparison, equal_pins_are_equal_and_counted_once) {
  std::mt19937_64 random(91);
  for (int trial = 0; trial < 20; ++trial) {
    const Scene scene(random);
    const auto unit = scripted_unit();
    unit->start({scene.golden.data(), scene.beats, 10});
    ScriptedTop::the_top->begin(scene.script);
    unit->run(scene.batch);
    const cosim::RtlUnit::Outcome& outcome = unit->outcome();
    EXPECT_FALSE(outcome.diverged);
    EXPECT_EQ(outcome.cycles_compared, 40U);
    EXPECT_EQ(outcome.beats, scene.beats);
    EXPECT_EQ(outcome.rtl_model.compared, scene.live);
    EXPECT_EQ(outcome.rtl_golden.compared, scene.live);
    count_compared(outcome.rtl_golden.compared);
    EXPECT_EQ(outcome.rtl_model.mismatches + outcome.rtl_golden.mismatches + outcome.mismatches.size(), 0U);
    // What the environment drives reaches the unit in its cycle.
    const auto& driven = ScriptedTop::the_top->driven;
    ASSERT_EQ(driven.size(), 40U);
    for (std::size_t cycle = 0; cycle < 40; ++cycle) {
      const cosim::PinCycle& pins = scene.batch.cycles[cycle];
      EXPECT_EQ(driven[cycle].valid, pins.s_valid);
      EXPECT_EQ(driven[cycle].first, pins.s_first);
      EXPECT_EQ(driven[cycle].last, pins.s_last);
      EXPECT_EQ(driven[cycle].ready, pins.m_ready);
      if (pins.s_valid) {
        EXPECT_EQ(std::memcmp(&driven[cycle].data, scene.batch.s_data.data() + cycle * kLanes, kLanes), 0);
      }
      const cosim::BusRequest &asked = scene.batch.bus[cycle].request, &seen = driven[cycle].bus;
      EXPECT_EQ(seen.aw_valid, asked.aw_valid);
      EXPECT_EQ(seen.w_valid, asked.w_valid);
      EXPECT_EQ(seen.b_ready, asked.b_ready);
      EXPECT_EQ(seen.ar_valid, asked.ar_valid);
      EXPECT_EQ(seen.r_ready, asked.r_ready);
      if (asked.aw_valid) {
        EXPECT_EQ(seen.aw_addr, asked.aw_addr);
      }
      if (asked.w_valid) {
        EXPECT_EQ(seen.w_data, asked.w_data);
        EXPECT_EQ(seen.w_strb, asked.w_strb);
      }
      if (asked.ar_valid) {
        EXPECT_EQ(seen.ar_addr, asked.ar_addr);
      }
    }
    EXPECT_EQ(scene.run(nullptr).rtl_golden.compared, 0U);
  }
}

TEST(comparison, every_pin_in_every_cycle_is_compared) {
  std::mt19937_64 random(92);
  std::int64_t altered = 0;
  for (int trial = 0; trial < 5; ++trial) {
    Scene scene(random);
    const auto expect_divergence = [&](std::size_t cycle, const char* pin) {
      const cosim::RtlUnit::Outcome outcome = scene.run();
      EXPECT_TRUE(outcome.diverged) << pin << " in cycle " << cycle;
      EXPECT_EQ(outcome.divergence.pin, pin);
      EXPECT_EQ(outcome.divergence.cycle, cycle);
      EXPECT_NE(outcome.divergence.rtl, outcome.divergence.model);
      ++altered;
    };
    for (std::size_t cycle = 0; cycle < scene.script.size(); ++cycle) {
      Pins& pins = scene.script[cycle];
      const Pins right = pins;
      pins.s_ready = !pins.s_ready;
      expect_divergence(cycle, "s_axis_tready");
      pins = right;
      pins.m_valid = !pins.m_valid;
      expect_divergence(cycle, "m_axis_tvalid");
      pins = right;
      for (const auto& [pin, answer] :
           std::initializer_list<std::pair<const char*, bool cosim::BusAnswer::*>>{
               {"s_axil_awready", &cosim::BusAnswer::aw_ready},
               {"s_axil_wready", &cosim::BusAnswer::w_ready},
               {"s_axil_bvalid", &cosim::BusAnswer::b_valid},
               {"s_axil_arready", &cosim::BusAnswer::ar_ready},
               {"s_axil_rvalid", &cosim::BusAnswer::r_valid}}) {
        pins.bus.*answer = !(pins.bus.*answer);
        expect_divergence(cycle, pin);
        pins = right;
      }
      for (unsigned bit = 0; bit < 2; ++bit) {
        pins.bus.b_resp ^= 1U << bit;
        if (pins.bus.b_valid) expect_divergence(cycle, "s_axil_bresp");
        pins = right;
        pins.bus.r_resp ^= 1U << bit;
        if (pins.bus.r_valid) expect_divergence(cycle, "s_axil_rresp");
        pins = right;
      }
      for (unsigned bit = 0; pins.bus.r_valid && bit < 32; ++bit) {
        pins.bus.r_data ^= 1U << bit;
        expect_divergence(cycle, "s_axil_rdata");
        pins = right;
      }
      if (!pins.m_valid) continue;
      pins.m_last = !pins.m_last;
      expect_divergence(cycle, "m_axis_tlast");
      pins = right;
      for (std::size_t lane = 0; lane < kLanes; ++lane) {
        pins.m_keep = static_cast<std::uint8_t>(right.m_keep ^ 1U << lane);
        expect_divergence(cycle, "m_axis_tkeep");
        pins = right;
      }
    }
  }
  count_compared(static_cast<std::uint64_t>(altered));
  std::cout << altered << " altered pins, all found\n";
  EXPECT_GT(altered, 1000);
}

TEST(comparison, every_lane_of_every_beat_is_compared_with_model_and_golden) {
  std::mt19937_64 random(93);
  std::int64_t altered = 0;
  for (int trial = 0; trial < 5; ++trial) {
    Scene scene(random);
    std::size_t beat = 0;
    for (std::size_t cycle = 0; cycle < scene.script.size(); ++cycle) {
      const bool valid = scene.script[cycle].m_valid, taken = valid && scene.batch.cycles[cycle].m_ready;
      for (std::size_t lane = 0; valid && lane < kLanes; ++lane) {
        std::int8_t& value = scene.script[cycle].m_data[lane];
        const std::int8_t right = value;
        value = static_cast<std::int8_t>(value > 0 ? value - 3 : value + 3);
        const cosim::RtlUnit::Outcome outcome = scene.run();
        EXPECT_FALSE(outcome.diverged);
        EXPECT_EQ(outcome.rtl_model.mismatches, 1U) << "cycle " << cycle << " lane " << lane;
        EXPECT_EQ(outcome.rtl_model.largest, 3);
        EXPECT_EQ(outcome.rtl_golden.mismatches, taken ? 1U : 0U) << "cycle " << cycle << " lane " << lane;
        ASSERT_EQ(outcome.mismatches.size(), taken ? 2U : 1U);
        for (const auto& mismatch : outcome.mismatches) {
          EXPECT_EQ(mismatch.beat, beat);
          EXPECT_EQ(mismatch.cycle, cycle);
        }
        value = right;
        ++altered;
        if (!taken) continue;
        std::int8_t& golden = scene.golden[beat * kLanes + lane];
        golden = static_cast<std::int8_t>(golden ^ 1);
        const cosim::RtlUnit::Outcome against = scene.run();
        EXPECT_EQ(against.rtl_model.mismatches, 0U);
        EXPECT_EQ(against.rtl_golden.mismatches, 1U)
            << "beat " << beat << " of " << scene.beats << " lane " << lane;
        golden = static_cast<std::int8_t>(golden ^ 1);
        ++altered;
      }
      beat += taken;
    }
    EXPECT_EQ(beat, scene.beats);
  }
  count_compared(static_cast<std::uint64_t>(altered));
  std::cout << altered << " altered values, all found\n";
  EXPECT_GT(altered, 500);
}

TEST(comparison, a_job_agrees_only_where_everything_does) {
  cosim::JobResult good;
  good.rtl_golden.compared = 1;
  ASSERT_TRUE(good.agrees());
  int verdicts = 0;
  const auto fails = [&](const auto& change) {
    cosim::JobResult bad = good;
    change(bad);
    EXPECT_FALSE(bad.agrees()) << verdicts;
    ++verdicts;
    count_compared(1);
  };
  fails([](auto& r) { r.model_golden.mismatches = 1; });
  fails([](auto& r) { r.model_golden_q.mismatches = 1; });
  fails([](auto& r) { r.rtl_golden.mismatches = 1; });
  fails([](auto& r) { r.rtl_model.mismatches = 1; });
  fails([](auto& r) { r.failure = "hang"; });
  fails([](auto& r) { r.rtl_golden.compared = 0; });
  for (auto member : {&cosim::JobResult::model_golden, &cosim::JobResult::model_golden_q,
                      &cosim::JobResult::rtl_golden, &cosim::JobResult::rtl_model}) {
    cosim::JobResult one;
    (one.*member).compared = 5;
    EXPECT_EQ(one.compared(), 5U);
    (one.*member).mismatches = 3;
    EXPECT_EQ(one.mismatches(), 3U);
    count_compared(2);
  }
}

/// A unit that goes leaves those that stay as they are: their registers can be named and they run.
TEST(comparison, units_of_one_class_are_independent) {
  std::mt19937_64 random(98);
  for (int trial = 0; trial < 3; ++trial) {
    auto first = cosim::make_faulty_unit("none_checked"), second = cosim::make_faulty_unit("none_checked");
    scripted_unit();
    (trial == 0 ? first : second).reset();
    auto& stays = trial == 0 ? second : first;
    if (trial == 2) second = scripted_unit();
    cosim::load_program(*stays, random_two_step_program(random, 6, 4));
    cosim::PinBatch batch(kLanes);
    batch.cycles[0] = {};
    batch.cycles[0].watched = {1, 1, 1, 1};
    batch.cycles[0].s_ready = true;
    batch.count = 1;
    stays->start({});
    stays->run(batch);
    EXPECT_FALSE(stays->outcome().diverged) << stays->outcome().divergence.pin;
    ASSERT_EQ(stays->outcome().watched.size(), 1U);
    for (const auto& values : stays->outcome().watched[0]) {
      EXPECT_EQ(values.size(), kLanes);
      count_compared(values.size());
    }
  }
}

// ---- the testbench, on the RTL with altered answers ----

using Read = std::function<cosim::RtlUnit::Response(std::uint32_t address, cosim::RtlUnit::Response answer)>;
Read alter;  // empty: nothing is altered
/// What the end of a run is held against; empty: what the model says.
std::function<void(cosim::PinBatch& batch)> alter_end;
cosim::PinBatch the_end(kLanes);  ///< the last batch of a run

class AlteredUnit final : public ForwardingUnit {
 public:
  using ForwardingUnit::ForwardingUnit;
  Response axil_read(std::uint32_t address) override {
    const Response answer = ForwardingUnit::axil_read(address);
    return alter ? alter(address, answer) : answer;
  }
  void run(const cosim::PinBatch& batch) override {
    if (waiting_) ForwardingUnit::run(*waiting_);
    waiting_ = batch;
  }
  void finish() override {
    if (alter_end) alter_end(*waiting_);
    ForwardingUnit::run(*waiting_);
    the_end = *waiting_;
    waiting_.reset();
    ForwardingUnit::finish();
  }

 private:
  std::optional<cosim::PinBatch> waiting_;
};

cosim::JobResult run(const TensorBCL<std::int8_t>& input, const TensorBCL<std::int8_t>* expected,
                     const TensorBCL<std::int16_t>* expected_q = nullptr, bool continues = false) {
  cosim::Job job;
  job.input = &input;
  job.expected = expected;
  job.expected_q = expected_q;
  job.continues = continues;
  job.stalls = {0.2, 0.3, 5};
  cosim::JobResult result = testbench().run(job);
  count_compared(result.compared());
  return result;
}

TEST(testbench, each_counter_alone_makes_a_job_fail) {
  std::mt19937_64 random(94);
  const LayerProgram program = random_two_step_program(random, 6, 4);
  const auto input = random_input(random, 2, 6, 30);
  const auto expected = expected_output(program, input);
  int altered = 0;
  for (std::uint32_t address = spec::kRegBeatsInLo; address <= spec::kRegSatOutHi; address += 4)
    for (const std::uint32_t bit : {0U, 31U}) {
      testbench().load(program);
      ASSERT_TRUE(agrees(run(input, &expected)));
      alter = [&](std::uint32_t at, cosim::RtlUnit::Response answer) {
        if (at == address) answer.data ^= 1U << bit;
        return answer;
      };
      const cosim::JobResult result = run(input, &expected);
      EXPECT_FALSE(result.agrees()) << "address " << address << " bit " << bit;
      EXPECT_NE(result.failure.find("counters"), std::string::npos) << result.failure;
      alter = [&](std::uint32_t at, cosim::RtlUnit::Response answer) {
        if (at == address) answer.okay = false;
        return answer;
      };
      EXPECT_FALSE(run(input, &expected).agrees()) << "refused, address " << address;
      alter = {};
      ++altered;
    }
  std::cout << altered << " counter bits\n";
  EXPECT_EQ(altered, 16);
}

/// Traffic ends with one cycle more than the bus needs for its answers, in which nothing moves; it is
/// compared.
TEST(testbench, bus_traffic_ends_with_a_still_cycle_that_is_compared) {
  std::mt19937_64 random(99);
  const LayerProgram program = random_two_step_program(random, 6, 4);
  const auto input = random_input(random, 2, 6, 30);
  const auto expected = expected_output(program, input);
  testbench().load(program);
  int after_an_answer = 0;
  for (std::uint64_t seed = 1; seed <= 40; ++seed) {
    cosim::Job job;
    job.input = &input;
    job.expected = &expected;
    job.bus = {0.3, seed};
    const cosim::JobResult right = testbench().run(job);
    ASSERT_TRUE(agrees(right));
    const std::size_t last = the_end.count - 1;
    const cosim::BusCycle still = the_end.bus[last];
    EXPECT_FALSE(still.request.aw_valid || still.request.w_valid || still.request.ar_valid);
    EXPECT_FALSE(still.answer.b_valid || still.answer.r_valid);
    EXPECT_FALSE(the_end.cycles[last].s_valid || the_end.cycles[last].m_valid);
    if (last > 0) {
      const cosim::BusCycle& before = the_end.bus[last - 1];
      after_an_answer += (before.answer.b_valid && before.request.b_ready) ||
                         (before.answer.r_valid && before.request.r_ready);
    }
    const auto expect_divergence = [&](const char* pin) {
      const std::string where =
          "in cycle " + std::to_string(right.cycles_compared - 1) + ": " + std::string(pin) + " is";
      const cosim::JobResult wrong = testbench().run(job);
      EXPECT_NE(wrong.failure.find(where), std::string::npos) << wrong.failure << "; expected " << where;
      EXPECT_EQ(wrong.bus.all(), 0U) << "accesses of a run that fell out of step";
      alter_end = {};
      testbench().load(program);
      count_compared(1);
    };
    alter_end = [](cosim::PinBatch& batch) { batch.bus[batch.count - 1].answer.b_valid = true; };
    expect_divergence("s_axil_bvalid");
    alter_end = [](cosim::PinBatch& batch) { batch.cycles[batch.count - 1].s_ready = false; };
    expect_divergence("s_axis_tready");
  }
  EXPECT_GT(after_an_answer, 20);
}

TEST(testbench, every_sample_of_the_history_is_compared) {
  std::mt19937_64 random(95);
  constexpr std::size_t kChannels = 6;
  const LayerProgram program = random_two_step_program(random, kChannels, 4);
  const auto input = random_input(random, 1, kChannels, 9);
  testbench().load(program);
  ASSERT_TRUE(agrees(run(input, nullptr)));
  const std::vector<std::int8_t> history = testbench().history();
  for (std::size_t channel = 0; channel < kChannels; ++channel)
    for (std::size_t age = 0; age < 3; ++age)
      EXPECT_EQ(history[channel * 3 + age], input.at(0, channel, 6 + age));
  for (std::uint32_t channel = 0; channel < kChannels; ++channel)
    for (const std::uint32_t bit : {0U, 9U, 23U}) {
      alter = [&](std::uint32_t at, cosim::RtlUnit::Response answer) {
        if (at == spec::kHistoryBase + 4 * channel) answer.data ^= 1U << bit;
        return answer;
      };
      EXPECT_THROW(testbench().history(), InputError) << "channel " << channel << " bit " << bit;
      alter = {};
    }
}

/// A load leaves nothing of the stream before it, on either side.
TEST(testbench, a_job_that_continues_after_a_load_starts_from_zero) {
  std::mt19937_64 random(96);
  for (const int taps : {2, 3, 4}) {
    const LayerProgram program = random_two_step_program(random, 7, taps);
    TensorBCL<std::int8_t> loud({1, 7, 5});
    std::fill(loud.data(), loud.data() + loud.size(), std::int8_t{-128});
    const auto input = random_input(random, 1, 7, 6);
    const auto expected = expected_output(program, input);
    testbench().load(program);
    ASSERT_TRUE(agrees(run(loud, nullptr)));
    EXPECT_EQ(testbench().history(), std::vector<std::int8_t>(21, -128));
    testbench().load(program);
    EXPECT_EQ(testbench().history(), std::vector<std::int8_t>(21, 0));
    EXPECT_TRUE(agrees(run(input, &expected, nullptr, true))) << taps << " taps";
  }
}

/// One wrong value of the golden, in out or in q, wherever it stands: first and last beat, every live lane.
TEST(testbench, every_golden_value_is_compared) {
  std::mt19937_64 random(97);
  constexpr std::size_t kChannels = 6, kLength = 5, kSequences = 2;
  const LayerProgram program = random_two_step_program(random, kChannels, 3);
  const auto input = random_input(random, kSequences, kChannels, kLength);
  auto expected = expected_output(program, input);
  testbench().load(program);
  cosim::Job job;
  job.input = &input;
  job.keep_output = true;
  const cosim::JobResult kept = testbench().run(job);
  TensorBCL<std::int16_t> q(input.shape());
  const BeatLayout layout(input.shape(), lanes());
  std::int64_t altered = 0;
  for (std::size_t beat = 0; beat < layout.beats(); ++beat)
    for (std::size_t lane = 0; lane < layout.live_lanes(beat); ++lane) {
      const auto e = layout.element_of({beat, lane});
      q.at(e.sequence, e.channel, e.time) = kept.q[beat * lanes() + lane];
    }
  ASSERT_TRUE(agrees(run(input, &expected, &q)));
  for (std::size_t b = 0; b < kSequences; ++b)
    for (std::size_t c = 0; c < kChannels; ++c)
      for (std::size_t t = 0; t < kLength; ++t, altered += 2) {
        expected.at(b, c, t) = static_cast<std::int8_t>(expected.at(b, c, t) ^ 1);
        const cosim::JobResult out = run(input, &expected, &q);
        EXPECT_EQ(out.model_golden.mismatches, 1U);
        EXPECT_EQ(out.rtl_golden.mismatches, 1U);
        EXPECT_EQ(out.model_golden_q.mismatches, 0U);
        EXPECT_FALSE(out.agrees());
        expected.at(b, c, t) = static_cast<std::int8_t>(expected.at(b, c, t) ^ 1);
        q.at(b, c, t) = static_cast<std::int16_t>(q.at(b, c, t) + 1);
        const cosim::JobResult in_q = run(input, &expected, &q);
        EXPECT_EQ(in_q.model_golden_q.mismatches, 1U);
        EXPECT_EQ(in_q.model_golden_q.compared, input.size());
        EXPECT_EQ(in_q.model_golden.mismatches, 0U);
        EXPECT_FALSE(in_q.agrees());
        q.at(b, c, t) = static_cast<std::int16_t>(q.at(b, c, t) - 1);
      }
  std::cout << altered << " altered golden values\n";
  EXPECT_EQ(altered, 120);
}

}  // namespace
}  // namespace quasim::test

int sc_main(int argc, char** argv) {
  if (quasim::test::lists_tests(argc, argv)) return 0;
  using quasim::test::AlteredUnit;
  quasim::sc::PipelineConfig config;
  config.max_channels = 4096;  // as the units of faults/CMakeLists.txt
  return quasim::test::run_all_tests(
      quasim::test::kLanes, config,
      std::make_unique<AlteredUnit>(quasim::cosim::make_faulty_unit("none_checked")));
}
