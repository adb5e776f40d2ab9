// Plans: the host side of the fast kernels. Finds the steps of the output, draws the line, has it checked,
// launches.
#include <cuda_runtime.h>

#include <algorithm>
#include <cmath>
#include <memory>
#include <new>
#include <string>
#include <vector>

#include "host/host.hpp"
#include "fast/lattice_fit.hpp"

struct qg_plan {
  qg_params params{};
  int device = 0;
  qg::DeviceLimits limits;
  int forced_copies = 0;
  qg_plan_description description{};
  qg::DeviceMemory weight, bias, packed;
  qg::DeviceMemory entries, lattice;  // absent where no line fits; lattice: LatticeChannels or LatticeColumns
  bool has_bias = false;
  bool doubts = false;  // the line is only near y
  bool stepped = false;
  std::int32_t slope = 0;
};

namespace qg {
namespace {

constexpr unsigned long long kStepCapacity = 1 << 20;
constexpr double kDoubtMax = 1024;  // of kTapGrid: a sixteenth of every bin with a step would be doubted
constexpr int kCopies = 4;  // of the table: more would save bank conflicts, fewer the filling (measured)

FastDivide divide_by(std::int64_t divisor) {
  FastDivide d{static_cast<std::uint32_t>(divisor), 0, 0};
  std::uint32_t log2 = 0;
  while ((std::int64_t{1} << log2) < divisor) ++log2;
  d.magic =
      static_cast<std::uint32_t>((std::uint64_t{1} << (31 + log2)) / static_cast<std::uint64_t>(divisor) + 1);
  d.shift = log2;
  return d;
}

// A layer's weights and biases on the host.
struct HostLayer {
  std::size_t channels, taps;
  std::vector<std::int8_t> weight;  // [C,K]
  std::vector<std::int8_t> bias;    // [C]; zeros without a bias

