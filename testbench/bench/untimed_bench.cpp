#include "bench/untimed_bench.hpp"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <functional>
#include <random>
#include <vector>

#include "bench/onednn_depthwise.hpp"
#include "spec/error.hpp"
#include "stages/evaluate.hpp"
#include "stages/untimed.hpp"

namespace quasim::bench {
namespace {

/// Processor time of this thread: what other programs take from it does not count.
double thread_seconds() {
  timespec now{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
}

double seconds_of(const std::function<void()>& work) {
  const double start = thread_seconds();
  work();
  return thread_seconds() - start;
}

const char* name_of(stages::Kernel kernel) {
  return kernel == stages::Kernel::kAvx512 ? "avx512"
                                           : (kernel == stages::Kernel::kAvx2 ? "avx2" : "portable");
}

/// Row `row` of the output recomputed with the scalar stages.
bool row_is_right(const LayerProgram& program, const std::int8_t* x, const std::int8_t* out, std::size_t row,
                  std::size_t length) {
  const auto taps = static_cast<std::size_t>(program.taps);
  const std::size_t channel = row % program.bias_words.size();
  x += row * length;
  out += row * length;
  for (std::size_t t = 0; t < length; ++t) {
    std::int32_t acc = 0;
    for (std::size_t k = 0; k < taps; ++k)
      if (t + k + 1 >= taps) acc += std::int32_t{program.weight.at(channel, k)} * x[t + k + 1 - taps];
    if (out[t] != stages::evaluate(program, channel, acc).out) return false;
  }
  return true;
}

}  // namespace

UntimedTimes bench_untimed(const LayerProgram& program, std::size_t bytes, std::size_t length_elems,
                           int repetitions) {
  if (length_elems == 0 || repetitions < 1)
    throw InputError("bench: expected a length and repetitions of at least 1");
  ::setenv("OMP_NUM_THREADS", "1", 1);  // read when oneDNN starts
  const stages::UntimedPlan plan(program);
  const std::size_t row_bytes = plan.channels() * length_elems;
  const std::size_t sequences = std::max<std::size_t>(1, (bytes + row_bytes - 1) / row_bytes);
  UntimedTimes times;
  times.elements = sequences * row_bytes;
  times.kernel = name_of(stages::best_kernel());
  times.channels = plan.channels();
  times.fast_channels = plan.fast_channels();

  std::vector<std::int8_t> x(times.elements), out(times.elements), copy(times.elements);
  std::mt19937_64 random(1);
  for (std::int8_t& sample : x) sample = static_cast<std::int8_t>(random() >> 56);
  OneDnnDepthwise onednn(program, sequences, length_elems);

  double model = 1e300, memcpy_time = 1e300, onednn_time = 1e300, onednn_bcl_time = 1e300;
  for (int i = 0; i < repetitions; ++i) {
    memcpy_time = std::min(memcpy_time, seconds_of([&] { std::memcpy(copy.data(), x.data(), x.size()); }));
    model = std::min(model, seconds_of([&] { plan.run(x.data(), out.data(), sequences, length_elems); }));
    if (!onednn.available()) continue;
    onednn_time = std::min(onednn_time, seconds_of([&] { onednn.run(); }));
    onednn_bcl_time = std::min(onednn_bcl_time, seconds_of([&] { onednn.run_bcl(); }));
  }
  times.model_seconds = model;
  times.memcpy_seconds = memcpy_time;
  if (onednn.available()) {
    times.onednn_seconds = onednn_time;
    times.onednn_bcl_seconds = onednn_bcl_time;
  }

  times.equal_to_stages = std::equal(copy.begin(), copy.end(), x.begin());
  const std::size_t rows = sequences * plan.channels(), stride = std::max<std::size_t>(1, rows / 64);
  for (std::size_t row = 0; row < rows; row += stride)
    times.equal_to_stages &= row_is_right(program, x.data(), out.data(), row, length_elems);
  return times;
}

}  // namespace quasim::bench
