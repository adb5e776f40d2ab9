// The C interface: validate, choose the math mode, launch; every CUDA call checked. No kernel lives here.
#include <cuda_runtime.h>

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <string>
#include <vector>

#include "host/host.hpp"

#ifndef QG_FLAGS_PRECISE
#define QG_FLAGS_PRECISE "unknown"
#endif
#ifndef QG_FLAGS_FAST
#define QG_FLAGS_FAST "unknown"
#endif
#ifndef QG_FLAGS_COMMON
#define QG_FLAGS_COMMON "unknown"
#endif

namespace qg {
namespace {

// A device copy of one optional output: allocated when the host wants it, copied back at the end.
template <typename T>
qg_status mirror_output(T* host, std::size_t elements, DeviceMemory& memory, T*& device) {
  if (host == nullptr) return QG_OK;
  QG_RETURN_IF(memory.allocate(elements * sizeof(T)));
  device = memory.as<T>();
  return QG_OK;
}

template <typename T>
qg_status mirror_input(const T* host, std::size_t elements, DeviceMemory& memory, const T*& device) {
  if (host == nullptr) return QG_OK;
  QG_RETURN_IF(memory.upload(host, elements * sizeof(T)));
  device = memory.as<T>();
  return QG_OK;
}

// The groups of a layer on the device; nothing where it has one group.
struct DeviceGroups {
  DeviceMemory arithmetic, channel_group;
  Groups groups;

  qg_status upload(const qg_params* params, std::int32_t count, const std::uint16_t* of_channels) {
    std::vector<Arithmetic> table;
    for (std::int32_t g = 0; g < count; ++g) table.push_back(arithmetic_of(params[g]));
    QG_RETURN_IF(arithmetic.upload(table.data(), table.size() * sizeof(Arithmetic)));
    QG_RETURN_IF(channel_group.upload(of_channels,
                                      static_cast<std::size_t>(params->channels) * sizeof(std::uint16_t)));
    groups = {arithmetic.as<Arithmetic>(), channel_group.as<std::uint16_t>()};
    return QG_OK;
  }
};

qg_status validate_groups(const qg_params* params, std::int32_t count, const std::uint16_t* channel_group,
                          const qg_tensors* tensors) {
  QG_RETURN_IF(report(check_groups(params, count, channel_group)));
  QG_RETURN_IF(validate_all(params, tensors));
  return report(check_channel_group(channel_group, params->channels, count));
}

qg_status run_host(const qg_params& p, const Groups& groups, const qg_tensors& host) {
  const std::size_t n = static_cast<std::size_t>(element_count(p));
  const std::size_t weights = static_cast<std::size_t>(p.channels) * p.taps;
  const std::size_t states = static_cast<std::size_t>(p.batch) * weights;
  DeviceMemory input, weight, bias, state_in, state_out, out, ssm, raw, q, q16, simulated, silu;
  qg_tensors device{};
  QG_RETURN_IF(mirror_input(host.input, n, input, device.input));
  QG_RETURN_IF(mirror_input(host.weight, weights, weight, device.weight));
  QG_RETURN_IF(mirror_input(host.bias, static_cast<std::size_t>(p.channels), bias, device.bias));
  QG_RETURN_IF(mirror_input(host.state_in, states, state_in, device.state_in));
  QG_RETURN_IF(mirror_output(host.state_out, states, state_out, device.state_out));
  QG_RETURN_IF(mirror_output(host.conv1d_output_int8, n, out, device.conv1d_output_int8));
  QG_RETURN_IF(mirror_output(host.ssm_input, n, ssm, device.ssm_input));
  QG_RETURN_IF(mirror_output(host.conv1d_raw, n, raw, device.conv1d_raw));
  QG_RETURN_IF(mirror_output(host.conv1d_q, n, q, device.conv1d_q));
  QG_RETURN_IF(mirror_output(host.conv1d_q16, n, q16, device.conv1d_q16));
  QG_RETURN_IF(mirror_output(host.conv1d_int8simulated, n, simulated, device.conv1d_int8simulated));
  QG_RETURN_IF(mirror_output(host.silu_raw, n, silu, device.silu_raw));
  QG_CHECK_CUDA(backend(p).reference(arithmetic_of(p), groups, shape_of(p), device, nullptr));
  QG_CHECK_CUDA(cudaDeviceSynchronize());
  if (host.state_out) QG_RETURN_IF(state_out.download(host.state_out));
  if (host.conv1d_output_int8) QG_RETURN_IF(out.download(host.conv1d_output_int8));
  if (host.ssm_input) QG_RETURN_IF(ssm.download(host.ssm_input));
  if (host.conv1d_raw) QG_RETURN_IF(raw.download(host.conv1d_raw));
  if (host.conv1d_q) QG_RETURN_IF(q.download(host.conv1d_q));
  if (host.conv1d_q16) QG_RETURN_IF(q16.download(host.conv1d_q16));
  if (host.conv1d_int8simulated) QG_RETURN_IF(simulated.download(host.conv1d_int8simulated));
  if (host.silu_raw) QG_RETURN_IF(silu.download(host.silu_raw));
  return QG_OK;
}

qg_status copy_text(const std::string& text, char* out, int32_t size) {
  if (out == nullptr || size <= static_cast<int32_t>(text.size())) {
    return fail(QG_INVALID_ARGUMENT, "the text needs " + std::to_string(text.size() + 1) + " bytes");
  }
  std::memcpy(out, text.c_str(), text.size() + 1);
  return QG_OK;
}

}  // namespace
}  // namespace qg

