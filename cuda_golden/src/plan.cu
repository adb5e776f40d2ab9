// Plans: the host side of the fast kernels. Finds the steps of the tail, lays the bins, has the table
// checked, launches.
#include <cuda_runtime.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <memory>
#include <new>
#include <vector>

#include "host.hpp"

struct qg_plan {
  qg_params params{};
  int device = 0;
  qg::DeviceLimits limits;
  int forced_copies = 0;
  qg::BinRule rule{};
  qg_plan_description description{};
  qg::DeviceMemory weight, bias, packed, taps, bias_value, table;
  bool has_bias = false;
  bool sure = false;
};

namespace qg {
namespace {

constexpr unsigned long long kStepCapacity = 1 << 20;
constexpr std::int64_t kLargeElements =
    24 << 20;                      // from here on, eight copies serve BLC better than sixteen (measured)
constexpr float kNever = 3.0e38f;  // a threshold above every y

std::int64_t key_of_float(float y) {
  std::uint32_t bits;
  std::memcpy(&bits, &y, sizeof bits);
  return (bits & 0x80000000u) ? -1 - static_cast<std::int64_t>(bits & 0x7FFFFFFFu)
                              : static_cast<std::int64_t>(bits);
}

float float_of_key(std::int64_t key) {
  const std::uint32_t bits =
      static_cast<std::uint32_t>(key >= 0 ? key : -1 - key) | (key >= 0 ? 0u : 0x80000000u);
  float y;
  std::memcpy(&y, &bits, sizeof y);
  return y;
}

// The host's reading of bin_bits() in table.cuh; the check on the GPU would find any disagreement.
int bin_of(const BinRule& rule, float y) {
  const float part = std::min(std::max(std::fma(y, rule.scale, rule.offset), 0.0f), 1.0f);
  return static_cast<int>(std::fma(part, rule.last, 8388608.0f) - 8388608.0f);
}

struct Table {
  BinRule rule{};
  std::vector<BinEntry> entries;
  double unsure_width = 0;  // of y, summed over the bins
};

std::uint32_t byte_of(int value) {
  return static_cast<std::uint8_t>(static_cast<std::int8_t>(value));
}

// One bin's entry from the steps inside it.
BinEntry entry_of(const TailStep* first, const TailStep* last, double& unsure_width) {
  const std::uint32_t values = byte_of(first->before) | byte_of(last->after) << 8;
  if (first == last) return {float_of_key(first->key), 0x80000000u | values};
  const float low = float_of_key(first->key);      // the first y that is unsure
  const float high = float_of_key(last->key - 1);  // the last
  const float threshold = low + (high - low) / 2;
  const float reach = std::max({threshold - low, high - threshold, 2 * std::numeric_limits<float>::min()});
  unsure_width += 2.0 * reach;
  // rounded up to the upper 16 bits; the values in the lower ones only add
  float padded = std::nextafter(reach, std::numeric_limits<float>::max());
  std::uint32_t bits;
  std::memcpy(&bits, &padded, sizeof bits);
  bits = (bits + 0xFFFFu) & 0x7FFF0000u;
  return {threshold, bits | values};
}

Table lay_bins(const std::vector<TailStep>& steps, int bins, int lowest_value) {
  Table table;
  table.entries.assign(static_cast<std::size_t>(bins),
                       BinEntry{kNever, 0x80000000u | byte_of(lowest_value) * 0x101u});
  table.rule.last = static_cast<float>(bins - 1);
  if (steps.empty()) return table;
  const double low = float_of_key(steps.front().key);
  const double high = float_of_key(steps.back().key);
  const double width = std::max((high - low) / (bins - 2), 1e-30);
  table.rule.scale = static_cast<float>(1.0 / (width * (bins - 1)));
  table.rule.offset = static_cast<float>((0.5 - low / width) / (bins - 1));
  int filled = 0;  // bins below this have their entry
  const auto fill_to = [&](int end, int value) {
    for (; filled < end; ++filled)
      table.entries[static_cast<std::size_t>(filled)] = {kNever, 0x80000000u | byte_of(value) * 0x101u};
  };
  for (std::size_t i = 0; i < steps.size();) {
    const int bin = bin_of(table.rule, float_of_key(steps[i].key));
    const int bin_before = bin_of(table.rule, float_of_key(steps[i].key - 1));
    fill_to(bin_before + 1, steps[i].before);
    if (bin_before != bin) {  // the step lies on the edge: the new bin starts with the new value
      fill_to(bin, steps[i].after);
      ++i;
      if (i < steps.size() && bin_of(table.rule, float_of_key(steps[i].key)) == bin &&
          bin_of(table.rule, float_of_key(steps[i].key - 1)) == bin) {
        filled = bin;  // more steps inside this bin: handled below with the right value before
      } else {
        fill_to(bin + 1, steps[i - 1].after);
      }
      continue;
    }
    std::size_t j = i;
    while (j + 1 < steps.size() && bin_of(table.rule, float_of_key(steps[j + 1].key)) == bin) ++j;
    table.entries[static_cast<std::size_t>(bin)] = entry_of(&steps[i], &steps[j], table.unsure_width);
    filled = bin + 1;
    i = j + 1;
  }
  fill_to(bins, steps.back().after);
  return table;
}

// The smallest table that is hardly ever unsure.
Table choose_table(const std::vector<TailStep>& steps, int lowest_value) {
  const double best = lay_bins(steps, kBinsMax, lowest_value).unsure_width;
  for (int bins = 32; bins < kBinsMax; bins += 16) {
    Table table = lay_bins(steps, bins, lowest_value);
    if (table.unsure_width <= best * 1.05) return table;
  }
  return lay_bins(steps, kBinsMax, lowest_value);
}

FastDivide divide_by(std::int64_t divisor) {
  FastDivide d{static_cast<std::uint32_t>(divisor), 0, 0};
  if (divisor == 1) return d;
  std::uint32_t log2 = 1;
  while ((std::int64_t{1} << log2) < divisor) ++log2;
  d.magic =
      static_cast<std::uint32_t>((std::uint64_t{1} << (31 + log2)) / static_cast<std::uint64_t>(divisor) + 1);
  d.shift = log2 - 1;
  return d;
}

qg_status find_steps(const Backend& kernels, const Arithmetic& a, std::int64_t key_first,
                     std::int64_t key_last, std::vector<TailStep>& steps, bool& overflow) {
  DeviceMemory list, count;
  QG_RETURN_IF(list.allocate(kStepCapacity * sizeof(TailStep)));
  QG_RETURN_IF(count.allocate(sizeof(unsigned long long)));
  QG_CHECK_CUDA(cudaMemset(count.as<void>(), 0, sizeof(unsigned long long)));
  const StepScanArgs scan{
      a, key_first, key_last, list.as<TailStep>(), count.as<unsigned long long>(), kStepCapacity};
  QG_CHECK_CUDA(kernels.scan_steps(scan, nullptr));
  unsigned long long found = 0;
  QG_RETURN_IF(count.download(&found));
  overflow = found > kStepCapacity;
  steps.resize(static_cast<std::size_t>(std::min(found, kStepCapacity)));
  if (!steps.empty()) {
    QG_CHECK_CUDA(
        cudaMemcpy(steps.data(), list.as<void>(), steps.size() * sizeof(TailStep), cudaMemcpyDeviceToHost));
  }
  std::sort(steps.begin(), steps.end(), [](const TailStep& x, const TailStep& y) { return x.key < y.key; });
  return QG_OK;
}

// seqlast reaches only the y of (acc, bias). Where those fall on one side each of a threshold, the entry
// needs no doubt: moves the thresholds there and has the table checked on every (acc, bias). Leaves the plan
// as it is when that does not succeed.
qg_status settle_on_lattice(qg_plan& plan, Table table) {
  const Backend& kernels = backend(plan.params);
  const Arithmetic a = arithmetic_of(plan.params);
  DeviceMemory counts, list, settled;
  QG_RETURN_IF(counts.allocate(2 * sizeof(unsigned long long)));
  QG_RETURN_IF(list.allocate(kStepCapacity * sizeof(LatticePoint)));
  const auto check = [&](const DeviceMemory& device_table, unsigned long long(&found)[2]) -> qg_status {
    QG_CHECK_CUDA(cudaMemset(counts.as<void>(), 0, 2 * sizeof(unsigned long long)));
    const LatticeArgs args{a,
                           table.rule,
                           device_table.as<BinEntry>(),
                           counts.as<unsigned long long>(),
                           counts.as<unsigned long long>() + 1,
                           list.as<LatticePoint>(),
                           kStepCapacity};
    QG_CHECK_CUDA(kernels.check_lattice(args, nullptr));
    return counts.download(found);
  };
  unsigned long long found[2] = {0, 0};
  QG_RETURN_IF(check(plan.table, found));
  if (found[0] != 0 || found[1] > kStepCapacity) return QG_OK;
  std::vector<LatticePoint> points(static_cast<std::size_t>(found[1]));
  if (!points.empty()) {
    QG_CHECK_CUDA(cudaMemcpy(points.data(), list.as<void>(), points.size() * sizeof(LatticePoint),
                             cudaMemcpyDeviceToHost));
  }
  std::sort(points.begin(), points.end(),
            [](const LatticePoint& x, const LatticePoint& y) { return x.key < y.key; });
  std::size_t at = 0;
  for (std::size_t bin = 0; bin < table.entries.size(); ++bin) {
    BinEntry& entry = table.entries[bin];
    if (entry.word & 0x80000000u) continue;
    const int high = static_cast<std::int8_t>(entry.word >> 8);
    // the first unsure point of this bin that has the high value; without one, the end of the doubt
    float reach;
    const std::uint32_t reach_bits = entry.word;
    std::memcpy(&reach, &reach_bits, sizeof reach);
    float threshold = entry.threshold + reach;
    while (at < points.size() && bin_of(table.rule, float_of_key(points[at].key)) < static_cast<int>(bin))
      ++at;
    for (; at < points.size() && bin_of(table.rule, float_of_key(points[at].key)) == static_cast<int>(bin);
         ++at) {
      if (points[at].value == high) {
        threshold = float_of_key(points[at].key);
        break;
      }
    }
    entry = {threshold, 0x80000000u | (entry.word & 0xFFFFu)};
  }
  QG_RETURN_IF(settled.upload(table.entries.data(), table.entries.size() * sizeof(BinEntry)));
  QG_RETURN_IF(check(settled, found));
  if (found[0] != 0 || found[1] != 0) return QG_OK;
  QG_CHECK_CUDA(cudaMemcpy(plan.table.as<void>(), settled.as<void>(), table.entries.size() * sizeof(BinEntry),
                           cudaMemcpyDeviceToDevice));
  plan.sure = true;
  plan.description.lattice_checked = std::int64_t{256} * (2 * a.taps * 16384 + 1);
  return QG_OK;
}

qg_status build_table(qg_plan& plan, DeviceMemory& device_table, bool settle) {
  const Backend& kernels = backend(plan.params);
  const Arithmetic a = arithmetic_of(plan.params);
  const double largest =
      (static_cast<double>(a.input_scale) * a.weight_scale * 16384.0 * a.taps + a.bias_scale * 128.0) *
      1.0001;
  const std::int64_t key_last = key_of_float(static_cast<float>(largest));
  const std::int64_t key_first = -1 - key_last;
  std::vector<TailStep> steps;
  bool overflow = false;
  QG_RETURN_IF(find_steps(kernels, a, key_first, key_last, steps, overflow));
  plan.description.tail_steps = static_cast<std::int64_t>(steps.size());
  if (overflow) {
    plan.description.exact_only = 1;
    return QG_OK;
  }
  const int lowest =
      steps.empty() ? 0 : steps.front().before;  // F is 0 around y = 0, so without a step everywhere
  const Table table = choose_table(steps, lowest);
  plan.rule = table.rule;
  QG_RETURN_IF(device_table.upload(table.entries.data(), table.entries.size() * sizeof(BinEntry)));
  DeviceMemory counts;
  QG_RETURN_IF(counts.allocate(2 * sizeof(unsigned long long)));
  QG_CHECK_CUDA(cudaMemset(counts.as<void>(), 0, 2 * sizeof(unsigned long long)));
  plan.sure = table.unsure_width == 0;
  const TableCheckArgs check{a,
                             key_first,
                             key_last,
                             table.rule,
                             device_table.as<BinEntry>(),
                             static_cast<int>(table.entries.size()),
                             counts.as<unsigned long long>(),
                             counts.as<unsigned long long>() + 1};
  QG_CHECK_CUDA(kernels.check_table(check, nullptr));
  unsigned long long found[2] = {0, 0};
  QG_RETURN_IF(counts.download(found));
  plan.description.bins = static_cast<std::int32_t>(table.entries.size());
  plan.description.values_checked = key_last - key_first + 1;
  plan.description.values_wrong = static_cast<std::int64_t>(found[0]);
  plan.description.values_unsure = static_cast<std::int64_t>(found[1]);
  if (found[0] != 0) plan.description.exact_only = 1;
  if (settle && !plan.sure && !plan.description.exact_only && a.order == QG_SEQLAST)
    QG_RETURN_IF(settle_on_lattice(plan, table));
  plan.description.copies = 16;
  return QG_OK;
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
  QG_RETURN_IF(plan->packed.allocate(channels * sizeof(PackedChannel)));
  QG_RETURN_IF(plan->taps.allocate(channels * sizeof(TapChannel)));
  QG_RETURN_IF(plan->bias_value.allocate(channels * sizeof(float)));
  const PackArgs pack{arithmetic_of(params),
                      plan->weight.as<std::int8_t>(),
                      plan->bias.as<std::int8_t>(),
                      params.channels,
                      plan->packed.as<PackedChannel>(),
                      plan->taps.as<TapChannel>(),
                      plan->bias_value.as<float>()};
  QG_CHECK_CUDA(backend(params).pack(pack, nullptr));
  if (params.output_mode == QG_BASELINE) {
    QG_RETURN_IF(build_table(*plan, plan->table, true));
  } else {
    plan->description.exact_only = 1;
  }
  QG_CHECK_CUDA(cudaDeviceSynchronize());
  return QG_OK;
}

// Fills the launch's shape; false where only the reference kernel fits.
bool fast_shape(const qg_plan& plan, std::int64_t batch, std::int64_t length, const qg_tensors& t,
                FastArgs& args) {
  const std::int64_t channels = plan.params.channels;
  const auto misalignment = [](const void* p, std::uintptr_t to) {
    return reinterpret_cast<std::uintptr_t>(p) % to;
  };
  constexpr std::int64_t kItemsMax = std::int64_t{1} << 30;
  std::int64_t items = 0;
  if (plan.params.layout == QG_BCL) {
    if (misalignment(t.input, 16) != misalignment(t.conv1d_output_int8, 16) || length > kItemsMax)
      return false;
    args.aligned = length % 16 == 0 && misalignment(t.input, 16) == 0;
    const std::int64_t chunks = args.aligned ? length / 16 : (length + 30) / 16;
    if (batch > kItemsMax / channels || chunks > kItemsMax / (batch * channels)) return false;
    items = batch * channels * chunks;
    args.per_row = divide_by(chunks);
    args.rows = divide_by(channels);
  } else {
    if (channels % 16 != 0 || misalignment(t.input, 16) != 0 || misalignment(t.conv1d_output_int8, 16) != 0)
      return false;
    // long items reread few samples; short ones give every warp its equal share
    const std::int64_t groups = (channels + 127) / 128;
    const std::int64_t warps = std::int64_t{24} * plan.limits.multiprocessors;
    std::int64_t time_block = 8;
    std::int64_t least_cost = std::numeric_limits<std::int64_t>::max();
    for (std::int64_t block = 8; block <= 256; block *= 2) {
      const std::int64_t blocks = (length + block - 1) / block;
      if (batch > kItemsMax / groups || blocks > kItemsMax / (batch * groups)) continue;
      const std::int64_t cost = ((batch * groups * blocks + warps - 1) / warps) * (block + 8);
      if (cost < least_cost) {
        least_cost = cost;
        time_block = block;
      }
    }
    args.time_block = static_cast<std::int32_t>(time_block);
    const std::int64_t blocks = (length + time_block - 1) / time_block;
    if (batch > kItemsMax / groups || blocks > kItemsMax / (batch * groups)) return false;
    items = batch * blocks * groups;
    args.per_row = divide_by(groups);
    args.rows = divide_by(blocks);
  }
  args.items = static_cast<std::uint32_t>(items);
  return true;
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
                            plan.bias_value.as<float>(),
                            tensors.input,
                            tensors.state_in,
                            tensors.state_out,
                            tensors.conv1d_output_int8};
    return cuda_status(kernels.decode(decode, stream), "the launch of the decode kernel");
  }
  FastArgs args{};
  if (plan.description.exact_only || tensors.conv1d_output_int8 == nullptr ||
      !fast_shape(plan, batch, length, tensors, args)) {
    used = 0;
    return cuda_status(kernels.reference(a, shape, tensors, stream), "the launch of the reference kernel");
  }
  used = 1;
  args.arithmetic = a;
  args.shape = shape;
  args.rule = plan.rule;
  args.table = plan.table.as<BinEntry>();
  args.bins = plan.description.bins;
  args.sure = plan.sure;
  args.copies = plan.description.copies;
  if (plan.forced_copies != 0) {
    args.copies = std::min(plan.forced_copies, args.copies);
  } else if (params.layout == QG_BLC && batch * params.channels * length >= kLargeElements) {
    args.copies = std::min(8, args.copies);
  }
  args.packed = plan.packed.as<PackedChannel>();
  args.taps = plan.taps.as<TapChannel>();
  args.bias_value = plan.bias_value.as<float>();
  args.input = tensors.input;
  args.state_in = tensors.state_in;
  args.output = tensors.conv1d_output_int8;
  QG_RETURN_IF(cuda_status(kernels.fast(args, plan.limits, stream), "the launch of the fast kernel"));
  return cuda_status(kernels.state(a, shape, tensors, stream), "the launch of the state kernel");
}

}  // namespace

qg_status make_tail_table(const qg_params& params, DeviceMemory& device_table, BinRule& rule, int& bins) {
  qg_plan plan;
  plan.params = params;
  QG_RETURN_IF(build_table(plan, device_table, false));
  if (plan.description.exact_only) return fail(QG_UNSUPPORTED, "the tail has no table for these scales");
  rule = plan.rule;
  bins = plan.description.bins;
  return QG_OK;
}

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
  if (copies < 0 || copies > 16 || (copies & (copies - 1)) != 0) {
    return qg::fail(QG_INVALID_ARGUMENT,
                    "copies is " + std::to_string(copies) + "; expected 0, 1, 2, 4, 8 or 16");
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
