#include "exact/steps_file.hpp"

#include <algorithm>

#include "io/npz.hpp"
#include "spec/error.hpp"

namespace quasim::exact {
namespace {

constexpr std::size_t kBiasValues = 256;

struct Stage {
  std::vector<std::int32_t> first, offset, acc, value;
};

Stage read_stage(const NpzFile& file, const std::string& name, int bits, std::int32_t acc_min,
                 std::int32_t acc_max) {
  Stage stage{file.integers(name + "_first", kBiasValues),
              file.integers(name + "_offset", kBiasValues + 1),
              file.integers(name + "_acc"),
              {}};
  stage.value = file.integers(name + "_value", stage.acc.size());
  if (stage.offset.front() != 0 || stage.offset.back() != static_cast<std::int32_t>(stage.acc.size()) ||
      !std::is_sorted(stage.offset.begin(), stage.offset.end()))
    throw InputError(file.path(), name + "_offset", "ascending offsets from 0 to the number of steps");
  for (std::size_t bias = 0; bias < kBiasValues; ++bias) {
    std::int32_t before = acc_min;
    for (auto i = static_cast<std::size_t>(stage.offset[bias]);
         i < static_cast<std::size_t>(stage.offset[bias + 1]); ++i) {
      if (stage.acc[i] <= before || stage.acc[i] > acc_max)
        throw InputError(file.path(), name + "_acc", "ascending accumulators above acc_min, up to acc_max");
      before = stage.acc[i];
    }
  }
  const auto out_of_range = [&](std::int32_t value) { return value != spec::clamp_bits(value, bits); };
  if (std::any_of(stage.first.begin(), stage.first.end(), out_of_range) ||
      std::any_of(stage.value.begin(), stage.value.end(), out_of_range))
    throw InputError(file.path(), name + "_value", "values of " + std::to_string(bits) + " signed bits");
  return stage;
}

SliceSteps part_of(const Stage& stage, const Slice& slice) {
  const auto bias = static_cast<std::size_t>(slice.bias + 128);
  SliceSteps steps;
  append_step(steps, slice.acc_min, stage.first[bias]);
  for (auto i = static_cast<std::size_t>(stage.offset[bias]);
       i < static_cast<std::size_t>(stage.offset[bias + 1]); ++i) {
    if (stage.acc[i] > slice.acc_max) break;
    if (stage.acc[i] <= slice.acc_min)
      steps.front().value = static_cast<std::int16_t>(stage.value[i]);
    else
      append_step(steps, stage.acc[i], stage.value[i]);
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
    const Stage stage = read_stage(file, name, bits, acc_min, acc_max);
    StepFunction steps;
    for (const Slice& slice : domain.slices) steps.push_back(part_of(stage, slice));
    return steps;
  };
  StageSteps steps;
  if (conv_bits != 0) steps.q = function("q", conv_bits);
  steps.out = function("out", spec::kSampleBits);
  return steps;
}

}  // namespace quasim::exact
