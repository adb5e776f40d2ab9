/* quasim golden: the C interface shared by the CUDA kernels and their CPU twin.
 *
 * No CUDA type appears here; the header is valid C99 and C++17. Axes: B sequence, C channel, L time, K tap.
 * The numbers that every function computes are defined in docs/golden.md. All functions return a status;
 * after a status other than QG_OK, qg_last_error() holds one sentence that names the argument at fault (per
 * thread). Nothing is printed.
 */
#ifndef QUASIM_GOLDEN_H_
#define QUASIM_GOLDEN_H_

#include <stdint.h>

#if defined(__GNUC__)
#define QG_API __attribute__((visibility("default")))
#else
#define QG_API
#endif

#ifdef __cplusplus
extern "C" {
#endif

typedef enum qg_status {
  QG_OK = 0,
  QG_INVALID_ARGUMENT = 1, /* the caller's mistake; the sentence says which */
  QG_UNSUPPORTED = 2,      /* a valid request that this library does not do */
  QG_CUDA_ERROR = 3,       /* the CUDA runtime said no */
  QG_OUT_OF_MEMORY = 4
} qg_status;

enum { QG_TWO_STEP = 0, QG_FUSED = 1 };                     /* dataflow */
enum { QG_SEQLAST = 0, QG_CHANNELLAST = 1, QG_UPDATE = 2 }; /* order of the fp32 evaluation */
enum { QG_PRECISE = 0, QG_FAST = 1 };                       /* math */
enum { QG_HALF_EVEN = 0, QG_HALF_AWAY = 1 };                /* rounding */
enum { QG_SILU = 0, QG_IDENTITY = 1 };                      /* activation; identity: silu(v) is v */
enum { QG_BCL = 0, QG_BLC = 1 };                            /* layout: which axis is contiguous */
enum {                                                      /* output mode */
       QG_BASELINE = 0,                                     /* int8 out to both consumers */
       QG_FP32_SSM_INPUT = 1,                               /* int8 out; ssm_input = out * output_scale */
       QG_FLOAT_SIM_INT8 = 2, /* ssm_input = the value on the int8 grid, computed in fp32; int8 =
                                 round(ssm_input / output_scale) */
       QG_FP32 = 3 /* ssm_input = silu(y), nothing rounded; int8 = round(ssm_input / output_scale) */
};

/* One evaluation. Fill with qg_default_params() and change what differs. */
typedef struct qg_params {
  int64_t batch;                               /* B >= 1 */
  int64_t channels;                            /* C >= 1 */
  int64_t length;                              /* L >= 1 */
  int32_t taps;                                /* K, 2 to 4 */
  int32_t conv_bits;                           /* N of the first clamp, 2 to 12; two_step only */
  float input_scale, weight_scale, bias_scale; /* finite, > 0, not denormal */
  float conv_scale;                            /* 0: equal to output_scale; two_step only */
  float output_scale;
  int32_t dataflow, order, math, rounding, layout, output_mode;
  int32_t activation;
} qg_params;

/* Tensors, dense. Every output may be NULL; at least one must not be. Outputs must not overlap the input or
 * one another. [B,C,L] stands for [B,L,C] when layout is QG_BLC. */
typedef struct qg_tensors {
  const int8_t* input;    /* conv1d_input [B,C,L] */
  const int8_t* weight;   /* conv1d_weight [C,K]; weight[c,K-1] multiplies the newest sample */
  const int8_t* bias;     /* conv1d_bias [C]; NULL: no bias */
  const int8_t* state_in; /* [B,C,K] the K samples before the first, oldest first; NULL: zeros. The oldest is
                             never used. */
  int8_t* state_out;      /* [B,C,K] the last K samples afterwards; may be state_in itself */
  int8_t* conv1d_output_int8;  /* [B,C,L] */
  float* ssm_input;            /* [B,C,L] fp32 to the SSM; output modes 1 to 3 */
  float* conv1d_raw;           /* [B,C,L] y */
  int8_t* conv1d_q;            /* [B,C,L] q; two_step with conv_bits <= 8 */
  int16_t* conv1d_q16;         /* [B,C,L] q; two_step */
  float* conv1d_int8simulated; /* [B,C,L] q * conv_scale; two_step */
  float* silu_raw;             /* [B,C,L] SiLU before the division by output_scale */
} qg_tensors;

QG_API const char* qg_last_error(void);
QG_API const char* qg_status_name(qg_status status);
/* B = C = L = 1, K = 4, conv_bits 8, scales 1, conv_scale 0, two_step.seqlast.precise.half_even, QG_BCL,
 * QG_BASELINE, QG_SILU. */
QG_API void qg_default_params(qg_params* params);
/* Checks everything but the pointers' validity. QG_OK or the sentence. */
QG_API qg_status qg_validate(const qg_params* params, const qg_tensors* tensors);

/* "two_step.seqlast.precise.half_even" and the like, into text[size]. */
QG_API qg_status qg_variant_name(const qg_params* params, char* text, int32_t size);

/* What the golden was made with, as one JSON object: device, driver, runtime, compiler, flags. */
QG_API qg_status qg_provenance_json(char* text, int32_t size);

/* The reference kernel, one thread per output, on host memory (copied there and back; returns when done). */
QG_API qg_status qg_run_host(const qg_params* params, const qg_tensors* tensors);
/* The reference kernel on device memory; asynchronous on stream (a cudaStream_t; NULL: the default stream).
 */
QG_API qg_status qg_run_device(const qg_params* params, const qg_tensors* tensors, void* stream);

/* The same for a layer whose channels carry different scales: group_count groups, channel_group[C] (host
 * memory) says which of them each channel is of, and groups[g] has its scales. Everything else of groups[1]
 * and on must be as in groups[0], whose batch, channels and length are the whole layer's. One launch for all
 * groups; it equals each group on its own bit for bit. */
QG_API qg_status qg_run_groups_host(const qg_params* groups, int32_t group_count,
                                    const uint16_t* channel_group, const qg_tensors* tensors);
/* The tensors on device memory; groups and channel_group on the host as above. Queued on stream; returns when
 * done. */
QG_API qg_status qg_run_groups_device(const qg_params* groups, int32_t group_count,
                                      const uint16_t* channel_group, const qg_tensors* tensors, void* stream);

/* The fast kernels for one layer: int8 -> int8 at memory speed. Creating a plan draws one integer line from
 * the accumulator to a table of bins. For seqlast the result is then checked on the GPU at EVERY (acc, bias)
 * that the layer can reach. For the tap-wise orders, whose y is only near the line, the steps of the output
 * are found on EVERY fp32 y that the scales allow, and within a proven distance of a step the exact
 * arithmetic decides. So qg_plan_run equals qg_run_device bit for bit, for every input. Takes some tens of
 * milliseconds, blocking.
 */
typedef struct qg_plan qg_plan;

typedef struct qg_plan_description {
  int32_t bins;       /* of the table; 0: exact_only */
  int32_t copies;     /* of the table in shared memory */
  int32_t exact_only; /* 1: no line fits these scales, or the output mode has none; the reference kernel runs
                         instead */
  int64_t tail_steps; /* steps of the output: on the points (acc, bias), or on the line of fp32 y */
  int64_t values_checked;  /* fp32 numbers y that were evaluated */
  int64_t lattice_checked; /* points (acc, bias) at which the line was held against the exact arithmetic */
  double doubt_largest;    /* the part of a bin with a step that is left to the exact arithmetic, largest over
                              the    channels; 0 for seqlast as a rule */
} qg_plan_description;

/* params: channels, taps, scales, variant; batch and length are ignored. weight [C,K] and bias [C] or NULL
 * are on the device and are copied. */
QG_API qg_status qg_plan_create(const qg_params* params, const int8_t* weight, const int8_t* bias,
                                qg_plan** plan);
/* The same for a layer whose channels carry different scales; groups, group_count and channel_group[C] (host
 * memory) as in qg_run_groups_host. The plan runs like any other, in one launch for all groups, and equals
 * qg_run_groups_device bit for bit. Groups with the same scales are one, and such as no channel is of
 * are left out; where one of the others has no line, exact_only is 1 and the reference kernel runs for all.
 * bins is the largest table's, the counts are sums over the groups. Takes some milliseconds a group. */
QG_API qg_status qg_plan_create_groups(const qg_params* groups, int32_t group_count,
                                       const uint16_t* channel_group, const int8_t* weight,
                                       const int8_t* bias, qg_plan** plan);
QG_API qg_status qg_plan_describe(const qg_plan* plan, qg_plan_description* description);
/* copies of the table in shared memory: 4, 8, 16 or 32 as far as they fit, or 0 for the default. For
 * measuring. A plan of several groups holds each table once and takes 0 only. */
QG_API qg_status qg_plan_set_copies(qg_plan* plan, int32_t copies);
/* Asynchronous on stream, with the plan's device current. Uses tensors->input, state_in, state_out and
 * conv1d_output_int8 (device memory); every other output must be NULL. Any length, batch and alignment:
 * shapes and alignments without a fast kernel run the reference kernel. used (NULL allowed): 2 decode kernel,
 * 1 fast kernel, 0 reference kernel. */
QG_API qg_status qg_plan_run(const qg_plan* plan, int64_t batch, int64_t length, const qg_tensors* tensors,
                             void* stream, int32_t* used);

enum { QG_FLOAT32 = 0, QG_FLOAT16 = 1, QG_BFLOAT16 = 2 }; /* type of floats */

/* Floats on both sides of a plan, [B,L,C] with neighbouring channels side by side, on device memory. */
typedef struct qg_float_tensors {
  const void* input;    /* x [B,L,C] */
  void* output;         /* [B,L,C], dense; must not overlap the input */
  int64_t batch_stride; /* of the input, in elements: from a sequence to the next; 0: dense */
  int64_t token_stride; /* likewise from a token to the next */
  int32_t type;         /* of both */
} qg_float_tensors;

/* A plan inside of a float model, in one launch. In front of the plan x becomes
 * clamp_8(round_half_even(x / input_scale)), an IEEE division in fp32; behind it the int8 becomes
 * int8 * output_scale, rounded to fp32 and then to type. In between are the numbers of qg_plan_run, bit for
 * bit, with zeros in front of the sequence. What is not a number becomes any int8. Asynchronous on stream,
 * with the plan's device current. QG_UNSUPPORTED, with the sentence, for a plan of several groups, in layout
 * QG_BCL, in another output mode than baseline, or exact_only; for an input_scale beyond 2^-64 to 2^64; for
 * channels and strides that are no multiples of 4, pointers that are not aligned to four elements, tokens
 * 2^31 bytes or more apart, and a batch * length * channels / 128 above 2^30. */
QG_API qg_status qg_plan_run_floats(const qg_plan* plan, int64_t batch, int64_t length,
                                    const qg_float_tensors* tensors, void* stream);
QG_API void qg_plan_destroy(qg_plan* plan);

/* The tail of the reference kernel for seqlast on every (bias, acc) of bias_first .. bias_first + bias_count
 * - 1 and acc_min .. acc_max: q[bias_count][acc_max - acc_min + 1] (NULL allowed, must be NULL for fused) and
 * out likewise. bias_count may be 256 from -128. Host memory. batch, channels, length, layout and output_mode
 * are not used. */
QG_API qg_status qg_sweep_host(const qg_params* params, int32_t acc_min, int32_t acc_max, int32_t bias_first,
                               int32_t bias_count, int16_t* q, int8_t* out);

/* One point where two orders differ. Byte k of window is x at tap k, as int8. */
typedef struct qg_window_point {
  int64_t channel;
  uint32_t window;
  float y_a, y_b;
  int32_t out_a, out_b;
} qg_window_point;

/* All 2^(8K) windows of each of `channels` channels (weight [C,K], bias [C] or NULL, host memory): in how
 * many does the int8 output of params->order leave that of other_order. counts [C] differing windows;
 * y_counts [C] (NULL allowed) windows whose fp32 y differs; points [capacity] some of each channel (which
 * ones, the scheduling decides), *point_count of them written. */
QG_API qg_status qg_compare_orders_host(const qg_params* params, int32_t other_order, const int8_t* weight,
                                        const int8_t* bias, int64_t* counts, int64_t* y_counts,
                                        int32_t* max_abs_difference, qg_window_point* points,
                                        int32_t capacity, int32_t* point_count);

#ifdef __cplusplus
}
#endif
#endif /* QUASIM_GOLDEN_H_ */
