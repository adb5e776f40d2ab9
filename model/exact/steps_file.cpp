#include "exact/steps_file.hpp"

#include <algorithm>

#include "io/npz.hpp"
#include "spec/error.hpp"

namespace quasim::exact {
namespace {

constexpr std::size_t kBiasValues = 256;

struct StepArrays {
  std::vector<std::int32_t> first, offset, acc, value;
};

StepArrays read_arrays(const NpzFile& file, const std::string& name, int bits, std::int32_t acc_min,
                       std::int32_t acc_max) {
  StepArrays steps{file.integers(name + "_first", kBiasValues),
                   file.integers(name + "_offset", kBiasValues + 1),
                   file.integers(name + "_acc"),
                   {}};
  steps.value = file.integers(name + "_value", steps.acc.size());
  if (steps.offset.front() != 0 || steps.offset.back() != static_cast<std::int32_t>(steps.acc.size()) ||
      !std::is_sorted(steps.offset.begin(), steps.offset.end()))
    throw InputError(file.path(), name + "_offset", "ascending offsets from 0 to the number of steps");
  for (std::size_t bias = 0; bias < kBiasValues; ++bias) {
    std::int32_t before = acc_min;
    for (auto i = static_cast<std::size_t>(steps.offset[bias]);
         i < static_cast<std::size_t>(steps.offset[bias + 1]); ++i) {
      if (steps.acc[i] <= before || steps.acc[i] > acc_max)
        throw InputError(file.path(), name + "_acc", "ascending accumulators above acc_min, up to acc_max");
      before = steps.acc[i];
    }
  }
  const auto out_of_range = [&](std::int32_t value) { return value != spec::clamp_bits(value, bits); };
  if (std::any_of(steps.first.begin(), steps.first.end(), out_of_range) ||
      std::any_of(steps.value.begin(), steps.value.end(), out_of_range))
    throw InputError(file.path(), name + "_value", "values of " + std::to_string(bits) + " signed bits");
  return steps;
}

SliceSteps part_of(const StepArrays& arrays, const Slice& slice) {
  const auto bias = static_cast<std::size_t>(slice.bias + 128);
  SliceSteps steps;
  append_step(steps, slice.acc_min, arrays.first[bias]);
  for (auto i = static_cast<std::size_t>(arrays.offset[bias]);
       i < static_cast<std::size_t>(arrays.offset[bias + 1]); ++i) {
    if (arrays.acc[i] > slice.acc_max) break;
    if (arrays.acc[i] <= slice.acc_min)
      steps.front().value = static_cast<std::int16_t>(arrays.value[i]);
    else
      append_step(steps, arrays.acc[i], arrays.value[i]);
  }
  return steps;
}

}  // namespace

StageSteps read_steps(const std::filesystem::path& path, const Domain& domain, int conv_bits) {
  const NpzFile file(path);
  const std::int32_t acc_min = file.integers("acc_min", 1).front(),
                     acc_max = file.integers("acc_max", 1).front();
  const std::vector<std::int32_t> bias = file.integers("bias", kBiasValues);
  for (std::size_t i = 0; i < kBiasValues; ++i)
    if (bias[i] != static_cast<std::int32_t>(i) - 128)
      throw InputError(path, "bias", "-128 to 127, ascending");
  for (const Slice& slice : domain.slices)
    if (slice.acc_min < acc_min || slice.acc_max > acc_max)
      throw InputError(path, "acc_min",
                       "a sweep from " + std::to_string(slice.acc_min) + " to " +
                           std::to_string(slice.acc_max) + " at least; got " + std::to_string(acc_min) +
                           " to " + std::to_string(acc_max));
  const auto function = [&](const std::string& name, int bits) {
    const StepArrays arrays = read_arrays(file, name, bits, acc_min, acc_max);
    StepFunction steps;
    for (const Slice& slice : domain.slices) steps.push_back(part_of(arrays, slice));
    return steps;
  };
  StageSteps steps;
  if (conv_bits != 0) steps.q = function("q", conv_bits);
  steps.out = function("out", spec::kSampleBits);
  return steps;
}

}  // namespace quasim::exact
