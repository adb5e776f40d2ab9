// C entry points of the twin, for ctypes (python/twin_report.py) and C callers. 0, or 1 with the sentence in
// quasim_twin_error().
#include <exception>
#include <string>

#include "quasim_golden_cpu_twin.hpp"

namespace {

thread_local std::string last_error = "no error";

template <typename Body>
int guarded(const qg_params* params, Body body) {
  try {
    if (params == nullptr) {
      last_error = "params is NULL";
      return 1;
    }
    body(quasim_golden::CpuTwin(*params));
    return 0;
  } catch (const std::exception& error) {
    last_error = error.what();
    return 1;
  }
}

}  // namespace

extern "C" {

QG_API const char* quasim_twin_error() {
  return last_error.c_str();
}

QG_API int quasim_twin_run(const qg_params* params, const qg_tensors* tensors) {
  return guarded(params, [&](const quasim_golden::CpuTwin& twin) { twin.run(*tensors); });
}

QG_API int quasim_twin_sweep(const qg_params* params, int32_t acc_min, int32_t acc_max, int32_t bias_first,
                             int32_t bias_count, int16_t* q, int8_t* out) {
  return guarded(params, [&](const quasim_golden::CpuTwin& twin) {
    twin.sweep(acc_min, acc_max, bias_first, bias_count, q, out);
  });
}

}  // extern "C"
