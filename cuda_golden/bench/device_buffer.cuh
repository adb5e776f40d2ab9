// What the check and the benchmark share: checked calls that end the program, device buffers, a seeded
// generator.
#ifndef QUASIM_CUDA_GOLDEN_DEVICE_BUFFER_CUH_
#define QUASIM_CUDA_GOLDEN_DEVICE_BUFFER_CUH_

#include <cuda_runtime.h>

#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <vector>

#include "quasim_golden.h"

inline void must(cudaError_t error, const char* what) {
  if (error == cudaSuccess) return;
  std::fprintf(stderr, "%s failed: %s\n", what, cudaGetErrorString(error));
  std::exit(2);
}
#define MUST(call) must((call), #call)

inline void must_golden(qg_status status, const char* what) {
  if (status == QG_OK) return;
  std::fprintf(stderr, "%s failed: %s: %s\n", what, qg_status_name(status), qg_last_error());
  std::exit(2);
}
#define MUST_GOLDEN(call) must_golden((call), #call)

class Buffer {
 public:
  explicit Buffer(std::size_t bytes) : bytes_(bytes) { MUST(cudaMalloc(&pointer_, bytes)); }
  Buffer(const Buffer&) = delete;
  Buffer& operator=(const Buffer&) = delete;
  ~Buffer() { (void)cudaFree(pointer_); }
  std::int8_t* bytes() const { return static_cast<std::int8_t*>(pointer_); }
  std::size_t size() const { return bytes_; }

 private:
  void* pointer_ = nullptr;
  std::size_t bytes_;
};

// splitmix64 of (seed, index): the same bytes on every machine
__host__ __device__ inline std::uint64_t mix(std::uint64_t seed, std::uint64_t index) {
  std::uint64_t z = seed * 0x9E3779B97F4A7C15ull + index + 0x9E3779B97F4A7C15ull;
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ull;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EBull;
  return z ^ (z >> 31);
}

enum class Fill { kUniform, kBell, kExtreme };

// uniform int8; or a bell of sigma near 24, as activations are; or mostly -128 and 127
__global__ inline void fill_kernel(std::int8_t* out, std::uint64_t n, std::uint64_t seed, Fill how) {
  const std::uint64_t step = static_cast<std::uint64_t>(gridDim.x) * blockDim.x;
  for (std::uint64_t i = static_cast<std::uint64_t>(blockIdx.x) * blockDim.x + threadIdx.x; i < n;
       i += step) {
    const std::uint64_t r = mix(seed, i);
    int v = static_cast<int>(r & 255) - 128;
    if (how == Fill::kBell) {
      v = 0;
      for (int k = 0; k < 8; ++k) v += static_cast<int>((r >> (8 * k)) & 31) - 15;
      if (v > 127) v = 127;
      if (v < -128) v = -128;
    } else if (how == Fill::kExtreme) {
      if ((r >> 8) & 3) v = (r & 1) ? 127 : -128;
    }
    out[i] = static_cast<std::int8_t>(v);
  }
}

inline void fill(std::int8_t* out, std::uint64_t n, std::uint64_t seed, Fill how) {
  fill_kernel<<<4096, 256>>>(out, n, seed, how);
  MUST(cudaGetLastError());
}

// The weights and biases of a layer.
struct Layer {
  Layer(std::int64_t channels, int taps, std::uint64_t seed, Fill how)
      : weight(static_cast<std::size_t>(channels * taps)), bias(static_cast<std::size_t>(channels)) {
    fill(weight.bytes(), weight.size(), seed, how);
    fill(bias.bytes(), bias.size(), seed + 1, how);
  }
  Buffer weight, bias;
};

__global__ inline void differ_kernel(const std::int8_t* a, const std::int8_t* b, std::uint64_t n,
                                     unsigned long long* count) {
  const std::uint64_t step = static_cast<std::uint64_t>(gridDim.x) * blockDim.x;
  unsigned long long differ = 0;
  for (std::uint64_t i = static_cast<std::uint64_t>(blockIdx.x) * blockDim.x + threadIdx.x; i < n; i += step)
    differ += a[i] != b[i];
  if (differ != 0) atomicAdd(count, differ);
}

