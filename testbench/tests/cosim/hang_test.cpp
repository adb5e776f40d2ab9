// A stream that nothing moves any more must end, and say so.
#include <iostream>
#include <systemc>

#include "cosim/driver.hpp"

int sc_main(int, char**) {
  using namespace quasim;
  constexpr std::size_t kLanes = 4;
  sc::CycleClock clock("clock", sc_core::sc_time(1, sc_core::SC_NS));
  sc::Pipeline<kLanes> pipeline("pipeline", clock, {});  // nothing loaded: never ready
  cosim::SourceLink<kLanes> link("s_axis", pipeline);
  cosim::ReadyRegister ready("ready");
  pipeline.source.bind(link);
  pipeline.receiver.bind(ready);
  cosim::Driver<kLanes> driver("driver", clock, link);
  cosim::Monitor<kLanes> monitor("monitor", clock, link, pipeline, ready);
  const TensorBCL<std::int8_t> input({1, 4, 3});
  cosim::Job job;
  job.input = &input;
  driver.start(job, BeatLayout(input.shape(), kLanes));
  monitor.start(job, BeatLayout(input.shape(), kLanes));
  sc_core::sc_start(10, sc_core::SC_US);
  const cosim::JobResult result = monitor.take_result();
  std::cout << result.failure << "\n";
  return result.failure.rfind("hang:", 0) == 0 && !result.agrees() ? 0 : 1;
}
