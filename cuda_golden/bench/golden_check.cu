// golden_check: the fast and decode kernels against the reference kernel, bit for bit, over variants, shapes
// and scales; the output modes against each other; refusals. Prints what it compared; exit 1 on any
// difference, or when nothing was compared.
//   golden_check [--small] [--groups | --floats] [--seed N] [--plant-fault]
// --small: a short matrix for compute-sanitizer. --groups: layers of several groups alone. --floats: plans
// between floats alone. --plant-fault: flips one byte, which must be found (exit 1).
#include <cuda_bf16.h>
#include <cuda_fp16.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <memory>
#include <string>

#include "device_buffer.cuh"

namespace {

unsigned long long compared = 0;
unsigned long long differing = 0;
unsigned long long runs_by_kernel[3] = {0, 0, 0};
unsigned long long group_runs_by_kernel[3] = {0, 0, 0};  // of them, those of several groups
unsigned long long float_runs = 0, float_plans = 0, float_plans_exact_only = 0;
bool plant_fault = false;

void note(const char* what, const std::string& where, unsigned long long n, unsigned long long bad) {
  compared += n;
  differing += bad;
  if (bad != 0) std::printf("DIFFERS %s %s: %llu of %llu\n", what, where.c_str(), bad, n);
}

std::string describe(const qg_params& p) {
  char name[96] = "?";
  (void)qg_variant_name(&p, name, sizeof name);
  return std::string(name) + (p.layout == QG_BLC ? " BLC" : " BCL") + " B=" + std::to_string(p.batch) +
         " C=" + std::to_string(p.channels) + " L=" + std::to_string(p.length) +
         " K=" + std::to_string(p.taps);
}

// The reference kernel; groups NULL: of one group.
void run_reference(const qg_params& p, const GroupedLayer* groups, const qg_tensors& t) {
  if (groups == nullptr) {
    MUST_GOLDEN(qg_run_device(&p, &t, nullptr));
    return;
  }
  std::vector<qg_params> scales = groups->groups;
  scales[0].batch = p.batch, scales[0].channels = p.channels, scales[0].length = p.length;
  MUST_GOLDEN(qg_run_groups_device(scales.data(), groups->count(), groups->of_channel.data(), &t, nullptr));
}

qg_plan* plan_of(const GroupedLayer& groups, const Layer& layer, bool bias) {
  qg_plan* plan = nullptr;
  MUST_GOLDEN(qg_plan_create_groups(groups.groups.data(), groups.count(), groups.of_channel.data(),
                                    layer.weight.bytes(), bias ? layer.bias.bytes() : nullptr, &plan));
  return plan;
}

// The planted fault, in the first output that is compared.
void plant_in(std::int8_t* output) {
  if (!plant_fault) return;
  std::int8_t byte = 0;
  MUST(cudaMemcpy(&byte, output, 1, cudaMemcpyDeviceToHost));
  byte = static_cast<std::int8_t>(byte ^ 1);
  MUST(cudaMemcpy(output, &byte, 1, cudaMemcpyHostToDevice));
  plant_fault = false;
}

// One plan on one shape, input and output at the given offsets from 16-byte alignment.
void compare_run(const qg_plan* plan, qg_params p, const Layer& layer, bool bias, bool state,
                 std::size_t offset_in, std::size_t offset_out, std::uint64_t seed, Fill how,
                 const GroupedLayer* groups = nullptr) {
  const std::size_t n = static_cast<std::size_t>(p.batch * p.channels * p.length);
  const std::size_t states = static_cast<std::size_t>(p.batch * p.channels * p.taps);
  // exactly sized allocations, so that memcheck sees every byte read or written outside
  Buffer input(n + offset_in), expected(n + offset_out), got(n + offset_out), state_in(states),
      state_expected(states), state_got(states);
  fill(input.bytes(), input.size(), seed, how);
  fill(state_in.bytes(), states, seed + 7, how);
  MUST(cudaMemset(expected.bytes(), 0x55, expected.size()));
  MUST(cudaMemset(got.bytes(), 0x55, got.size()));
  qg_tensors t{};
  t.input = input.bytes() + offset_in;
  t.weight = layer.weight.bytes();
  t.bias = bias ? layer.bias.bytes() : nullptr;
  t.state_in = state ? state_in.bytes() : nullptr;
  t.conv1d_output_int8 = expected.bytes() + offset_out;
  t.state_out = state_expected.bytes();
  run_reference(p, groups, t);
  t.conv1d_output_int8 = got.bytes() + offset_out;
  t.state_out = state_got.bytes();
  if (state) {  // in place, as decode does
    MUST(cudaMemcpy(state_got.bytes(), state_in.bytes(), states, cudaMemcpyDeviceToDevice));
    t.state_in = state_got.bytes();
  }
  int32_t used = 0;
  MUST_GOLDEN(qg_plan_run(plan, p.batch, p.length, &t, nullptr, &used));
  ++runs_by_kernel[used];
  if (groups != nullptr) ++group_runs_by_kernel[used];
  plant_in(got.bytes() + offset_out + n / 2);
  const std::string where = describe(p) + (groups ? " G=" + std::to_string(groups->count()) : "") +
                            (bias ? " bias" : "") + (state ? " state" : "") + " offsets " +
                            std::to_string(offset_in) + "," + std::to_string(offset_out) + " kernel " +
                            std::to_string(used) + " seed " + std::to_string(seed);
  note("out", where, n, count_different(expected.bytes(), got.bytes(), n + offset_out));
  note("state", where, states, count_different(state_expected.bytes(), state_got.bytes(), states));
}

qg_params layer_params() {
  qg_params p;
  qg_default_params(&p);
  p.input_scale = 0.07180339097976685f;  // a real layer's
  p.weight_scale = 0.007339597679674625f;
  p.bias_scale = 0.005517193581908941f;
  p.output_scale = 0.04773363843560219f;
  return p;
}

void check_shapes(bool small, std::uint64_t seed) {
  const std::vector<std::int64_t> lengths =
      small ? std::vector<std::int64_t>{1, 5, 16, 33, 64}
            : std::vector<std::int64_t>{1,  2,  3,  4,  5,  7,   15,  16,  17,  31,  32,
                                        33, 48, 63, 64, 65, 100, 255, 256, 257, 1000};
  for (int dataflow = 0; dataflow < 2; ++dataflow)
    for (int order = 0; order < 3; ++order)
      for (int math = 0; math < 2; ++math)
        for (int rounding = 0; rounding < 2; ++rounding)
          for (int layout = 0; layout < 2; ++layout)
            for (int taps = 2; taps <= 4; ++taps) {
              if (small && (taps == 3 || rounding == 1)) continue;
              qg_params p = layer_params();
              p.dataflow = dataflow;
              p.order = order;
              p.math = math;
              p.rounding = rounding;
              p.layout = layout;
              p.taps = taps;
              const std::uint64_t tag =
                  seed + static_cast<std::uint64_t>(
                             ((((dataflow * 3 + order) * 2 + math) * 2 + rounding) * 2 + layout) * 3 + taps) *
                             1000;
              const std::int64_t channel_choices[] = {1, 3, 4, 20, 64};
              p.channels = channel_choices[mix(tag, 1) % 5];
              if (small) p.channels = 20;
              const bool bias = mix(tag, 2) % 4 != 0;
              const Layer layer(p.channels, taps, tag, mix(tag, 3) % 3 ? Fill::kUniform : Fill::kExtreme);
              qg_plan* plan = nullptr;
              MUST_GOLDEN(
                  qg_plan_create(&p, layer.weight.bytes(), bias ? layer.bias.bytes() : nullptr, &plan));
              std::uint64_t run = 10;
              for (const std::int64_t length : lengths) {
                p.length = length;
                p.batch = 1 + static_cast<std::int64_t>(mix(tag, run) % 3);
                const bool state = mix(tag, run + 1) % 2;
                const Fill how = mix(tag, run + 2) % 2 ? Fill::kUniform : Fill::kBell;
                std::size_t in = 0, out = 0;
                if (mix(tag, run + 3) % 3 == 0) in = out = mix(tag, run + 4) % 16;
                if (mix(tag, run + 3) % 9 == 1) out = (in + 1) % 16;
                compare_run(plan, p, layer, bias, state, in, out, tag + run, how);
                run += 10;
              }
              qg_plan_destroy(plan);
            }
}

// Scales far from any layer's: log-uniform, narrow and wide conv_bits.
void check_scales(bool small, std::uint64_t seed) {
  long long steps_largest = 0, checked = 0, points = 0;
  double doubt = 0;
  int exact_only = 0, plans = 0;
  for (int i = 0; i < (small ? 2 : 60); ++i) {
    const std::uint64_t tag = seed + 777000 + static_cast<std::uint64_t>(i);
    const auto scale = [&](int k, double low, double high) {
      const double u = static_cast<double>(mix(tag, 100 + static_cast<std::uint64_t>(k)) >> 11) * 0x1p-53;
      return static_cast<float>(low * std::pow(high / low, u));
    };
    qg_params p = layer_params();
    p.input_scale = scale(0, 1e-3, 1.0);
    p.weight_scale = scale(1, 1e-4, 0.1);
    p.bias_scale = scale(2, 1e-4, 0.1);
    p.output_scale = scale(3, 1e-3, 1.0);
    p.conv_scale = i % 2 ? scale(4, 1e-3, 1.0) : 0.0f;
    p.conv_bits = 2 + static_cast<int>(mix(tag, 5) % 11);
    p.dataflow = i % 3 == 0;
    p.order = static_cast<int>(mix(tag, 6) % 3);
    p.math = static_cast<int>(mix(tag, 7) % 2);
    p.rounding = static_cast<int>(mix(tag, 8) % 2);
    p.layout = static_cast<int>(mix(tag, 9) % 2);
    p.channels = 64;
    p.batch = 2;
    p.length = 513;
    const Layer layer(p.channels, p.taps, tag, Fill::kUniform);
    qg_plan* plan = nullptr;
    MUST_GOLDEN(qg_plan_create(&p, layer.weight.bytes(), layer.bias.bytes(), &plan));
    qg_plan_description d;
    MUST_GOLDEN(qg_plan_describe(plan, &d));
    ++plans;
    exact_only += d.exact_only;
    steps_largest = std::max<long long>(steps_largest, d.tail_steps);
    checked += d.values_checked;
    points += d.lattice_checked;
    doubt = std::max(doubt, d.doubt_largest);
    compare_run(plan, p, layer, true, false, 0, 0, tag, Fill::kUniform);
    compare_run(plan, p, layer, true, true, 0, 0, tag + 1, Fill::kBell);
    qg_plan_destroy(plan);
  }
  std::printf(
      "scales: %d plans, %d exact only; most steps %lld; %lld points (acc, bias) and %lld fp32 y evaluated; "
      "largest "
      "doubt %.4f bins\n",
      plans, exact_only, steps_largest, points, checked, doubt);
}

// Modes 0, 1 and 2 carry the same int8, and their fp32 is that int8 times output_scale; mode 3's int8 is
// round(fp32 / scale).
void check_modes(std::uint64_t seed) {
  for (int dataflow = 0; dataflow < 2; ++dataflow)
    for (int math = 0; math < 2; ++math) {
      qg_params p = layer_params();
      p.dataflow = dataflow;
      p.math = math;
      p.rounding = dataflow;
      p.batch = 2;
      p.channels = 48;
      p.length = 500;
      const std::size_t n = static_cast<std::size_t>(p.batch * p.channels * p.length);
      const Layer layer(p.channels, p.taps, seed, Fill::kUniform);
      Buffer input(n), out(n), ssm(4 * n);
      fill(input.bytes(), n, seed + 5, Fill::kBell);
      std::vector<std::int8_t> baseline(n), int8(n);
      std::vector<float> fp32(n);
      for (int mode = 0; mode < 4; ++mode) {
        p.output_mode = mode;
        qg_tensors t{};
        t.input = input.bytes();
        t.weight = layer.weight.bytes();
        t.bias = layer.bias.bytes();
        t.conv1d_output_int8 = out.bytes();
        t.ssm_input = mode == QG_BASELINE ? nullptr : reinterpret_cast<float*>(ssm.bytes());
        MUST_GOLDEN(qg_run_device(&p, &t, nullptr));
        MUST(cudaMemcpy(int8.data(), out.bytes(), n, cudaMemcpyDeviceToHost));
        if (mode != QG_BASELINE) MUST(cudaMemcpy(fp32.data(), ssm.bytes(), 4 * n, cudaMemcpyDeviceToHost));
        if (mode == 0) baseline = int8;
        unsigned long long bad = 0;
        for (std::size_t i = 0; i < n; ++i) {
          if (mode == 1 || mode == 2)
            bad += int8[i] != baseline[i] || fp32[i] != static_cast<float>(int8[i]) * p.output_scale;
          if (mode == 3 && dataflow == QG_FUSED) bad += int8[i] != baseline[i];
          if (mode == 3 && math == QG_PRECISE) {
            const float ratio = fp32[i] / p.output_scale;
            const float rounded = p.rounding == QG_HALF_EVEN ? std::rint(ratio) : std::round(ratio);
            bad += int8[i] != static_cast<int>(std::fmin(std::fmax(rounded, -128.0f), 127.0f));
          }
        }
        note("output mode", describe(p) + " mode " + std::to_string(mode), n, bad);
      }
    }
}

// A sequence token by token through the state equals the sequence whole, in every order.
void check_decode(std::uint64_t seed) {
  for (int order = 0; order < 3; ++order)
    for (int math = 0; math < 2; ++math) {
      qg_params p = layer_params();
      p.dataflow = QG_FUSED;
      p.rounding = QG_HALF_AWAY;
      p.order = order;
      p.math = math;
      p.layout = QG_BLC;
      p.batch = 1;
      p.channels = 96;
      p.length = 40;
      const std::size_t n = static_cast<std::size_t>(p.channels * p.length);
      const Layer layer(p.channels, p.taps, seed + 3, Fill::kUniform);
      Buffer input(n), whole(n), pieces(n), state(static_cast<std::size_t>(p.channels * p.taps));
      fill(input.bytes(), n, seed + 4, Fill::kUniform);
      qg_plan* plan = nullptr;
      MUST_GOLDEN(qg_plan_create(&p, layer.weight.bytes(), layer.bias.bytes(), &plan));
      qg_tensors t{};
      t.input = input.bytes();
      t.weight = layer.weight.bytes();
      t.bias = layer.bias.bytes();
      t.conv1d_output_int8 = whole.bytes();
      MUST_GOLDEN(qg_run_device(&p, &t, nullptr));
      MUST(cudaMemset(state.bytes(), 0, state.size()));
      t.state_in = t.state_out = state.bytes();
      const std::int64_t sizes[] = {1, 3, 1, 7, 1, 16, 1, 10};
      std::int64_t at = 0;
      for (const std::int64_t size : sizes) {
        t.input = input.bytes() + at * p.channels;
        t.conv1d_output_int8 = pieces.bytes() + at * p.channels;
        int32_t used = 0;
        MUST_GOLDEN(qg_plan_run(plan, 1, size, &t, nullptr, &used));
        ++runs_by_kernel[used];
        at += size;
      }
      note("pieces", describe(p), n, count_different(whole.bytes(), pieces.bytes(), n));
      qg_plan_destroy(plan);
    }
}

// ---- floats around a plan

template <typename T>
__device__ T of_bits(std::uint64_t bits) {
  T value;
  memcpy(&value, &bits, sizeof value);
  return value;
}

// Floats that a grid of this scale finds hard: beside its steps, of a layer's size, and any pattern but NaN.
template <typename T>
__global__ void fill_floats_kernel(T* out, std::uint64_t n, std::uint64_t seed, float scale) {
  const std::uint64_t step = static_cast<std::uint64_t>(gridDim.x) * blockDim.x;
  for (std::uint64_t i = static_cast<std::uint64_t>(blockIdx.x) * blockDim.x + threadIdx.x; i < n;
       i += step) {
    const std::uint64_t r = mix(seed, i);
    const float half = 0.5f * static_cast<float>(static_cast<int>(r >> 8 & 1023) - 512) * scale;
    const int ulps = static_cast<int>(r >> 20 & 7) - 3;
    const float beside = __int_as_float(__float_as_int(half) + (half == 0.0f ? 0 : ulps));
    const float anywhere = (static_cast<float>(r >> 40) * 0x1p-23f - 1.0f) * 150.0f * scale;
    const T pattern = of_bits<T>(r >> 8);
    const float as_float = static_cast<float>(pattern);
    const int kind = static_cast<int>(r & 3);
    out[i] = kind == 0 && as_float == as_float ? pattern : static_cast<T>(kind == 1 ? anywhere : beside);
  }
}

// To the grid and back by the words of quasim_golden.h. The input has strides in elements, `samples` is
// dense.
template <typename T>
__global__ void to_grid_kernel(const T* in, std::int8_t* samples, std::int64_t batch, std::int64_t length,
                               std::int64_t channels, std::int64_t batch_stride, std::int64_t token_stride,
                               float scale) {
  const std::int64_t step = static_cast<std::int64_t>(gridDim.x) * blockDim.x;
  for (std::int64_t i = static_cast<std::int64_t>(blockIdx.x) * blockDim.x + threadIdx.x;
       i < batch * length * channels; i += step) {
    const std::int64_t b = i / (length * channels), t = i / channels % length, c = i % channels;
    const float x = static_cast<float>(in[b * batch_stride + t * token_stride + c]);
    samples[i] = static_cast<std::int8_t>(fminf(fmaxf(rintf(__fdiv_rn(x, scale)), -128.0f), 127.0f));
  }
}
template <typename T>
__global__ void off_grid_kernel(const std::int8_t* values, T* out, std::int64_t n, float scale) {
  const std::int64_t step = static_cast<std::int64_t>(gridDim.x) * blockDim.x;
  for (std::int64_t i = static_cast<std::int64_t>(blockIdx.x) * blockDim.x + threadIdx.x; i < n; i += step)
    out[i] = static_cast<T>(static_cast<float>(values[i]) * scale);
}

// gap_token, gap_batch: elements between a token's last channel and the next token, and behind a sequence.
template <typename T>
void compare_floats(const qg_plan* plan, const qg_params& p, const Layer& layer, bool bias, int type,
                    std::int64_t gap_token, std::int64_t gap_batch, std::uint64_t seed) {
  const std::int64_t token = p.channels + gap_token, sequence = p.length * token + gap_batch;
  const std::int64_t n = p.batch * p.channels * p.length;
  const std::size_t count = static_cast<std::size_t>(n);
  // up to the last channel of the last token, so that memcheck sees what is read behind it
  const std::size_t read =
      static_cast<std::size_t>((p.batch - 1) * sequence + (p.length - 1) * token + p.channels);
  Buffer input(read * sizeof(T)), samples(count), out(count), expected(count * sizeof(T)),
      got(count * sizeof(T));
  const auto in = reinterpret_cast<T*>(input.bytes());
  fill_floats_kernel<<<1024, 256>>>(in, read, seed, p.input_scale);
  to_grid_kernel<<<1024, 256>>>(in, samples.bytes(), p.batch, p.length, p.channels, sequence, token,
                                p.input_scale);
  qg_tensors t{};
  t.input = samples.bytes();
  t.weight = layer.weight.bytes();
  t.bias = bias ? layer.bias.bytes() : nullptr;
  t.conv1d_output_int8 = out.bytes();
  run_reference(p, nullptr, t);
  off_grid_kernel<<<1024, 256>>>(out.bytes(), reinterpret_cast<T*>(expected.bytes()), n, p.output_scale);
  MUST(cudaMemset(got.bytes(), 0x55, got.size()));
  const bool dense = gap_token == 0 && gap_batch == 0;
  const qg_float_tensors floats{in, got.bytes(), dense ? 0 : sequence, dense ? 0 : token, type};
  MUST_GOLDEN(qg_plan_run_floats(plan, p.batch, p.length, &floats, nullptr));
  ++float_runs;
  plant_in(got.bytes() + got.size() / 2);
  note("floats",
       describe(p) + " type " + std::to_string(type) + " gaps " + std::to_string(gap_token) + "," +
           std::to_string(gap_batch) + " seed " + std::to_string(seed),
       got.size(), count_different(expected.bytes(), got.bytes(), got.size()));
}

void check_floats(bool small, std::uint64_t seed) {
  struct FloatShape {
    std::int64_t batch, channels, length, gap_token, gap_batch;
  };
  const std::vector<FloatShape> every = {{1, 4, 1, 0, 0},     {3, 20, 2, 0, 0},    {2, 128, 5, 128, 0},
                                         {3, 132, 33, 4, 64}, {1, 256, 257, 0, 0}, {2, 1024, 300, 1024, 0}};
  // On 132 multiprocessors one wave of 32 rows a warp, more than one wave, and long runs.
  const std::vector<FloatShape> large = {
      {32, 1024, 512, 1024, 0}, {16, 5120, 512, 5120, 0}, {1, 8256, 4095, 0, 0}};
  const auto compare = [&](const qg_params& p, const Layer& layer, bool bias, const FloatShape& shape,
                           std::uint64_t tag, bool all_types) {
    qg_plan* plan = nullptr;
    MUST_GOLDEN(qg_plan_create(&p, layer.weight.bytes(), bias ? layer.bias.bytes() : nullptr, &plan));
    qg_plan_description d;
    MUST_GOLDEN(qg_plan_describe(plan, &d));
    ++float_plans;
    float_plans_exact_only += d.exact_only;
    if (d.exact_only == 0) {
      const std::int64_t token = shape.gap_token, batch = shape.gap_batch;
      compare_floats<__half>(plan, p, layer, bias, QG_FLOAT16, token, batch, tag);
      if (all_types) {
        compare_floats<float>(plan, p, layer, bias, QG_FLOAT32, token, batch, tag + 1);
        compare_floats<__nv_bfloat16>(plan, p, layer, bias, QG_BFLOAT16, token, batch, tag + 2);
      }
    }
    qg_plan_destroy(plan);
  };
  const auto shaped = [](qg_params p, const FloatShape& shape) {
    p.layout = QG_BLC;
    p.batch = shape.batch, p.channels = shape.channels, p.length = shape.length;
    return p;
  };
  for (int i = 0; i < 12; ++i) {
    qg_params p = layer_params();
    p.order = i % 3;
    p.dataflow = i / 3 % 2;
    p.math = i / 6;
    p.rounding = p.dataflow == QG_FUSED ? QG_HALF_AWAY : QG_HALF_EVEN;
    p.taps = i % 5 == 4 ? 3 : i % 7 == 6 ? 2 : 4;
    p.activation = i == 3 ? QG_IDENTITY : QG_SILU;
    const float factor = static_cast<float>(
        0.25 + static_cast<double>(mix(seed, static_cast<std::uint64_t>(i)) % 4096) / 1024.0);
    if (i % 2) p.input_scale *= factor, p.output_scale *= factor;
    std::vector<FloatShape> shapes = every;
    if (!small) shapes.insert(shapes.end(), large.begin(), large.end());
    if (small && i < 2) shapes.push_back({1, 4, 33 * 132 * 32, 0, 0});  // blocks behind the first wave
    for (const FloatShape& shape : shapes) {
      const qg_params here = shaped(p, shape);
      const Layer layer(here.channels, here.taps, seed + static_cast<std::uint64_t>(i), Fill::kUniform);
      compare(here, layer, i != 8, shape, seed + 40 * static_cast<std::uint64_t>(i), true);
    }
  }
  if (!small)  // more than 2^31 bytes; sequences more than 2^31 elements apart
    for (const FloatShape& shape :
         {FloatShape{1, 8192, 131080, 0, 0}, FloatShape{2, 128, 300, 0, std::int64_t{1} << 31}}) {
      const qg_params here = shaped(layer_params(), shape);
      compare(here, Layer(here.channels, here.taps, seed, Fill::kUniform), true, shape, seed, false);
    }
  note("too many plans without a fast kernel", "floats", 1, 4 * float_plans_exact_only > float_plans);
  std::printf("floats: %llu plans, %llu of them exact only; %llu runs\n", float_plans, float_plans_exact_only,
              float_runs);
}

// Plans between floats in a row, as check_chain's, against the same with a pause behind each.
void check_float_chain(std::uint64_t seed) {
  for (const int order : {QG_SEQLAST, QG_CHANNELLAST})
    for (const std::int64_t length : {1, 300, 2048}) {
      qg_params p = layer_params();
      p.layout = QG_BLC;
      p.order = order;
      p.batch = 1, p.channels = 2048, p.length = length;
      p.output_scale = 4 * p.input_scale;  // so that the links do not die away
      const Layer layer(p.channels, p.taps, seed + 5, Fill::kUniform);
      qg_plan* plan = nullptr;
      MUST_GOLDEN(qg_plan_create(&p, layer.weight.bytes(), layer.bias.bytes(), &plan));
      const std::size_t n = static_cast<std::size_t>(p.channels * p.length);
      constexpr std::size_t kLinks = 12;
      std::vector<std::unique_ptr<Buffer>> paused, got;
      for (auto* const links : {&paused, &got}) {
        for (std::size_t i = 0; i <= kLinks; ++i) {
          links->push_back(std::make_unique<Buffer>(2 * n));
          MUST(cudaMemset(links->back()->bytes(), 0x55, 2 * n));
        }
        fill_floats_kernel<<<1024, 256>>>(reinterpret_cast<__half*>(links->front()->bytes()), n, seed,
                                          p.input_scale);
        MUST(cudaDeviceSynchronize());
        for (std::size_t i = 0; i < kLinks; ++i) {
          const qg_float_tensors t{(*links)[i]->bytes(), (*links)[i + 1]->bytes(), 0, 0, QG_FLOAT16};
          MUST_GOLDEN(qg_plan_run_floats(plan, 1, length, &t, nullptr));
          if (links == &paused) MUST(cudaDeviceSynchronize());
        }
      }
      const std::int8_t* const last = got.back()->bytes();
      note("chain of floats", describe(p), 2 * n, count_different(paused.back()->bytes(), last, 2 * n));
      note("chain of floats that died away", describe(p), 1,
           count_different(last, last + 2, 2 * n - 2) < n / 8);
      qg_plan_destroy(plan);
    }
}

// Long enough for the kernels of long runs: several 512-byte rounds or many rows a warp.
void check_long(bool small, std::uint64_t seed) {
  for (int variant = 0; variant < 3; ++variant)
    for (int layout = 0; layout < 2; ++layout)
      for (const std::int64_t length : {4096, 4095}) {
        if (small && variant == 1) continue;
        qg_params p = layer_params();
        p.dataflow = variant == 0 ? QG_TWO_STEP : QG_FUSED;
        p.order = variant == 2 ? QG_CHANNELLAST : QG_SEQLAST;
        p.layout = layout;
        p.channels = 8256;
        p.length = length;
        const Layer layer(p.channels, p.taps, seed + 21, Fill::kUniform);
        qg_plan* plan = nullptr;
        MUST_GOLDEN(qg_plan_create(&p, layer.weight.bytes(), layer.bias.bytes(), &plan));
        for (const std::size_t offset : {0, 4}) {
          if (small && offset != 0) continue;
          compare_run(plan, p, layer, true, offset == 0, offset, offset, seed + 22 + offset, Fill::kUniform);
        }
        qg_plan_destroy(plan);
      }
}

// Plans in a row, each on what the one before it has just written: a kernel may begin before the one in front
// of it has ended, but must not read before.
void check_chain(std::uint64_t seed, int group_count) {
  for (int layout = 0; layout < 2; ++layout)
    for (int order = 0; order < 2; ++order)
      for (const std::int64_t length : {1, 300, 2048, 4095}) {
        qg_params p = layer_params();
        p.dataflow = QG_FUSED;
        p.layout = layout;
        p.order = order;
        p.batch = 1;
        p.channels = 2048;
        p.length = length;
        const std::size_t n = static_cast<std::size_t>(p.channels * p.length);
        const Layer layer(p.channels, p.taps, seed + 5, Fill::kUniform);
        const GroupedLayer groups = grouped_layer(p, group_count, Arrangement::kStrided, 0.5, seed);
        qg_plan* const plan = plan_of(groups, layer, true);
        constexpr int kLinks = 12;
        std::vector<std::unique_ptr<Buffer>> expected, got;
        for (int i = 0; i <= kLinks; ++i) {
          expected.push_back(std::make_unique<Buffer>(n));
          got.push_back(std::make_unique<Buffer>(n));
          MUST(cudaMemset(got.back()->bytes(), 0x55, n));
        }
        fill(expected[0]->bytes(), n, seed + 6, Fill::kUniform);
        MUST(cudaMemcpy(got[0]->bytes(), expected[0]->bytes(), n, cudaMemcpyDeviceToDevice));
        qg_tensors t{};
        t.weight = layer.weight.bytes();
        t.bias = layer.bias.bytes();
        for (int i = 0; i < kLinks; ++i) {
          t.input = expected[static_cast<std::size_t>(i)]->bytes();
          t.conv1d_output_int8 = expected[static_cast<std::size_t>(i) + 1]->bytes();
          run_reference(p, &groups, t);
        }
        MUST(cudaDeviceSynchronize());
        for (int i = 0; i < kLinks; ++i) {
          t.input = got[static_cast<std::size_t>(i)]->bytes();
          t.conv1d_output_int8 = got[static_cast<std::size_t>(i) + 1]->bytes();
          int32_t used = 0;
          MUST_GOLDEN(qg_plan_run(plan, 1, length, &t, nullptr, &used));
          ++runs_by_kernel[used];
        }
        note("chain", describe(p) + " G=" + std::to_string(group_count), n,
             count_different(expected.back()->bytes(), got.back()->bytes(), n));
        qg_plan_destroy(plan);
      }
}

void check_large(std::uint64_t seed, bool only_groups) {
  for (int i = 0; i < (only_groups ? 2 : 4); ++i) {
    const int layout = i % 2;
    qg_params p = layer_params();
    p.layout = layout;
    if (i >= 2) {
      p.dataflow = QG_FUSED;
      p.order = i == 2 ? QG_CHANNELLAST : QG_UPDATE;
      p.math = QG_FAST;
      p.rounding = QG_HALF_AWAY;
    }
    p.channels = 8192;
    p.length = layout == QG_BCL ? 262147 : 262145;  // just over 2^31 elements
    const Layer layer(p.channels, p.taps, seed, Fill::kUniform);
    const GroupedLayer groups = grouped_layer(p, i < 2 ? 3 : 1, Arrangement::kHeads, 0.5, seed);
    qg_plan* const plan = plan_of(groups, layer, true);
    compare_run(plan, p, layer, true, true, 0, 0, seed + 9, Fill::kUniform, &groups);
    qg_plan_destroy(plan);
  }
}

void expect(qg_status got, qg_status wanted, const char* word, const char* what) {
  ++compared;
  if (got == wanted && (wanted == QG_OK || std::strstr(qg_last_error(), word) != nullptr)) return;
  ++differing;
  std::printf("DIFFERS refusal of %s: %s: %s\n", what, qg_status_name(got),
              got == QG_OK ? "" : qg_last_error());
}

// ---- layers whose channels carry different scales

// Every tensor that a layer may have, on the host.
struct HostTensors {
  std::vector<std::int8_t> input, weight, bias, state_in, state_out, output, q;
  std::vector<std::int16_t> q16;
  std::vector<float> ssm, raw, simulated, silu;

