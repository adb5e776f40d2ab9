// The CPU twin of the golden: the same fp32 operations in the same order, in plain C++17, for machines
// without a GPU.
//
// It shares the parameter and tensor structs of the C interface (quasim_golden.h) and no code with the
// kernels or with model/. Only expf can differ from the GPU (each library rounds it within about one ulp);
// docs/golden.md counts where that shows. math = fast is refused: the GPU's approximate division and
// exponential have no definition outside the GPU. Use the committed steps.npz of the fast variants instead.
#ifndef QUASIM_GOLDEN_CPU_TWIN_HPP_
#define QUASIM_GOLDEN_CPU_TWIN_HPP_

#include <cstdint>

#include "quasim_golden.h"

namespace quasim_golden {

// Every stage of one output. q is 0 in dataflow fused.
struct TwinStages {
  float y = 0;     // conv1d_raw
  int q = 0;       // conv1d_q
  float u = 0;     // conv1d_int8simulated; y in dataflow fused
  float silu = 0;  // silu_raw
  int out = 0;     // conv1d_output_int8
  float ssm = 0;   // ssm_input; silu_raw's grid value out * output_scale except in output mode fp32
};

class CpuTwin {
 public:
  // Throws std::invalid_argument with one sentence when the scales, taps or choices are not valid, or math is
  // fast.
  explicit CpuTwin(const qg_params& params);

  // seqlast: the outputs of one accumulator. |acc| <= K * 2^14, -128 <= bias <= 127 (0 where the bias is
  // absent).
  TwinStages point(std::int32_t acc, int bias) const;

  // Any order: the output of one window. x[0 .. K-1] and w[0 .. K-1] oldest first.
  TwinStages window(const std::int8_t* x, const std::int8_t* w, int bias) const;

  // All of params.batch x channels x length, host memory; the meaning of every pointer is that of
  // qg_run_host. Throws std::invalid_argument with one sentence for a shape or a pointer that is not valid.
  void run(const qg_tensors& tensors) const;

  // Complete enumeration, as qg_sweep_host: q and out [bias_count][acc_max - acc_min + 1]; either may be
  // null.
  void sweep(std::int32_t acc_min, std::int32_t acc_max, int bias_first, int bias_count, std::int16_t* q,
             std::int8_t* out) const;

  const qg_params& params() const { return params_; }

 private:
  float conv_seqlast(std::int32_t acc, int bias) const;
  float conv_tapwise(const std::int8_t* x, const std::int8_t* w, int bias) const;
  TwinStages finish(float y) const;
  float round_clamp(float value, float lo, float hi) const;

  qg_params params_;
  float scale_wx_ = 0;
  float conv_scale_ = 0;
  float conv_lo_ = 0;
  float conv_hi_ = 0;
};

// Largest |acc| of K taps of int8 * int8.
constexpr std::int32_t acc_limit(int taps) {
  return taps * 16384;
}

}  // namespace quasim_golden

#endif  // QUASIM_GOLDEN_CPU_TWIN_HPP_
