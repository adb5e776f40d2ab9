// The tail y -> int8 on the whole line of y: its steps, found by evaluating every fp32 number that y can be,
// and a table of bins with one threshold each, checked on every one of them again.
#include <cuda_runtime.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <vector>

#include "host/host.hpp"
#include "fast/lattice_fit.hpp"

namespace qg {
namespace {

constexpr unsigned long long kStepCapacity = 1 << 20;
constexpr float kNever = 3.0e38f;  // a threshold above every y

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

}  // namespace

KeyRange keys_of_tail(const Arithmetic& a) {
  const double largest =
      (static_cast<double>(a.input_scale) * a.weight_scale * 16384.0 * a.taps + a.bias_scale * 128.0) *
      1.0001;
  const std::int64_t last = key_of_float(static_cast<float>(largest));
  return {-1 - last, last};
}

qg_status find_steps(const Backend& kernels, const Arithmetic& a, std::vector<TailStep>& steps,
                     bool& overflow) {
  const KeyRange keys = keys_of_tail(a);
  DeviceMemory list, count;
  QG_RETURN_IF(list.allocate(kStepCapacity * sizeof(TailStep)));
  QG_RETURN_IF(count.allocate(sizeof(unsigned long long)));
  QG_CHECK_CUDA(cudaMemset(count.as<void>(), 0, sizeof(unsigned long long)));
  const StepScanArgs scan{
      a, keys.first, keys.last, list.as<TailStep>(), count.as<unsigned long long>(), kStepCapacity};
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

qg_status make_tail_table(const qg_params& params, DeviceMemory& device_table, BinRule& rule, int& bins) {
  const Backend& kernels = backend(params);
  const Arithmetic a = arithmetic_of(params);
  const KeyRange keys = keys_of_tail(a);
  std::vector<TailStep> steps;
  bool overflow = false;
  QG_RETURN_IF(find_steps(kernels, a, steps, overflow));
  if (overflow) return fail(QG_UNSUPPORTED, "the tail has no table for these scales");
  // F is 0 around y = 0, so without a step everywhere
  const Table table = choose_table(steps, steps.empty() ? 0 : steps.front().before);
  QG_RETURN_IF(device_table.upload(table.entries.data(), table.entries.size() * sizeof(BinEntry)));
  DeviceMemory counts;
  QG_RETURN_IF(counts.allocate(2 * sizeof(unsigned long long)));
  QG_CHECK_CUDA(cudaMemset(counts.as<void>(), 0, 2 * sizeof(unsigned long long)));
  const TableCheckArgs check{a,
                             keys.first,
                             keys.last,
                             table.rule,
                             device_table.as<BinEntry>(),
                             static_cast<int>(table.entries.size()),
                             counts.as<unsigned long long>(),
                             counts.as<unsigned long long>() + 1};
  QG_CHECK_CUDA(kernels.check_table(check, nullptr));
  unsigned long long found[2] = {0, 0};  // wrong, unsure
  QG_RETURN_IF(counts.download(found));
  if (found[0] != 0) return fail(QG_UNSUPPORTED, "the tail has no table for these scales");
  rule = table.rule;
  bins = static_cast<int>(table.entries.size());
  return QG_OK;
}

}  // namespace qg