  explicit HostTensors(const qg_params& p) {
    const std::size_t n = static_cast<std::size_t>(p.batch * p.channels * p.length);
    const std::size_t channels = static_cast<std::size_t>(p.channels),
                      taps = static_cast<std::size_t>(p.taps);
    input.resize(n);
    weight.resize(channels * taps);
    bias.resize(channels);
    state_in.resize(static_cast<std::size_t>(p.batch) * channels * taps);
    state_out.resize(state_in.size());
    output.resize(n);
    ssm.resize(n), raw.resize(n), silu.resize(n);
    q.resize(n), q16.resize(n), simulated.resize(n);
  }
  void fill(std::uint64_t seed) {
    std::uint64_t i = 0;
    for (auto* tensor : {&input, &weight, &bias, &state_in})
      for (std::int8_t& value : *tensor) value = static_cast<std::int8_t>(mix(seed, i++));
  }
  qg_tensors tensors(const qg_params& p) {
    qg_tensors t{};
    t.input = input.data(), t.weight = weight.data(), t.bias = bias.data();
    t.state_in = state_in.data(), t.state_out = state_out.data();
    t.conv1d_output_int8 = output.data(), t.conv1d_raw = raw.data(), t.silu_raw = silu.data();
    if (p.output_mode != QG_BASELINE) t.ssm_input = ssm.data();
    if (p.dataflow == QG_TWO_STEP) {
      t.conv1d_q16 = q16.data(), t.conv1d_int8simulated = simulated.data();
      if (p.conv_bits <= 8) t.conv1d_q = q.data();
    }
    return t;
  }
};

// Copies the channels of a group between the whole and the group alone; axes as p has them.
template <typename T>
void copy_channels(std::vector<T>& whole, std::vector<T>& part, const std::vector<std::size_t>& channels,
                   std::size_t outer, std::size_t all, std::size_t inner, bool to_part) {
  for (std::size_t o = 0; o < outer; ++o)
    for (std::size_t i = 0; i < channels.size(); ++i)
      for (std::size_t k = 0; k < inner; ++k) {
        T& a = whole[(o * all + channels[i]) * inner + k];
        T& b = part[(o * channels.size() + i) * inner + k];
        if (to_part)
          b = a;
        else
          a = b;
      }
}

// One launch for all groups against a launch for each.
void compare_groups(const std::vector<qg_params>& groups, const std::vector<std::uint16_t>& channel_group,
                    std::uint64_t seed) {
  const qg_params& p = groups[0];
  HostTensors whole(p), expected(p);
  whole.fill(seed);
  expected = whole;
  const qg_tensors t = whole.tensors(p);
  MUST_GOLDEN(
      qg_run_groups_host(groups.data(), static_cast<int32_t>(groups.size()), channel_group.data(), &t));
  const bool bcl = p.layout == QG_BCL;
  const std::size_t batch = static_cast<std::size_t>(p.batch), all = static_cast<std::size_t>(p.channels),
                    length = static_cast<std::size_t>(p.length), taps = static_cast<std::size_t>(p.taps);
  const std::size_t outer = bcl ? batch : batch * length, inner = bcl ? length : 1;
  for (std::size_t g = 0; g < groups.size(); ++g) {
    std::vector<std::size_t> channels;
    for (std::size_t c = 0; c < channel_group.size(); ++c)
      if (channel_group[c] == g) channels.push_back(c);
    qg_params own = groups[g];
    own.batch = p.batch, own.length = p.length;
    own.channels = static_cast<std::int64_t>(channels.size());
    HostTensors part(own);
    copy_channels(expected.input, part.input, channels, outer, all, inner, true);
    copy_channels(expected.weight, part.weight, channels, 1, all, taps, true);
    copy_channels(expected.bias, part.bias, channels, 1, all, 1, true);
    copy_channels(expected.state_in, part.state_in, channels, batch, all, taps, true);
    const qg_tensors alone = part.tensors(own);
    MUST_GOLDEN(qg_run_host(&own, &alone));
    copy_channels(expected.state_out, part.state_out, channels, batch, all, taps, false);
    copy_channels(expected.output, part.output, channels, outer, all, inner, false);
    copy_channels(expected.q, part.q, channels, outer, all, inner, false);
    copy_channels(expected.q16, part.q16, channels, outer, all, inner, false);
    copy_channels(expected.ssm, part.ssm, channels, outer, all, inner, false);
    copy_channels(expected.raw, part.raw, channels, outer, all, inner, false);
    copy_channels(expected.simulated, part.simulated, channels, outer, all, inner, false);
    copy_channels(expected.silu, part.silu, channels, outer, all, inner, false);
  }
  if (plant_fault) {
    whole.output[whole.output.size() / 3] ^= 1;
    plant_fault = false;
  }
  const auto check = [&](const char* name, const auto& have, const auto& want) {
    unsigned long long bad = 0;
    for (std::size_t i = 0; i < want.size(); ++i) bad += std::memcmp(&have[i], &want[i], sizeof want[i]) != 0;
    note(name, describe(p) + " in " + std::to_string(groups.size()) + " groups", want.size(), bad);
  };
  check("state_out", whole.state_out, expected.state_out);
  check("conv1d_output_int8", whole.output, expected.output);
  check("conv1d_raw", whole.raw, expected.raw);
  check("silu_raw", whole.silu, expected.silu);
  if (p.output_mode != QG_BASELINE) check("ssm_input", whole.ssm, expected.ssm);
  if (p.dataflow == QG_FUSED) return;
  check("conv1d_q", whole.q, expected.q);
  check("conv1d_q16", whole.q16, expected.q16);
  check("conv1d_int8simulated", whole.simulated, expected.simulated);
}

void check_groups(std::uint64_t seed) {
  int number = 0;
  for (const int count : {1, 3, 18, 144})
    for (const int layout : {QG_BCL, QG_BLC})
      for (const int dataflow : {QG_TWO_STEP, QG_FUSED})
        for (const int order : {QG_SEQLAST, QG_CHANNELLAST, QG_UPDATE})
          for (const int math : {QG_PRECISE, QG_FAST}) {
            const std::uint64_t own = seed + 1000 + static_cast<std::uint64_t>(number++);
            qg_params base = layer_params();
            base.batch = 2, base.channels = 300, base.length = 37;
            base.taps = 2 + number % 3;
            base.layout = layout, base.dataflow = dataflow, base.order = order, base.math = math;
            base.rounding = number % 2 == 0 ? QG_HALF_EVEN : QG_HALF_AWAY;
            base.output_mode = number % 4;
            base.activation = number % 5 == 0 ? QG_IDENTITY : QG_SILU;
            const GroupedLayer layer = grouped_layer(base, count, Arrangement::kMixed, 2.0, own);
            compare_groups(layer.groups, layer.of_channel, own + 2);
          }
}

// Plans of several groups against the reference kernel. The scales are near those of a real layer, so that
// most have a line.
void check_group_plans(bool small, std::uint64_t seed) {
  const std::vector<std::int64_t> lengths =
      small ? std::vector<std::int64_t>{1, 16, 37}
            : std::vector<std::int64_t>{1, 3, 15, 16, 17, 64, 100, 257, 1000};
  int plans = 0, exact_only = 0, number = 0;
  for (const int count : {1, 3, 18, 144})
    for (const int layout : {QG_BCL, QG_BLC})
      for (const int dataflow : {QG_TWO_STEP, QG_FUSED})
        for (const int order : {QG_SEQLAST, QG_CHANNELLAST, QG_UPDATE})
          for (const int math : {QG_PRECISE, QG_FAST}) {
            const std::uint64_t tag = seed + 3000 + 1000 * static_cast<std::uint64_t>(number++);
            if (count == 144 && (small || mix(tag, 0) % 3 != 0)) continue;
            qg_params p = layer_params();
            p.layout = layout, p.dataflow = dataflow, p.order = order, p.math = math;
            p.rounding = number % 2 == 0 ? QG_HALF_EVEN : QG_HALF_AWAY;
            p.activation = mix(tag, 1) % 8 == 0 ? QG_IDENTITY : QG_SILU;
            p.taps = 2 + static_cast<int>(mix(tag, 2) % 3);
            const std::int64_t channel_choices[] = {20, 150, 300, 516, 1280};
            p.channels = channel_choices[mix(tag, 3) % (small ? 2 : 5)];
            const bool bias = mix(tag, 4) % 4 != 0;
            const Layer layer(p.channels, p.taps, tag, mix(tag, 5) % 3 ? Fill::kUniform : Fill::kExtreme);
            const GroupedLayer groups =
                grouped_layer(p, count, static_cast<Arrangement>(mix(tag, 6) % 3), 0.5, tag);
            qg_plan* const plan = plan_of(groups, layer, bias);
            qg_plan_description d;
            MUST_GOLDEN(qg_plan_describe(plan, &d));
            ++plans, exact_only += d.exact_only;
            std::uint64_t run = 10;
            for (const std::int64_t length : lengths) {
              p.length = length;
              p.batch = 1 + static_cast<std::int64_t>(mix(tag, run) % 3);
              std::size_t offset = mix(tag, run + 3) % 3 == 0 ? mix(tag, run + 4) % 16 : 0;
              compare_run(plan, p, layer, bias, mix(tag, run + 1) % 2, offset, offset, tag + run,
                          mix(tag, run + 2) % 2 ? Fill::kUniform : Fill::kBell, &groups);
              run += 10;
            }
            qg_plan_destroy(plan);
          }
  // several rounds a warp, many rows, many passes; tables that fill a multiprocessor's memory
  const std::vector<std::pair<int, Arrangement>> layers = {{3, Arrangement::kHeads},
                                                           {18, Arrangement::kStrided},
                                                           {144, Arrangement::kHeads},
                                                           {144, Arrangement::kStrided}};
  for (const auto& [count, how] : layers)
    for (int variant = 0; variant < 3; ++variant)
      for (int layout = 0; layout < 2; ++layout) {
        if (count == 144 && variant == 0) continue;  // creating so many lines takes seconds
        if (small && (count != 18 || variant == 1)) continue;
        qg_params p = layer_params();
        p.dataflow = variant == 0 ? QG_TWO_STEP : QG_FUSED;
        p.order = variant == 2 ? QG_CHANNELLAST : QG_SEQLAST;
        p.layout = layout;
        p.channels = 8256;
        const Layer layer(p.channels, p.taps, seed + 21, Fill::kUniform);
        const GroupedLayer groups = grouped_layer(p, count, how, 0.5, seed + 31);
        qg_plan* const plan = plan_of(groups, layer, true);
        // at 1030 the blocks of [B,L,C] would need a second wave on 132 multiprocessors
        for (const std::int64_t length : {4096, 4095, 1030, 130}) {
          if (small && length == 4095) continue;
          p.length = length;
          p.batch = length == 130 ? 20 : 1;
          const std::size_t offset = length == 4095 ? 4 : 0;
          compare_run(plan, p, layer, true, length == 4096, offset, offset, seed + 22, Fill::kUniform,
                      &groups);
        }
        qg_plan_destroy(plan);
      }
  std::printf(
      "groups: %d plans, %d exact only; runs of several groups: %llu fast, %llu decode, %llu reference\n",
      plans, exact_only, group_runs_by_kernel[1], group_runs_by_kernel[2], group_runs_by_kernel[0]);
}

void check_group_refusals() {
  HostTensors some([] {
    qg_params p = layer_params();
    p.batch = 1, p.channels = 4, p.length = 8;
    return p;
  }());
  qg_params base = layer_params();
  base.batch = 1, base.channels = 4, base.length = 8;
  const std::vector<std::uint16_t> mine{0, 1, 1, 0};
  const auto run = [&](std::vector<qg_params> groups, const std::uint16_t* of_channels, int32_t count) {
    const qg_tensors t = some.tensors(base);
    return qg_run_groups_host(groups.data(), count, of_channels, &t);
  };
  const std::vector<qg_params> good{base, base};
  expect(run(good, mine.data(), 2), QG_OK, "", "two groups");
  expect(run(good, mine.data(), 0), QG_INVALID_ARGUMENT, "group_count is 0", "no groups");
  expect(run(good, mine.data(), 65537), QG_INVALID_ARGUMENT, "group_count is 65537", "too many groups");
  expect(run(good, mine.data(), 1), QG_INVALID_ARGUMENT, "channel_group[1] is 1; expected 0 to 0",
         "a group out of range");
  expect(run(good, nullptr, 2), QG_INVALID_ARGUMENT, "channel_group is NULL", "no channel_group");
  std::vector<qg_params> bad = good;
  bad[1].taps = 3,
  expect(run(bad, mine.data(), 2), QG_INVALID_ARGUMENT, "groups[1]: taps is 3", "other taps");
  bad = good, bad[1].input_scale = NAN,
  expect(run(bad, mine.data(), 2), QG_INVALID_ARGUMENT, "groups[1]: input_scale", "a NaN scale of a group");
  bad = good, bad[1].rounding = QG_HALF_AWAY,
  expect(run(bad, mine.data(), 2), QG_INVALID_ARGUMENT, "groups[1]: rounding", "another rounding");
  bad = good, bad[0].activation = 2,
  expect(run(bad, mine.data(), 2), QG_INVALID_ARGUMENT, "activation is 2", "activation 2");

  const Layer layer(base.channels, base.taps, 1, Fill::kUniform);
  const auto plan = [&](const qg_params* groups, const std::uint16_t* of_channels, int32_t count,
                        const std::int8_t* weight) {
    qg_plan* made = nullptr;
    const qg_status status =
        qg_plan_create_groups(groups, count, of_channels, weight, layer.bias.bytes(), &made);
    if (made != nullptr) expect(qg_plan_set_copies(made, 0), QG_OK, "", "the default of copies");
    qg_plan_destroy(made);
    return status;
  };
  std::vector<qg_params> other = good;
  other[1].output_scale *= 1.25f;
  expect(plan(other.data(), mine.data(), 2, layer.weight.bytes()), QG_OK, "", "a plan of two groups");
  expect(plan(other.data(), mine.data(), 2, nullptr), QG_INVALID_ARGUMENT, "weight",
         "a plan without weights");
  expect(plan(nullptr, mine.data(), 2, layer.weight.bytes()), QG_INVALID_ARGUMENT, "groups is NULL",
         "a plan without groups");
  expect(plan(other.data(), nullptr, 2, layer.weight.bytes()), QG_INVALID_ARGUMENT, "channel_group is NULL",
         "a plan without channel_group");
  expect(plan(other.data(), mine.data(), 1, layer.weight.bytes()), QG_INVALID_ARGUMENT,
         "channel_group[1] is 1; expected 0 to 0", "a plan with a group out of range");
  other[1].order = QG_UPDATE, expect(plan(other.data(), mine.data(), 2, layer.weight.bytes()),
                                     QG_INVALID_ARGUMENT, "groups[1]: order is 2", "a plan of two orders");
  other = good, other[1].output_scale *= 1.25f;
  qg_plan* made = nullptr;
  MUST_GOLDEN(
      qg_plan_create_groups(other.data(), 2, mine.data(), layer.weight.bytes(), layer.bias.bytes(), &made));
  expect(qg_plan_set_copies(made, 8), QG_UNSUPPORTED, "several groups", "copies of a plan of two groups");
  qg_plan_destroy(made);
}

void check_refusals() {
  Buffer some(4096);
  MUST(cudaMemset(some.bytes(), 1, some.size()));
  qg_tensors good{};
  good.input = good.weight = good.bias = some.bytes();
  good.conv1d_output_int8 = some.bytes() + 2048;
  const qg_params base = layer_params();
  const auto run = [&](qg_params p, qg_tensors t) { return qg_run_device(&p, &t, nullptr); };
  qg_params p = base;
  expect(run(p, good), QG_OK, "", "a good call");
  p = base, p.length = 0, expect(run(p, good), QG_INVALID_ARGUMENT, "length is 0", "length 0");
  p = base, p.batch = -1, expect(run(p, good), QG_INVALID_ARGUMENT, "batch is -1", "batch -1");
  p = base, p.channels = 0, expect(run(p, good), QG_INVALID_ARGUMENT, "channels is 0", "channels 0");
  p = base, p.taps = 5, expect(run(p, good), QG_INVALID_ARGUMENT, "taps is 5", "taps 5");
  p = base, p.conv_bits = 13, expect(run(p, good), QG_INVALID_ARGUMENT, "conv_bits", "conv_bits 13");
  p = base, p.input_scale = NAN, expect(run(p, good), QG_INVALID_ARGUMENT, "input_scale", "a NaN scale");
  p = base, p.output_scale = 0, expect(run(p, good), QG_INVALID_ARGUMENT, "output_scale", "a zero scale");
  p = base, p.bias_scale = 1e-40f,
  expect(run(p, good), QG_INVALID_ARGUMENT, "bias_scale", "a denormal scale");
  p = base, p.input_scale = 1e30f, p.weight_scale = 1e8f,
  expect(run(p, good), QG_INVALID_ARGUMENT, "range of fp32", "overflowing scales");
  p = base, p.order = 3, expect(run(p, good), QG_INVALID_ARGUMENT, "order is 3", "order 3");
  p = base, p.batch = p.channels = p.length = std::int64_t{1} << 21,
  expect(run(p, good), QG_INVALID_ARGUMENT, "63 bits", "2^63 elements");
  qg_tensors t = good;
  t.input = nullptr, expect(run(base, t), QG_INVALID_ARGUMENT, "input is NULL", "no input");
  t = good, t.conv1d_output_int8 = nullptr,
  expect(run(base, t), QG_INVALID_ARGUMENT, "every output", "no output");
  t = good, t.conv1d_raw = reinterpret_cast<float*>(some.bytes() + 1),
  expect(run(base, t), QG_INVALID_ARGUMENT, "conv1d_raw", "misaligned fp32");
  t = good, t.conv1d_q = some.bytes(), p = base, p.dataflow = QG_FUSED,
  expect(run(p, t), QG_UNSUPPORTED, "fused", "q of fused");
  p = base, p.conv_bits = 12, expect(run(p, t), QG_UNSUPPORTED, "conv1d_q16", "int8 q of 12 bits");
  t = good, t.ssm_input = reinterpret_cast<float*>(some.bytes()),
  expect(run(base, t), QG_UNSUPPORTED, "baseline", "ssm_input of baseline");
}

void check_float_refusals() {
  qg_params p = layer_params();
  p.channels = 8;
  p.layout = QG_BLC;
  const Layer layer(p.channels, p.taps, 1, Fill::kUniform);
  Buffer in(4096), out(4096);
  MUST(cudaMemset(in.bytes(), 0, in.size()));
  const auto plan_for = [&](const qg_params& params) {
    qg_plan* made = nullptr;
    MUST_GOLDEN(qg_plan_create(&params, layer.weight.bytes(), layer.bias.bytes(), &made));
    return made;
  };
  qg_plan* const plan = plan_for(p);
  const qg_float_tensors good{in.bytes(), out.bytes(), 0, 0, QG_FLOAT16};
  const auto run = [&](qg_float_tensors t, std::int64_t length = 4) {
    return qg_plan_run_floats(plan, 1, length, &t, nullptr);
  };
  expect(run(good), QG_OK, "", "floats");
  qg_float_tensors t = good;
  expect(run(good, 0), QG_INVALID_ARGUMENT, "length is 0", "floats of length 0");
  expect(qg_plan_run_floats(nullptr, 1, 4, &good, nullptr), QG_INVALID_ARGUMENT, "NULL",
         "floats without a plan");
  expect(qg_plan_run_floats(plan, 1, 4, nullptr, nullptr), QG_INVALID_ARGUMENT, "NULL",
         "floats without tensors");
  t.input = nullptr, expect(run(t), QG_INVALID_ARGUMENT, "input is NULL", "floats without an input");
  t = good, t.output = nullptr,
  expect(run(t), QG_INVALID_ARGUMENT, "output is NULL", "floats without an output");
  t = good, t.type = 3, expect(run(t), QG_INVALID_ARGUMENT, "type is 3", "floats of type 3");
  t = good, t.token_stride = -8,
  expect(run(t), QG_INVALID_ARGUMENT, "token_stride is -8", "a negative stride");
  t = good, t.token_stride = std::int64_t{1} << 60,
  expect(run(t), QG_INVALID_ARGUMENT, "63 bits", "a stride beyond 63 bits");
  t = good, t.token_stride = std::int64_t{1} << 31,
  expect(run(t), QG_UNSUPPORTED, "2^31 bytes", "tokens far apart");
  t = good, t.batch_stride = 42, expect(run(t), QG_UNSUPPORTED, "batch_stride is 42", "a stride of 42");
  expect(run(good, std::int64_t{1} << 31), QG_UNSUPPORTED, "above 2^30", "floats of 2^31 tokens");
  t = good, t.token_stride = 10, expect(run(t), QG_UNSUPPORTED, "token_stride is 10", "a stride of 10");
  t = good, t.input = in.bytes() + 4,
  expect(run(t), QG_UNSUPPORTED, "input is not aligned", "a misaligned input");
  t = good, t.type = QG_FLOAT32, t.output = out.bytes() + 8,
  expect(run(t), QG_UNSUPPORTED, "output is not aligned to four elements, 16", "a misaligned fp32 output");
  qg_plan_destroy(plan);
  const auto refused = [&](const qg_params& params, const char* part, const char* what) {
    qg_plan* const other = plan_for(params);
    expect(qg_plan_run_floats(other, 1, 4, &good, nullptr), QG_UNSUPPORTED, part, what);
    qg_plan_destroy(other);
  };
  qg_params other = p;
  other.layout = QG_BCL, refused(other, "layout is QG_BCL", "floats of [B,C,L]");
  other = p, other.output_mode = QG_FP32, refused(other, "output_mode is 3", "floats of mode fp32");
  other = p, other.conv_bits = 12, refused(other, "exact_only", "floats of a plan without a fast kernel");
  other = p, other.input_scale = 0x1p70f, other.weight_scale = 0x1p-81f,
  refused(other, "input_scale is beyond", "floats at an input_scale of 2^70");
  other = p, other.channels = 6, refused(other, "channels is 6", "floats of six channels");
  const GroupedLayer groups = grouped_layer(p, 2, Arrangement::kStrided, 0.5, 7);
  qg_plan* const grouped = plan_of(groups, layer, true);
  expect(qg_plan_run_floats(grouped, 1, 4, &good, nullptr), QG_UNSUPPORTED, "several groups",
         "floats of two groups");
  qg_plan_destroy(grouped);
}

}  // namespace

