#include "bench/stream_bench.hpp"

#include <algorithm>
#include <chrono>
#include <functional>

#include "bench/in_child.hpp"
#include "bench/sc_fixed_pipeline.hpp"
#include "cosim/testbench.hpp"
#include "cosim/unit_builder.hpp"
#include "spec/error.hpp"

namespace quasim::bench {
namespace {

using Clock = std::chrono::steady_clock;

/// Of the ratios of each round, which were measured one after the other: a machine that slows down meanwhile
/// slows both.
double median_ratio(const std::vector<double>& a, const std::vector<double>& b) {
  std::vector<double> ratios(a.size());
  std::transform(a.begin(), a.end(), b.begin(), ratios.begin(), std::divides<>());
  return median(ratios);
}

/// Probability that a channel of the bus begins an access in a cycle.
constexpr double kBusTraffic = 0.2;

double seconds_since(Clock::time_point begin) {
  return std::chrono::duration<double>(Clock::now() - begin).count();
}

/// The bundle's input, one sequence after the other until there are at least `min_beats` beats.
TensorBCL<std::int8_t> repeated_input(const Bundle& bundle, std::size_t lanes, std::size_t min_beats) {
  const auto& input = bundle.require_input();
  const BeatLayout layout(input.shape(), lanes);
  const std::size_t copies = (min_beats + layout.beats() - 1) / layout.beats();
  auto shape = input.shape();
  shape[0] *= copies;
  std::vector<std::int8_t> data;
  data.reserve(input.size() * copies);
  for (std::size_t i = 0; i < copies; ++i)
    data.insert(data.end(), input.elements().begin(), input.elements().end());
  return TensorBCL<std::int8_t>(shape, std::move(data));
}

std::vector<double> measure_testbench(const LayerProgram& program, const TensorBCL<std::int8_t>& input,
                                      std::size_t lanes, bool with_rtl, bool with_bus = false) {
  const sc::PipelineConfig config = sc::config_holding({}, program);
  const auto testbench =
      cosim::make_testbench(lanes, config, with_rtl ? cosim::make_unit(lanes, config, {}, {}) : nullptr);
  testbench->load(program);
  cosim::Job job;
  job.input = &input;
  if (with_bus) job.bus.probability = kBusTraffic;
  job.coverage = with_bus;
  testbench->run(job);  // warms caches and clocks
  const cosim::JobResult result = testbench->run(job);
  if (!result.failure.empty() || result.mismatches() != 0) throw InputError("bench: " + result.failure);
  return {static_cast<double>(result.cycles) / result.seconds, static_cast<double>(result.cycles)};
}

std::vector<double> measure_bare(const LayerProgram& program, const TensorBCL<std::int8_t>& input,
                                 std::size_t lanes) {
  const auto rtl = cosim::make_unit(lanes, sc::config_holding({}, program), {}, {});
  cosim::load_program(*rtl, program);
  const BeatLayout layout(input.shape(), lanes);
  const auto samples = to_beats(input, lanes);
  rtl->run_bare(samples.data(), layout.beats(), layout.groups());
  const auto begin = Clock::now();
  const std::uint64_t cycles = rtl->run_bare(samples.data(), layout.beats(), layout.groups());
  return {static_cast<double>(cycles) / seconds_since(begin)};
}

std::vector<double> measure_sc_fixed(const LayerProgram& program, const TensorBCL<std::int8_t>& input,
                                     std::size_t lanes) {
  constexpr std::size_t kCycles = 2000;  // sc_fixed is slow; its rate does not depend on the length
  const auto samples = to_beats(input, lanes);
  ScFixedPipeline pipeline("sc_fixed", program, lanes, samples.data());
  const auto begin = Clock::now();
  sc_core::sc_start(static_cast<double>(kCycles), sc_core::SC_NS);
  const double seconds = seconds_since(begin);
  if (pipeline.beats_out() + 10 < kCycles) throw InputError("bench: the sc_fixed pipeline lost beats");
  return {static_cast<double>(kCycles) / seconds};
}

}  // namespace

StreamRates measure_streams(const Bundle& bundle, const LayerProgram& program, std::size_t lanes,
                            int rounds) {
  const auto input = repeated_input(bundle, lanes, 400000);
  std::vector<double> bare, cosim, with_bus, systemc, sc_fixed;
  StreamRates rates;
  rates.lanes = lanes;
  for (int round = 0; round < rounds; ++round) {
    bare.push_back(in_child([&] { return measure_bare(program, input, lanes); }).at(0));
    const auto checked = in_child([&] { return measure_testbench(program, input, lanes, true); });
    cosim.push_back(checked.at(0));
    rates.cycles = static_cast<std::uint64_t>(checked.at(1));
    with_bus.push_back(in_child([&] { return measure_testbench(program, input, lanes, true, true); }).at(0));
    systemc.push_back(in_child([&] { return measure_testbench(program, input, lanes, false); }).at(0));
    if (!program.stage().is_fused() && program.stage().rounding == Rounding::kHalfEven &&
        program.stage().conv_bits == spec::kSampleBits && program.weight.extent<'C'>() % lanes == 0)
      sc_fixed.push_back(in_child([&] { return measure_sc_fixed(program, input, lanes); }).at(0));
  }
  rates.bare_rtl = median(bare);
  rates.cosim = median(cosim);
  rates.cosim_over_bare = median_ratio(cosim, bare);
  rates.cosim_with_bus_over_bare = median_ratio(with_bus, bare);
  rates.systemc = median(systemc);
  if (!sc_fixed.empty()) rates.systemc_over_sc_fixed = median_ratio(systemc, sc_fixed);
  return rates;
}

}  // namespace quasim::bench