  // A channel's weights as kernels read them.
  std::uint32_t packed_weights(std::size_t c) const {
    std::uint32_t word = 0;
    for (std::size_t k = 0; k < taps; ++k) {
      word |= static_cast<std::uint32_t>(static_cast<std::uint8_t>(weight[c * taps + k]))
              << (8 * (static_cast<std::size_t>(kTapsMax) - taps + k));
    }
    return word;
  }
};

qg_status download_layer(const qg_plan& plan, HostLayer& layer) {
  layer.channels = static_cast<std::size_t>(plan.params.channels);
  layer.taps = static_cast<std::size_t>(plan.params.taps);
  layer.weight.resize(layer.channels * layer.taps);
  layer.bias.resize(layer.channels);
  QG_CHECK_CUDA(
      cudaMemcpy(layer.weight.data(), plan.weight.as<void>(), layer.weight.size(), cudaMemcpyDeviceToHost));
  if (plan.has_bias) {
    QG_CHECK_CUDA(
        cudaMemcpy(layer.bias.data(), plan.bias.as<void>(), layer.bias.size(), cudaMemcpyDeviceToHost));
  }
  return QG_OK;
}

// What the decode kernels read.
qg_status pack(qg_plan& plan, const HostLayer& layer) {
  std::vector<PackedChannel> packed(layer.channels);
  for (std::size_t c = 0; c < layer.channels; ++c)
    packed[c] = {layer.packed_weights(c), static_cast<float>(layer.bias[c])};
  return plan.packed.upload(packed.data(), packed.size() * sizeof(PackedChannel));
}

LatticeLine line_of(const Arithmetic& a, bool rounded_bias) {
  LatticeLine line{};
  line.s_wx = static_cast<double>(a.weight_scale * a.input_scale);
  for (int b = 0; b < kBiases; ++b) {
    const float value = static_cast<float>(b - 128);
    line.bias_y[static_cast<std::size_t>(b)] =
        rounded_bias ? static_cast<double>(a.bias_scale * value) : static_cast<double>(a.bias_scale) * value;
  }
  return line;
}

// Hands the fit to the device. `doubt` [channels], in units of the fraction, or empty.
qg_status adopt(qg_plan& plan, const HostLayer& layer, const LatticeFit& fit, const std::vector<int>& doubt) {
  std::vector<LatticeChannel> channels(layer.channels);
  for (std::size_t c = 0; c < layer.channels; ++c) {
    LatticeChannel& channel = channels[c];
    channel.offset = fit.offset[static_cast<std::size_t>(layer.bias[c] + 128)];
    channel.weights = layer.packed_weights(c);
    channel.bias = layer.bias[c];
    if (!doubt.empty()) {
      channel.doubt = static_cast<std::uint16_t>(2 * doubt[c]);
      channel.offset += static_cast<std::int64_t>(doubt[c]) << (32 - kTapFractionBits);
    }
  }
  QG_RETURN_IF(plan.entries.upload(fit.entries.data(), fit.entries.size() * sizeof(std::uint32_t)));
  if (plan.params.layout == QG_BCL) {
    QG_RETURN_IF(plan.lattice.upload(channels.data(), channels.size() * sizeof(LatticeChannel)));
  } else {
    constexpr std::size_t kGroup = kColumnGroup;
    std::vector<LatticeColumns> columns((layer.channels + kGroup - 1) / kGroup);
    for (std::size_t c = 0; c < layer.channels; ++c) {
      LatticeColumns& group = columns[c / kGroup];
      const std::size_t i = c % kGroup;
      group.weights[i] = channels[c].weights;
      group.offset[i % 4 / 2][i / 4][i % 2] = channels[c].offset;
      group.doubt_and_bias[i] = {channels[c].doubt, channels[c].bias};
    }
    QG_RETURN_IF(plan.lattice.upload(columns.data(), columns.size() * sizeof(LatticeColumns)));
  }
  plan.slope = fit.slope;
  plan.stepped = fit.stepped;
  plan.doubts = !doubt.empty();
  plan.description.bins = static_cast<std::int32_t>(fit.entries.size());
  plan.description.copies = kCopies;
  return QG_OK;
}

// Whether line and table are right at every accumulator in the ranges.
qg_status check_fit(const Backend& kernels, const Arithmetic& a, const LatticeFit& fit,
                    const AccRanges& ranges, bool& right) {
  DeviceMemory entries, offsets, device_ranges, wrong;
  QG_RETURN_IF(entries.upload(fit.entries.data(), fit.entries.size() * sizeof(std::uint32_t)));
  QG_RETURN_IF(offsets.upload(fit.offset.data(), sizeof fit.offset));
  QG_RETURN_IF(device_ranges.upload(ranges.data(), sizeof ranges));
  QG_RETURN_IF(wrong.allocate(sizeof(unsigned long long)));
  QG_CHECK_CUDA(cudaMemset(wrong.as<void>(), 0, sizeof(unsigned long long)));
  QG_CHECK_CUDA(kernels.check_lattice(
      {a, entries.as<std::uint32_t>(), static_cast<std::int32_t>(fit.entries.size()), fit.slope, fit.stepped,
       offsets.as<std::int64_t>(), device_ranges.as<AccRange>(), wrong.as<unsigned long long>()},
      nullptr));
  unsigned long long wrong_here = 0;
  QG_RETURN_IF(wrong.download(&wrong_here));
  right = wrong_here == 0;
  return QG_OK;
}

// seqlast: a line and a table that are right at every point (acc, bias), when there are such. First for every
// accumulator of the layer's bias values, then for those that its weights can reach.
qg_status fit_lattice(qg_plan& plan, const HostLayer& layer, bool& fitted) {
  const Backend& kernels = backend(plan.params);
  const Arithmetic a = arithmetic_of(plan.params);
  DeviceMemory list, count;
  QG_RETURN_IF(list.allocate(kStepCapacity * sizeof(LatticeStep)));
  QG_RETURN_IF(count.allocate(sizeof(unsigned long long)));
  QG_CHECK_CUDA(cudaMemset(count.as<void>(), 0, sizeof(unsigned long long)));
  QG_CHECK_CUDA(kernels.lattice_steps(
      {a, list.as<LatticeStep>(), count.as<unsigned long long>(), kStepCapacity}, nullptr));
  unsigned long long found = 0;
  QG_RETURN_IF(count.download(&found));
  if (found > kStepCapacity) return QG_OK;
  std::vector<LatticeStep> steps(static_cast<std::size_t>(found));
  if (!steps.empty()) {
    QG_CHECK_CUDA(cudaMemcpy(steps.data(), list.as<void>(), steps.size() * sizeof(LatticeStep),
                             cudaMemcpyDeviceToHost));
  }
  const LatticeLine line = line_of(a, true);
  const int lowest_q = static_cast<int>(a.conv_lo);
  const AccRanges reachable = reachable_accs(layer.weight, layer.bias);
  for (const AccRanges& ranges : {all_accs(reachable, a.taps), reachable}) {
    const LatticeFit fit = a.dataflow == QG_TWO_STEP
                               ? fit_linear(line, static_cast<double>(a.conv_scale), lowest_q,
                                            static_cast<int>(a.conv_hi) - lowest_q + 1, steps, ranges)
                               : fit_stepped(line, steps, ranges);
    if (!fit.found) continue;
    QG_RETURN_IF(check_fit(kernels, a, fit, ranges, fitted));
    if (!fitted) continue;
    plan.description.tail_steps = static_cast<std::int64_t>(steps.size());
    for (const AccRange& range : ranges) plan.description.lattice_checked += range.size();
    return adopt(plan, layer, fit, {});
  }
  return QG_OK;
}

// Any order: a line near y, with doubt about its surroundings.
qg_status fit_near(qg_plan& plan, const HostLayer& layer, bool& fitted) {
  const Arithmetic a = arithmetic_of(plan.params);
  std::vector<TailStep> steps;
  bool overflow = false;
  QG_RETURN_IF(find_steps(backend(plan.params), a, steps, overflow));
  const KeyRange keys = keys_of_tail(a);
  plan.description.tail_steps = static_cast<std::int64_t>(steps.size());
  plan.description.values_checked = keys.last - keys.first + 1;
  if (overflow) return QG_OK;
  const std::size_t taps = static_cast<std::size_t>(a.taps);
  const std::vector<TailThreshold> thresholds = thresholds_of(steps);
  double farthest_step = 0;
  for (const TailThreshold& t : thresholds)
    farthest_step = std::max({farthest_step, std::abs(t.last_before), std::abs(t.first_after)});
  std::vector<double> farthest(static_cast<std::size_t>(plan.params.channels));
  for (std::size_t c = 0; c < farthest.size(); ++c)
    farthest[c] = farthest_y(a.weight_scale * a.input_scale, a.bias_scale, a.order == QG_UPDATE,
                             layer.weight.data() + c * taps, a.taps, layer.bias[c], farthest_step);
  const LatticeLine line = line_of(a, false);
  const AccRanges reachable = reachable_accs(layer.weight, layer.bias);
  const int lowest_q = static_cast<int>(a.conv_lo);
  const TapFit made = a.dataflow == QG_TWO_STEP
                          ? fit_taps_linear(line, static_cast<double>(a.conv_scale), lowest_q,
                                            static_cast<int>(a.conv_hi) - lowest_q + 1, reachable, thresholds)
                          : fit_taps_stepped(line, reachable, thresholds,
                                             *std::max_element(farthest.begin(), farthest.end()));
  if (!made.fit.found) return QG_OK;
  std::vector<int> doubt;
  for (const double y : farthest) {
    const double reach = doubt_of(made, y);
    if (reach > kDoubtMax) return QG_OK;
    doubt.push_back(static_cast<int>(reach));
  }
  fitted = true;
  plan.description.doubt_largest = 2.0 * *std::max_element(doubt.begin(), doubt.end()) / kTapGrid;
  return adopt(plan, layer, made.fit, doubt);
}

qg_status create(const qg_params& params, const int8_t* weight, const int8_t* bias,
                 std::unique_ptr<qg_plan>& plan) {
  plan = std::make_unique<qg_plan>();
  plan->params = params;
  plan->has_bias = bias != nullptr;
  QG_CHECK_CUDA(cudaGetDevice(&plan->device));
  int shared_per_sm = 0;
  int shared_per_block = 0;
  QG_CHECK_CUDA(
      cudaDeviceGetAttribute(&plan->limits.multiprocessors, cudaDevAttrMultiProcessorCount, plan->device));
  QG_CHECK_CUDA(
      cudaDeviceGetAttribute(&shared_per_sm, cudaDevAttrMaxSharedMemoryPerMultiprocessor, plan->device));
  QG_CHECK_CUDA(
      cudaDeviceGetAttribute(&shared_per_block, cudaDevAttrMaxSharedMemoryPerBlockOptin, plan->device));
  plan->limits.shared_per_sm = static_cast<std::size_t>(shared_per_sm);
  plan->limits.shared_per_block = static_cast<std::size_t>(shared_per_block);
  const std::size_t channels = static_cast<std::size_t>(params.channels);
  const std::size_t weights = channels * static_cast<std::size_t>(params.taps);
  QG_RETURN_IF(plan->weight.allocate(weights));
  QG_CHECK_CUDA(cudaMemcpy(plan->weight.as<void>(), weight, weights, cudaMemcpyDeviceToDevice));
  if (bias != nullptr) {
    QG_RETURN_IF(plan->bias.allocate(channels));
    QG_CHECK_CUDA(cudaMemcpy(plan->bias.as<void>(), bias, channels, cudaMemcpyDeviceToDevice));
  }
  HostLayer layer{};
  QG_RETURN_IF(download_layer(*plan, layer));
  QG_RETURN_IF(pack(*plan, layer));
  bool fitted = false;
  if (params.output_mode == QG_BASELINE) {
    if (params.order == QG_SEQLAST) QG_RETURN_IF(fit_lattice(*plan, layer, fitted));
    if (!fitted) QG_RETURN_IF(fit_near(*plan, layer, fitted));
  }
  plan->description.exact_only = fitted ? 0 : 1;
  QG_CHECK_CUDA(cudaDeviceSynchronize());
  return QG_OK;
}

// A kernel for chunks counts bytes in 31 bits; more is launched in pieces.
constexpr std::int64_t kPieceElements = std::int64_t{1} << 30;

// Whether a fast kernel takes this shape and alignment; else the reference kernel does.
bool fits_fast(const qg_params& params, const qg_tensors& t) {
  const auto misalignment = [](const void* p, std::uintptr_t to) {
    return reinterpret_cast<std::uintptr_t>(p) % to;
  };
  if (params.layout == QG_BCL) {
    return params.length >= 16 && params.length <= kPieceElements &&
           misalignment(t.input, 16) == misalignment(t.conv1d_output_int8, 16);
  }
  const std::int64_t groups = (params.channels + 127) / 128;
  return params.channels % 4 == 0 && misalignment(t.input, 4) == 0 &&
         misalignment(t.conv1d_output_int8, 4) == 0 && params.batch <= kPieceElements / groups &&
         params.length <= kPieceElements / (params.batch * groups);
}

// How a launch is cut into warps' items. The numbers are the best measured on an H100; docs/golden.md.
void cut(FastArgs& args, bool doubts, int multiprocessors) {
  const Shape& shape = args.shape;
  args.elements = shape.batch * shape.channels * shape.length;
  args.rows = shape.batch * shape.channels;
  if (shape.layout == QG_BCL) {
    const std::int64_t offset = static_cast<std::int64_t>(reinterpret_cast<std::uintptr_t>(args.input) % 16);
    const std::int64_t chunks = (args.elements + offset + 15) / 16;
    args.aligned = offset == 0 && shape.length % 16 == 0;
    args.rounds = chunks < (2 << 20) ? 1 : args.aligned ? kAlignedRounds : kRaggedRounds;
    args.items = static_cast<std::uint32_t>((chunks + 32 * args.rounds - 1) / (32 * args.rounds));
    args.length = divide_by(shape.length);
    args.channels = divide_by(shape.channels);
    return;
  }
  const std::int64_t groups = (shape.channels + 127) / 128;
  // one wave of warps, if that makes their items no longer than what a long run does best
  const std::int64_t warps = std::int64_t{32} * multiprocessors;
  const std::int64_t one_wave = (shape.batch * groups * shape.length + warps - 1) / warps;
  args.many_rows = one_wave > 24;
  const std::int64_t rows = !args.many_rows ? std::max<std::int64_t>(6, (one_wave + 1) / 2 * 2)
                            : doubts        ? 26
                                            : 18;
  args.time_block = static_cast<std::int32_t>(rows);
  const std::int64_t blocks = (shape.length + args.time_block - 1) / args.time_block;
  args.items = static_cast<std::uint32_t>(shape.batch * blocks * groups);
  args.groups = divide_by(groups);
  args.blocks = divide_by(blocks);
}

cudaError_t launch_fast(const qg_plan& plan, FastArgs args, std::int64_t first_channel, cudaStream_t stream) {
  cut(args, plan.doubts, plan.limits.multiprocessors);
  args.bins = plan.description.bins;
  args.copies = plan.forced_copies != 0 ? plan.forced_copies : plan.description.copies;
  args.entries = plan.entries.as<std::uint32_t>();
  if (args.shape.layout == QG_BCL) {
    args.lattice = plan.lattice.as<LatticeChannel>() + first_channel;
  } else {
    args.columns = plan.lattice.as<LatticeColumns>();
  }
  args.stepped = plan.stepped;
  args.slope = plan.slope;
  return plan.doubts ? backend(plan.params).tapwise(args, plan.limits, stream)
                     : launch_lattice(args, plan.limits, stream);
}

cudaError_t launch_fast_pieces(const qg_plan& plan, const Arithmetic& a, const Shape& shape,
                               const qg_tensors& tensors, cudaStream_t stream) {
  const std::int64_t rows = kPieceElements / shape.length;
  const bool pieces = shape.layout == QG_BCL && shape.batch > rows / shape.channels;
  const std::int64_t batch_step = pieces ? std::max<std::int64_t>(1, rows / shape.channels) : shape.batch;
  const std::int64_t channel_step = pieces ? std::min(shape.channels, rows) : shape.channels;
  for (std::int64_t b = 0; b < shape.batch; b += batch_step) {
    for (std::int64_t c = 0; c < shape.channels; c += channel_step) {
      const std::int64_t row = b * shape.channels + c;
      FastArgs args{};
      args.arithmetic = a;
      args.shape = {std::min(batch_step, shape.batch - b), std::min(channel_step, shape.channels - c),
                    shape.length, shape.layout};
      args.input = tensors.input + row * shape.length;
      args.output = tensors.conv1d_output_int8 + row * shape.length;
      args.state_in = tensors.state_in == nullptr ? nullptr : tensors.state_in + row * a.taps;
      if (const cudaError_t error = launch_fast(plan, args, c, stream); error != cudaSuccess) return error;
    }
  }
  return cudaSuccess;
}

qg_status run(const qg_plan& plan, std::int64_t batch, std::int64_t length, const qg_tensors& given,
              cudaStream_t stream, int32_t& used) {
  qg_params params = plan.params;
  params.batch = batch;
  params.length = length;
  qg_tensors tensors = given;
  tensors.weight = plan.weight.as<std::int8_t>();
  tensors.bias = plan.has_bias ? plan.bias.as<std::int8_t>() : nullptr;
  QG_RETURN_IF(report(check_shape(params)));
  QG_RETURN_IF(report(check_tensors(params, tensors)));
  if (tensors.ssm_input || tensors.conv1d_raw || tensors.conv1d_q || tensors.conv1d_q16 ||
      tensors.conv1d_int8simulated || tensors.silu_raw) {
    return fail(QG_UNSUPPORTED,
                "a plan hands out conv1d_output_int8 and state_out only; ask qg_run_device for the others");
  }
  int device = 0;
  QG_CHECK_CUDA(cudaGetDevice(&device));
  if (device != plan.device) {
    return fail(QG_INVALID_ARGUMENT, "the plan was made on device " + std::to_string(plan.device) +
                                         ", current is " + std::to_string(device));
  }
  const Backend& kernels = backend(params);
  const Arithmetic a = arithmetic_of(params);
  const Shape shape = shape_of(params);
  if (length == 1 && params.output_mode == QG_BASELINE &&
      batch <= (std::int64_t{1} << 30) / params.channels) {
    used = 2;
    const DecodeArgs decode{a,
                            static_cast<std::uint32_t>(batch * params.channels),
                            divide_by(params.channels),
                            plan.packed.as<PackedChannel>(),
                            tensors.input,
                            tensors.state_in,
                            tensors.state_out,
                            tensors.conv1d_output_int8};
    return cuda_status(kernels.decode(decode, stream), "the launch of the decode kernel");
  }
  if (plan.description.exact_only || tensors.conv1d_output_int8 == nullptr || !fits_fast(params, tensors)) {
    used = 0;
    return cuda_status(kernels.reference(a, {}, shape, tensors, stream), "the launch of the reference kernel");
  }
  used = 1;
  QG_RETURN_IF(
      cuda_status(launch_fast_pieces(plan, a, shape, tensors, stream), "the launch of the fast kernel"));
  return cuda_status(kernels.state(a, shape, tensors, stream), "the launch of the state kernel");
}

}  // namespace
}  // namespace qg