inline unsigned long long count_different(const std::int8_t* a, const std::int8_t* b, std::uint64_t n) {
  static unsigned long long* device = nullptr;
  if (device == nullptr) MUST(cudaMalloc(&device, sizeof *device));
  MUST(cudaMemset(device, 0, sizeof *device));
  const std::uint64_t blocks = (n + 255) / 256;
  differ_kernel<<<static_cast<unsigned>(blocks < 4096 ? blocks : 4096), 256>>>(a, b, n, device);
  MUST(cudaGetLastError());
  unsigned long long host = 0;
  MUST(cudaMemcpy(&host, device, sizeof host, cudaMemcpyDeviceToHost));
  return host;
}

// ---- layers whose channels carry different scales

struct GroupedLayer {
  std::vector<qg_params> groups;
  std::vector<std::uint16_t> of_channel;

  std::int32_t count() const { return static_cast<std::int32_t>(groups.size()); }
};

// Which groups neighbouring channels are of.
enum class Arrangement {
  kHeads,  // as in Mamba-2 and Quamba2: 3 groups are x, B and C; 18 n are, for each of n parts, 4 x 4 groups
           // of heads of 64 channels and of 16 channels in a head, and B and C
  kStrided,  // 0, 1, 2, ..., 0, 1, 2, ...: no neighbours share one
  kMixed     // strided once, then drawn
};

inline std::vector<std::uint16_t> arranged(int count, std::int64_t channels, Arrangement how,
                                           std::uint64_t seed) {
  std::vector<std::uint16_t> group(static_cast<std::size_t>(channels));
  const int parts = count / 18;
  const std::int64_t state = count == 3 ? 128 : 64;  // channels of B, and of C, of each part
  const std::int64_t x = channels - 2 * state * (count == 3 ? 1 : parts);
  for (std::int64_t c = 0; c < channels; ++c) {
    std::int64_t g = c % count;
    if (how == Arrangement::kMixed && c >= count)
      g = static_cast<std::int64_t>(mix(seed, static_cast<std::uint64_t>(c)) %
                                    static_cast<std::uint64_t>(count));
    if (how == Arrangement::kHeads && count == 3 && x > 0) g = c < x ? 0 : 1 + (c - x) / state;
    if (how == Arrangement::kHeads && count % 18 == 0 && x >= 64 * parts) {
      const std::int64_t part = c * parts / x, first = part * x / parts;
      const std::int64_t heads = (x / parts + 63) / 64, head = (c - first) / 64;
      g = c < x ? part * 16 + (head < heads ? head * 4 / heads : 3) * 4 + c % 64 / 16 : 16 * parts + (c - x) / state;
    }
    group[static_cast<std::size_t>(c)] = static_cast<std::uint16_t>(g);
  }
  return group;
}

// Groups with the scales of p times up to 2^octaves, or over it.
inline GroupedLayer grouped_layer(const qg_params& p, int count, Arrangement how, double octaves,
                                  std::uint64_t seed) {
  GroupedLayer layer{std::vector<qg_params>(static_cast<std::size_t>(count), p),
                     arranged(count, p.channels, how, seed)};
  for (std::size_t g = 0; g < layer.groups.size(); ++g) {
    const auto factor = [&](std::uint64_t k) {
      return static_cast<float>(
          std::exp2(octaves * (static_cast<double>(mix(seed, 16 * g + k) % 2001) / 1000.0 - 1.0)));
    };
    qg_params& group = layer.groups[g];
    group.input_scale *= factor(0), group.weight_scale *= factor(1);
    group.bias_scale *= factor(2), group.output_scale *= factor(3);
    group.conv_scale = g % 2 == 0 ? 0.0f : group.output_scale * factor(4);
  }
  return layer;
}

#endif  // QUASIM_CUDA_GOLDEN_DEVICE_BUFFER_CUH_