extern "C" {

const char* qg_last_error(void) {
  return qg::last_error.c_str();
}

const char* qg_status_name(qg_status status) {
  switch (status) {
    case QG_OK:
      return "ok";
    case QG_INVALID_ARGUMENT:
      return "invalid argument";
    case QG_UNSUPPORTED:
      return "unsupported";
    case QG_CUDA_ERROR:
      return "CUDA error";
    case QG_OUT_OF_MEMORY:
      return "out of memory";
  }
  return "unknown status";
}

void qg_default_params(qg_params* params) {
  if (params == nullptr) return;
  *params = qg_params{1,      1,           1,      4,           8,          1.0f,       1.0f,
                      1.0f,   0.0f,        1.0f,   QG_TWO_STEP, QG_SEQLAST, QG_PRECISE, QG_HALF_EVEN,
                      QG_BCL, QG_BASELINE, QG_SILU};
}

qg_status qg_validate(const qg_params* params, const qg_tensors* tensors) {
  return qg::validate_all(params, tensors);
}

qg_status qg_variant_name(const qg_params* params, char* text, int32_t size) {
  if (params == nullptr) return qg::fail(QG_INVALID_ARGUMENT, "params is NULL");
  QG_RETURN_IF(qg::report(qg::check_arithmetic(*params)));
  static const char* const kOrders[] = {"seqlast", "channellast", "update"};
  const std::string name = std::string(params->dataflow == QG_FUSED ? "fused." : "two_step.") +
                           kOrders[params->order] + (params->math == QG_FAST ? ".fast." : ".precise.") +
                           (params->rounding == QG_HALF_AWAY ? "half_away" : "half_even");
  return qg::copy_text(name, text, size);
}

qg_status qg_provenance_json(char* text, int32_t size) {
  int device = 0;
  int driver = 0;
  int runtime = 0;
  QG_CHECK_CUDA(cudaGetDevice(&device));
  cudaDeviceProp properties;
  QG_CHECK_CUDA(cudaGetDeviceProperties(&properties, device));
  QG_CHECK_CUDA(cudaDriverGetVersion(&driver));
  QG_CHECK_CUDA(cudaRuntimeGetVersion(&runtime));
  char line[2048];
  std::snprintf(
      line, sizeof line,
      "{\"device\": \"%s\", \"compute_capability\": \"%d.%d\", \"multiprocessors\": %d, \"cuda_driver_api\": "
      "%d, "
      "\"cuda_runtime\": %d, \"nvcc\": \"%d.%d.%d\", \"flags_common\": \"%s\", \"flags_precise\": \"%s\", "
      "\"flags_fast\": \"%s\"}",
      properties.name, properties.major, properties.minor, properties.multiProcessorCount, driver, runtime,
      __CUDACC_VER_MAJOR__, __CUDACC_VER_MINOR__, __CUDACC_VER_BUILD__, QG_FLAGS_COMMON, QG_FLAGS_PRECISE,
      QG_FLAGS_FAST);
  return qg::copy_text(line, text, size);
}

qg_status qg_run_host(const qg_params* params, const qg_tensors* tensors) {
  QG_RETURN_IF(qg::validate_all(params, tensors));
  return qg::run_host(*params, {}, *tensors);
}

qg_status qg_run_groups_host(const qg_params* groups, int32_t group_count, const uint16_t* channel_group,
                             const qg_tensors* tensors) {
  QG_RETURN_IF(qg::validate_groups(groups, group_count, channel_group, tensors));
  qg::DeviceGroups device;
  QG_RETURN_IF(device.upload(groups, group_count, channel_group));
  return qg::run_host(*groups, device.groups, *tensors);
}

qg_status qg_run_groups_device(const qg_params* groups, int32_t group_count, const uint16_t* channel_group,
                               const qg_tensors* tensors, void* stream) {
  QG_RETURN_IF(qg::validate_groups(groups, group_count, channel_group, tensors));
  qg::DeviceGroups device;
  QG_RETURN_IF(device.upload(groups, group_count, channel_group));
  const auto on = static_cast<cudaStream_t>(stream);
  QG_RETURN_IF(qg::cuda_status(qg::backend(*groups).reference(qg::arithmetic_of(*groups), device.groups,
                                                              qg::shape_of(*groups), *tensors, on),
                               "the launch of the reference kernel"));
  QG_CHECK_CUDA(cudaStreamSynchronize(on));
  return QG_OK;
}

qg_status qg_run_device(const qg_params* params, const qg_tensors* tensors, void* stream) {
  QG_RETURN_IF(qg::validate_all(params, tensors));
  return qg::cuda_status(qg::backend(*params).reference(qg::arithmetic_of(*params), {}, qg::shape_of(*params),
                                                        *tensors, static_cast<cudaStream_t>(stream)),
                         "the launch of the reference kernel");
}

qg_status qg_sweep_host(const qg_params* params, int32_t acc_min, int32_t acc_max, int32_t bias_first,
                        int32_t bias_count, int16_t* q, int8_t* out) {
  if (params == nullptr) return qg::fail(QG_INVALID_ARGUMENT, "params is NULL");
  QG_RETURN_IF(qg::report(qg::check_arithmetic(*params)));
  const int32_t limit = params->taps * 16384;
  if (params->order != QG_SEQLAST) {
    return qg::fail(QG_UNSUPPORTED,
                    "only seqlast depends on (acc, bias) alone; use qg_compare_orders_host for the others");
  }
  if (acc_min < -limit || acc_max > limit || acc_min > acc_max) {
    return qg::fail(QG_INVALID_ARGUMENT, "acc_min .. acc_max must lie in -" + std::to_string(limit) + " .. " +
                                             std::to_string(limit) + " and not be empty");
  }
  if (bias_first < -128 || bias_count < 1 || bias_first + static_cast<int64_t>(bias_count) > 128) {
    return qg::fail(QG_INVALID_ARGUMENT, "the biases must lie in -128 .. 127 and not be empty");
  }
  if (q == nullptr && out == nullptr) return qg::fail(QG_INVALID_ARGUMENT, "every output is NULL");
  if (q != nullptr && params->dataflow == QG_FUSED)
    return qg::fail(QG_UNSUPPORTED, "q does not exist in dataflow fused");
  const std::size_t points =
      (static_cast<std::size_t>(acc_max - acc_min) + 1) * static_cast<std::size_t>(bias_count);
  qg::DeviceMemory device_q;
  qg::DeviceMemory device_out;
  qg::SweepArgs args{qg::arithmetic_of(*params), acc_min, acc_max, bias_first, bias_count, nullptr, nullptr};
  QG_RETURN_IF(qg::mirror_output(q, points, device_q, args.q));
  QG_RETURN_IF(qg::mirror_output(out, points, device_out, args.out));
  QG_CHECK_CUDA(qg::backend(*params).sweep(args, nullptr));
  QG_CHECK_CUDA(cudaDeviceSynchronize());
  if (q != nullptr) QG_RETURN_IF(device_q.download(q));
  if (out != nullptr) QG_RETURN_IF(device_out.download(out));
  return QG_OK;
}

qg_status qg_compare_orders_host(const qg_params* params, int32_t other_order, const int8_t* weight,
                                 const int8_t* bias, int64_t* counts, int64_t* y_counts,
                                 int32_t* max_abs_difference, qg_window_point* points, int32_t capacity,
                                 int32_t* point_count) {
  if (params == nullptr) return qg::fail(QG_INVALID_ARGUMENT, "params is NULL");
  QG_RETURN_IF(qg::report(qg::check_arithmetic(*params)));
  qg_params other = *params;
  other.order = other_order;
  QG_RETURN_IF(qg::report(qg::check_arithmetic(other)));
  const int64_t channels = params->channels;
  if (channels < 1 || channels > (1 << 20))
    return qg::fail(QG_INVALID_ARGUMENT, "channels must be 1 to 2^20");
  if (weight == nullptr || counts == nullptr)
    return qg::fail(QG_INVALID_ARGUMENT, "weight and counts must not be NULL");
  if (params->output_mode != QG_BASELINE)
    return qg::fail(QG_UNSUPPORTED, "orders are compared in output mode baseline");
  const bool listing = points != nullptr && capacity > 0 && point_count != nullptr;
  constexpr int kPointsPerChannel = 16;
  const std::size_t n = static_cast<std::size_t>(channels);
  qg::DeviceMemory device_weight, device_bias, device_counts, device_y_counts, device_max, device_points;
  qg::CompareArgs args{};
  args.a = qg::arithmetic_of(*params);
  args.b = qg::arithmetic_of(other);
  QG_RETURN_IF(qg::mirror_input(weight, n * params->taps, device_weight, args.weight));
  QG_RETURN_IF(qg::mirror_input(bias, n, device_bias, args.bias));
  QG_RETURN_IF(device_counts.allocate(n * sizeof(int64_t)));
  QG_RETURN_IF(device_y_counts.allocate(n * sizeof(int64_t)));
  QG_RETURN_IF(device_max.allocate(sizeof(int)));
  QG_CHECK_CUDA(cudaMemset(device_counts.as<void>(), 0, n * sizeof(int64_t)));
  QG_CHECK_CUDA(cudaMemset(device_y_counts.as<void>(), 0, n * sizeof(int64_t)));
  QG_CHECK_CUDA(cudaMemset(device_max.as<void>(), 0, sizeof(int)));
  if (listing) {
    QG_RETURN_IF(device_points.allocate(n * kPointsPerChannel * sizeof(qg_window_point)));
    args.points = device_points.as<qg_window_point>();
    args.points_per_channel = kPointsPerChannel;
  }
  qg::DeviceMemory device_table;
  QG_RETURN_IF(qg::make_tail_table(*params, device_table, args.rule, args.bins));
  args.table = device_table.as<qg::BinEntry>();
  args.channel_count = channels;
  args.counts = device_counts.as<unsigned long long>();
  args.y_counts = device_y_counts.as<unsigned long long>();
  args.max_abs_difference = device_max.as<int>();
  QG_CHECK_CUDA(qg::backend(*params).compare_orders(args, nullptr));
  QG_CHECK_CUDA(cudaDeviceSynchronize());
  QG_RETURN_IF(device_counts.download(counts));
  if (y_counts != nullptr) QG_RETURN_IF(device_y_counts.download(y_counts));
  if (max_abs_difference != nullptr) QG_RETURN_IF(device_max.download(max_abs_difference));
  if (listing) {
    std::vector<qg_window_point> all(n * kPointsPerChannel);
    QG_RETURN_IF(device_points.download(all.data()));
    *point_count = 0;
    for (std::size_t c = 0; c < n; ++c) {
      const int64_t found = std::min<int64_t>(counts[c], kPointsPerChannel);
      auto* first = all.data() + c * kPointsPerChannel;
      std::sort(first, first + found, [](const auto& a, const auto& b) { return a.window < b.window; });
      for (int64_t i = 0; i < found && *point_count < capacity; ++i) points[(*point_count)++] = first[i];
    }
  }
  return QG_OK;
}

}  // extern "C"