extern "C" {

qg_status qg_plan_create(const qg_params* params, const int8_t* weight, const int8_t* bias, qg_plan** plan) {
  if (params == nullptr || weight == nullptr || plan == nullptr) {
    return qg::fail(QG_INVALID_ARGUMENT, "params, weight and plan must not be NULL");
  }
  *plan = nullptr;
  qg_params checked = *params;
  checked.batch = checked.length = 1;
  QG_RETURN_IF(qg::report(qg::check_arithmetic(checked)));
  QG_RETURN_IF(qg::report(qg::check_shape(checked)));
  if (checked.channels > (int64_t{1} << 30)) return qg::fail(QG_UNSUPPORTED, "channels is above 2^30");
  try {
    std::unique_ptr<qg_plan> made;
    QG_RETURN_IF(qg::create(checked, weight, bias, made));
    *plan = made.release();
  } catch (const std::bad_alloc&) {
    return qg::fail(QG_OUT_OF_MEMORY, "the host has no memory for the plan");
  }
  return QG_OK;
}

qg_status qg_plan_describe(const qg_plan* plan, qg_plan_description* description) {
  if (plan == nullptr || description == nullptr)
    return qg::fail(QG_INVALID_ARGUMENT, "plan and description must not be NULL");
  *description = plan->description;
  return QG_OK;
}

qg_status qg_plan_set_copies(qg_plan* plan, int32_t copies) {
  if (plan == nullptr) return qg::fail(QG_INVALID_ARGUMENT, "plan is NULL");
  if (copies != 0 && copies != 4 && copies != 8 && copies != 16 && copies != 32) {
    return qg::fail(QG_INVALID_ARGUMENT,
                    "copies is " + std::to_string(copies) + "; expected 0, 4, 8, 16 or 32");
  }
  plan->forced_copies = copies;
  return QG_OK;
}

qg_status qg_plan_run(const qg_plan* plan, int64_t batch, int64_t length, const qg_tensors* tensors,
                      void* stream, int32_t* used) {
  if (plan == nullptr || tensors == nullptr)
    return qg::fail(QG_INVALID_ARGUMENT, "plan and tensors must not be NULL");
  int32_t kernel = 0;
  QG_RETURN_IF(qg::run(*plan, batch, length, *tensors, static_cast<cudaStream_t>(stream), kernel));
  if (used != nullptr) *used = kernel;
  return QG_OK;
}

void qg_plan_destroy(qg_plan* plan) {
  delete plan;
}

}  // extern "C"