int main(int argc, char** argv) {
  bool small = false;
  std::string only;  // groups or floats; empty: everything
  std::uint64_t seed = 20260101;
  for (int i = 1; i < argc; ++i) {
    if (std::strcmp(argv[i], "--small") == 0)
      small = true;
    else if ((std::strcmp(argv[i], "--groups") == 0 || std::strcmp(argv[i], "--floats") == 0) && only.empty())
      only = argv[i] + 2;
    else if (std::strcmp(argv[i], "--plant-fault") == 0)
      plant_fault = true;
    else if (std::strcmp(argv[i], "--seed") == 0 && i + 1 < argc)
      seed = std::strtoull(argv[++i], nullptr, 10);
    else {
      std::fprintf(stderr, "golden_check [--small] [--groups | --floats] [--seed N] [--plant-fault]\n");
      return 2;
    }
  }
  const bool all = only.empty(), groups = all || only == "groups", floats = all || only == "floats";
  if (groups) {
    check_refusals();
    check_group_refusals();
    check_groups(seed);
    check_group_plans(small, seed);
  }
  if (all) {
    check_shapes(small, seed);
    check_scales(small, seed);
    check_modes(seed);
    check_decode(seed);
    check_long(small, seed);
  }
  if (floats) {
    check_float_refusals();
    check_floats(small, seed);
    check_float_chain(seed);
  }
  if (groups && !small) {
    if (all) check_chain(seed, 1);
    check_chain(seed, 3);
    check_large(seed, !all);
  }
  MUST(cudaDeviceSynchronize());
  std::printf(
      "seed %llu: %llu values compared, %llu differ; plan runs: %llu fast, %llu decode, %llu reference\n",
      static_cast<unsigned long long>(seed), compared, differing, runs_by_kernel[1], runs_by_kernel[2],
      runs_by_kernel[0]);
  const auto without = [](const unsigned long long(&runs)[3]) { return runs[1] == 0 || runs[2] == 0; };
  return differing != 0 || compared == 0 ||
         (groups && (without(runs_by_kernel) || without(group_runs_by_kernel))) ||
         (floats && float_runs == 0);
}
