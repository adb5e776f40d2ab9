#include "reference/golden.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <stdexcept>
#include <type_traits>

#include "io/npy.hpp"
#include "quasim_golden_cpu_twin.hpp"
#include "reference/golden_params.hpp"
#include "spec/error.hpp"

namespace quasim {
namespace {

namespace fs = std::filesystem;

void evaluate_cpu(const qg_params& params, const qg_tensors& tensors) {
  try {
    quasim_golden::CpuTwin(params).run(tensors);
  } catch (const std::invalid_argument& error) {
    throw InputError(std::string("golden on the CPU: ") + error.what());
  }
}

void evaluate_cuda([[maybe_unused]] const std::vector<qg_params>& groups,
                   [[maybe_unused]] ChannelGroup channel_group, [[maybe_unused]] const qg_tensors& tensors) {
#ifdef QUASIM_HAVE_CUDA
  channel_group.resize(static_cast<std::size_t>(groups.front().channels));  // of one group: all 0
  if (qg_run_groups_host(groups.data(), static_cast<std::int32_t>(groups.size()), channel_group.data(),
                         &tensors) != QG_OK)
    throw InputError(std::string("golden on CUDA: ") + qg_last_error());
#else
  throw InputError("golden on CUDA: this build has no CUDA kernels; configure where nvcc is found");
#endif
}

/// Zeros of a shape, as the variant has them.
GoldenTensors zeros_of(const TensorBCL<std::int8_t>::Shape& shape, const Variant& variant) {
  GoldenTensors golden;
  golden.raw = TensorBCL<float>(shape);
  golden.silu_raw = TensorBCL<float>(shape);
  golden.output = TensorBCL<std::int8_t>(shape);
  if (variant.dataflow == Dataflow::kTwoStep) {
    golden.int8simulated = TensorBCL<float>(shape);
    golden.q = TensorBCL<std::int16_t>(shape);
  }
  return golden;
}

/// Inputs and outputs as the C interface has them. Bundle or GroupedBundle.
template <class AnyBundle>
qg_tensors tensors_of(const AnyBundle& bundle, GoldenTensors& golden) {
  qg_tensors tensors{};
  tensors.input = bundle.require_input().data();
  tensors.weight = bundle.weight.data();
  tensors.bias = bundle.bias.empty() ? nullptr : bundle.bias.data();
  tensors.conv1d_raw = golden.raw.data();
  tensors.silu_raw = golden.silu_raw.data();
  tensors.conv1d_output_int8 = golden.output.data();
  if (golden.q.size() > 0) {
    tensors.conv1d_int8simulated = golden.int8simulated.data();
    tensors.conv1d_q16 = golden.q.data();
  }
  return tensors;
}

void put_channels(const GoldenTensors& part, const Channels& channels, GoldenTensors& all) {
  put_channels(part.raw, channels, all.raw);
  put_channels(part.silu_raw, channels, all.silu_raw);
  put_channels(part.output, channels, all.output);
  if (part.q.size() == 0) return;
  put_channels(part.int8simulated, channels, all.int8simulated);
  put_channels(part.q, channels, all.q);
}

/// Steps from one fp32 to the other along all of them; the two zeros are one.
std::int64_t ulps_between(float a, float b) {
  const auto place = [](float value) {
    std::int32_t bits = 0;
    std::memcpy(&bits, &value, sizeof bits);
    return bits < 0 ? std::int64_t{INT32_MIN} - bits : std::int64_t{bits};
  };
  return std::abs(place(a) - place(b));
}

void compare_values(float have, float want, GoldenComparison& comparison) {
  const bool nan = std::isnan(have) || std::isnan(want);
  comparison.nan += nan ? 1U : 0U;
  const std::int64_t ulps = nan ? 0 : ulps_between(have, want);
  comparison.largest_ulps = std::max(comparison.largest_ulps, ulps);
  const bool equal = std::memcmp(&have, &want, sizeof have) == 0;
  // Where nothing may differ, the sign of a zero may not either.
  comparison.beyond +=
      nan || ulps > comparison.allowed_ulps || (comparison.allowed_ulps == 0 && !equal) ? 1U : 0U;
}

template <class Integer>
void compare_values(Integer have, Integer want, GoldenComparison& comparison) {
  comparison.beyond += have != want ? 1U : 0U;
}

template <class T>
GoldenComparison compare_tensor(const std::string& name, const TensorBCL<T>& have, const TensorBCL<T>& want) {
  GoldenComparison comparison;
  comparison.tensor = name;
  comparison.compared = have.size();
  comparison.is_fp32 = std::is_same_v<T, float>;
  if (name == "silu_raw") comparison.allowed_ulps = kSiluUlps;
  for (std::size_t i = 0; i < have.size(); ++i) {
    compare_values(have.data()[i], want.data()[i], comparison);
    if (std::memcmp(have.data() + i, want.data() + i, sizeof(T)) == 0) continue;
    ++comparison.differing;
    const double difference =
        std::abs(static_cast<double>(have.data()[i]) - static_cast<double>(want.data()[i]));
    if (!std::isnan(difference)) comparison.largest = std::max(comparison.largest, difference);
  }
  return comparison;
}

/// Calls visit(name, tensor) for every tensor the golden has.
template <class Visit>
void for_each_tensor(const GoldenTensors& golden, int conv_bits, Visit visit) {
  visit("conv1d_raw", golden.raw);
  if (golden.q.size() > 0) {
    visit("conv1d_int8simulated", golden.int8simulated);
    if (conv_bits > spec::kSampleBits)
      visit("conv1d_q", golden.q);
    else
      visit("conv1d_q", narrow_q(golden.q));
  }
  visit("silu_raw", golden.silu_raw);
  visit("conv1d_output_int8", golden.output);
}

}  // namespace

TensorBCL<std::int8_t> narrow_q(const TensorBCL<std::int16_t>& q) {
  return TensorBCL<std::int8_t>(q.shape(),
                                std::vector<std::int8_t>(q.elements().begin(), q.elements().end()));
}

GoldenTensors evaluate_golden(const Bundle& bundle, const Variant& variant, GoldenDevice device) {
  const auto shape = bundle.require_input().shape();
  GoldenTensors golden = zeros_of(shape, variant);
  const qg_tensors tensors = tensors_of(bundle, golden);
  const qg_params params = golden_params(bundle.layer, variant, shape);
  if (device == GoldenDevice::kCpu)
    evaluate_cpu(params, tensors);
  else
    evaluate_cuda({params}, {}, tensors);
  return golden;
}

GoldenTensors evaluate_golden(const GroupedBundle& bundle, const Variant& variant, GoldenDevice device) {
  if (bundle.groups() == 1) return evaluate_golden(bundle.group(0), variant, device);
  const auto shape = bundle.require_input().shape();
  GoldenTensors golden = zeros_of(shape, variant);
  if (device == GoldenDevice::kCpu) {
    for (const Bundle& part : bundle.split())
      put_channels(evaluate_golden(part, variant, device), part.part->channels, golden);
    return golden;
  }
  std::vector<qg_params> groups;
  for (const LayerParams& group : bundle.layer.groups) groups.push_back(golden_params(group, variant, shape));
  evaluate_cuda(groups, bundle.layer.channel_group, tensors_of(bundle, golden));
  return golden;
}

std::string golden_provenance(GoldenDevice device) {
  if (device == GoldenDevice::kCpu) return R"({"device": "CPU twin of the CUDA kernels, plain C++17 fp32"})";
#ifdef QUASIM_HAVE_CUDA
  std::string text(8192, '\0');
  if (qg_provenance_json(text.data(), static_cast<std::int32_t>(text.size())) != QG_OK)
    throw InputError(std::string("golden on CUDA: ") + qg_last_error());
  text.resize(std::strlen(text.c_str()));
  return text;
#else
  throw InputError("golden on CUDA: this build has no CUDA kernels; configure where nvcc is found");
#endif
}

std::vector<GoldenComparison> compare_golden(const GoldenTensors& golden, const GroupedBundle& bundle,
                                             const Variant& variant) {
  std::vector<GoldenComparison> comparisons;
  for_each_tensor(golden, bundle.layer.groups.front().conv_bits,
                  [&](const std::string& name, const auto& tensor) {
                    using T = std::decay_t<decltype(*tensor.data())>;
                    if (const auto committed = committed_tensor<T>(bundle, variant, name))
                      comparisons.push_back(compare_tensor(name, tensor, *committed));
                  });
  return comparisons;
}

Reference reference_for(const Bundle& bundle, const Variant& variant, bool require_golden) {
  constexpr char kOutput[] = "conv1d_output_int8", kQ[] = "conv1d_q";
  if (require_golden) require_gpu_golden(bundle, variant, std::string(kOutput) + ".npy");
  Reference reference;
  const auto found = committed_file(bundle, variant, std::string(kOutput) + ".npy", Inputs::kLayerAndInput);
  if (!found) {
    GoldenTensors golden = evaluate_golden(bundle, variant, GoldenDevice::kCpu);
    reference.output = std::move(golden.output);
    if (golden.q.size() > 0) reference.q = std::move(golden.q);
    reference.device = "CPU twin";
    return reference;
  }
  reference.maker = found->maker;
  reference.device = found->device;
  reference.output = read_golden<std::int8_t>(bundle, variant, kOutput);
  if (variant.dataflow != Dataflow::kTwoStep) return reference;
  if (bundle.layer.conv_bits > spec::kSampleBits) {
    reference.q = committed_tensor<std::int16_t>(bundle, variant, kQ);
  } else if (const auto q = committed_tensor<std::int8_t>(bundle, variant, kQ)) {
    reference.q = TensorBCL<std::int16_t>(q->shape(), {q->elements().begin(), q->elements().end()});
  }
  return reference;
}

std::vector<std::string> all_golden_files() {
  return {"conv1d_raw.npy", "conv1d_int8simulated.npy", "conv1d_q.npy",
          "silu_raw.npy",   "conv1d_output_int8.npy",   "provenance.json"};
}

std::vector<std::string> golden_files(const GoldenTensors& golden) {
  std::vector<std::string> names;
  for_each_tensor(golden, spec::kConvBitsDefault,
                  [&](const std::string& name, const auto&) { names.push_back(name + ".npy"); });
  return names;
}

void write_golden(const GoldenTensors& golden, const fs::path& directory, int conv_bits) {
  for_each_tensor(golden, conv_bits, [&](const std::string& name, const auto& tensor) {
    write_npy(directory / (name + ".npy"), tensor);
  });
}

}  // namespace quasim
