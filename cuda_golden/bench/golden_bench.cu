// golden_bench: copy, reference and fast side by side, in one run. CUDA graphs replay the launches over
// rotating buffers that together exceed the L2 cache (decode: over the same state, as a model does), CUDA
// events time the replays, the median counts. Prints Markdown tables.
//   golden_bench [--quick] [--only large|variants|bell|rows|small|groups|floats|decode]
#include <cuda_fp16.h>

#include <algorithm>
#include <cstring>
#include <functional>
#include <memory>
#include <string>

#include "device_buffer.cuh"

namespace {

__global__ void __launch_bounds__(512) copy_kernel(const uint4* in, uint4* out, std::uint64_t n) {
  const std::uint64_t step = static_cast<std::uint64_t>(gridDim.x) * blockDim.x;
  for (std::uint64_t i = static_cast<std::uint64_t>(blockIdx.x) * blockDim.x + threadIdx.x; i < n; i += step)
    out[i] = __ldg(in + i);
}
__global__ void empty_kernel() {}

template <typename T>
__global__ void floats_kernel(T* out, std::uint64_t n, std::uint64_t seed, float scale) {
  const std::uint64_t step = static_cast<std::uint64_t>(gridDim.x) * blockDim.x;
  for (std::uint64_t i = static_cast<std::uint64_t>(blockIdx.x) * blockDim.x + threadIdx.x; i < n;
       i += step) {
    const std::uint64_t r = mix(seed, i);
    float sum = 0;
    for (int k = 0; k < 8; ++k) sum += static_cast<float>((r >> (8 * k)) & 255) / 8.0f - 15.9375f;
    out[i] = static_cast<T>(sum * scale);
  }
}

int multiprocessors = 0;
int repeats = 15;

// A copy with a thread for each 16 bytes; n is a multiple of 16.
void copy_wide(const void* in, void* out, std::size_t n, cudaStream_t stream) {
  const std::uint64_t vectors = n / 16;
  copy_kernel<<<static_cast<unsigned>((vectors + 511) / 512), 512, 0, stream>>>(
      static_cast<const uint4*>(in), static_cast<uint4*>(out), vectors);
  MUST(cudaGetLastError());
}

// Median seconds of one call of body(i), i = 0 .. count - 1 captured into one graph.
double median_seconds(int count, const std::function<void(int, cudaStream_t)>& body) {
  cudaStream_t stream;
  cudaGraph_t graph;
  cudaGraphExec_t executable;
  MUST(cudaStreamCreate(&stream));
  MUST(cudaStreamBeginCapture(stream, cudaStreamCaptureModeThreadLocal));
  for (int i = 0; i < count; ++i) body(i, stream);
  MUST(cudaStreamEndCapture(stream, &graph));
  MUST(cudaGraphInstantiate(&executable, graph, 0));
  cudaEvent_t start, stop;
  MUST(cudaEventCreate(&start));
  MUST(cudaEventCreate(&stop));
  for (int i = 0; i < 3; ++i) MUST(cudaGraphLaunch(executable, stream));
  std::vector<double> seconds;
  for (int i = 0; i < repeats; ++i) {
    MUST(cudaEventRecord(start, stream));
    MUST(cudaGraphLaunch(executable, stream));
    MUST(cudaEventRecord(stop, stream));
    MUST(cudaEventSynchronize(stop));
    float ms = 0;
    MUST(cudaEventElapsedTime(&ms, start, stop));
    seconds.push_back(ms * 1e-3 / count);
  }
  MUST(cudaEventDestroy(start));
  MUST(cudaEventDestroy(stop));
  MUST(cudaGraphExecDestroy(executable));
  MUST(cudaGraphDestroy(graph));
  MUST(cudaStreamDestroy(stream));
  std::sort(seconds.begin(), seconds.end());
  return seconds[seconds.size() / 2];
}

struct Size {
  std::int64_t batch, channels, length;
};

class Bench {
 public:
  Bench(const Size& size, Fill how)
      : size_(size), n_(static_cast<std::size_t>(size.batch * size.channels * size.length)) {
    const std::size_t rotate = std::max<std::size_t>(1, (std::size_t{256} << 20) / (2 * n_));
    for (std::size_t i = 0; i < std::min<std::size_t>(rotate, 64); ++i) {
      inputs_.push_back(std::make_unique<Buffer>(n_));
      outputs_.push_back(std::make_unique<Buffer>(n_));
      fill(inputs_.back()->bytes(), n_, 11 + i, how);
    }
    count_ = static_cast<int>(std::max<std::size_t>(inputs_.size(), n_ < (std::size_t{64} << 20) ? 16 : 1));
  }

  double copy_seconds() const {
    const std::uint64_t vectors = n_ / 16;
    const double persistent = median_seconds(count_, [&](int i, cudaStream_t s) {
      copy_kernel<<<static_cast<unsigned>(multiprocessors * 4), 512, 0, s>>>(in<uint4>(i), out<uint4>(i),
                                                                             vectors);
      MUST(cudaGetLastError());
    });
    const double wide =
        median_seconds(count_, [&](int i, cudaStream_t s) { copy_wide(in<void>(i), out<void>(i), n_, s); });
    const double runtime = median_seconds(count_, [&](int i, cudaStream_t s) {
      MUST(cudaMemcpyAsync(out<void>(i), in<void>(i), n_, cudaMemcpyDeviceToDevice, s));
    });
    return std::min({persistent, wide, runtime});
  }

  double golden_seconds(qg_params p, const qg_plan* plan, const Layer& layer) const {
    p.batch = size_.batch;
    p.channels = size_.channels;
    p.length = size_.length;
    return median_seconds(count_, [&](int i, cudaStream_t s) {
      qg_tensors t{};
      t.input = in<std::int8_t>(i);
      t.weight = layer.weight.bytes();
      t.bias = layer.bias.bytes();
      t.conv1d_output_int8 = out<std::int8_t>(i);
      if (plan == nullptr) {
        MUST_GOLDEN(qg_run_device(&p, &t, s));
      } else {
        int32_t used = 0;
        MUST_GOLDEN(qg_plan_run(plan, size_.batch, size_.length, &t, s, &used));
        if (used != 1) {
          std::fprintf(stderr, "the plan did not use the fast kernel\n");
          std::exit(2);
        }
      }
    });
  }

  // In a bench whose channels are bytes: floats as activations are, a bell of 24 input scales or so.
  void fill_floats(int type, float scale) {
    for (std::size_t i = 0; i < inputs_.size(); ++i) {
      const auto fill_as = [&](auto* out) {
        floats_kernel<<<4096, 256>>>(out, inputs_[i]->size() / sizeof *out, 11 + i, scale);
        MUST(cudaGetLastError());
      };
      void* const out = inputs_[i]->bytes();
      type == QG_FLOAT32 ? fill_as(static_cast<float*>(out)) : fill_as(static_cast<__half*>(out));
    }
  }
  double float_seconds(const qg_plan* plan, const Size& size, int type) const {
    return median_seconds(count_, [&](int i, cudaStream_t s) {
      const qg_float_tensors t{in<void>(i), out<void>(i), 0, 0, type};
      MUST_GOLDEN(qg_plan_run_floats(plan, size.batch, size.length, &t, s));
    });
  }

  double bytes() const { return 2.0 * static_cast<double>(n_); }

 private:
  template <typename T>
  T* in(int i) const {
    return reinterpret_cast<T*>(inputs_[static_cast<std::size_t>(i) % inputs_.size()]->bytes());
  }
  template <typename T>
  T* out(int i) const {
    return reinterpret_cast<T*>(outputs_[static_cast<std::size_t>(i) % outputs_.size()]->bytes());
  }

  Size size_;
  std::size_t n_;
  std::vector<std::unique_ptr<Buffer>> inputs_, outputs_;
  int count_ = 1;
};

qg_params variant(int dataflow, int order, int math, int rounding, int layout) {
  qg_params p;
  qg_default_params(&p);
  p.input_scale = 0.07180339097976685f;  // a real layer's
  p.weight_scale = 0.007339597679674625f;
  p.bias_scale = 0.005517193581908941f;
  p.output_scale = 0.04773363843560219f;
  p.dataflow = dataflow;
  p.order = order;
  p.math = math;
  p.rounding = rounding;
  p.layout = layout;
  return p;
}

void bench_sizes(const char* title, const std::vector<Size>& sizes, const std::vector<qg_params>& variants,
                 Fill how, bool reference, const std::vector<int>& copies) {
  std::printf(
      "\n%s\n\n| layout | B x C x L | variant | copies | copy us | copy GB/s | reference us | fast us | fast "
      "GB/s | fast : copy speed | reference : copy |\n"
      "|---|---|---|---|---|---|---|---|---|---|---|\n",
      title);
  for (const Size& size : sizes) {
    const Bench bench(size, how);
    const Layer layer(size.channels, 4, 1, how);
    const double copy = bench.copy_seconds();
    for (qg_params p : variants) {
      p.channels = size.channels;
      char name[96];
      MUST_GOLDEN(qg_variant_name(&p, name, sizeof name));
      qg_plan* plan = nullptr;
      MUST_GOLDEN(qg_plan_create(&p, layer.weight.bytes(), layer.bias.bytes(), &plan));
      const double slow = reference ? bench.golden_seconds(p, nullptr, layer) : 0.0;
      for (const int c : copies) {
        MUST_GOLDEN(qg_plan_set_copies(plan, c));
        const double fast = bench.golden_seconds(p, plan, layer);
        std::printf(
            "| %s | %lld x %lld x %lld | %s | %s | %.2f | %.0f | %.2f | %.2f | %.0f | %.3f | %.3f |\n",
            p.layout == QG_BCL ? "BCL" : "BLC", static_cast<long long>(size.batch),
            static_cast<long long>(size.channels), static_cast<long long>(size.length), name,
            c == 0 ? "auto" : std::to_string(c).c_str(), copy * 1e6, bench.bytes() / copy * 1e-9, slow * 1e6,
            fast * 1e6, bench.bytes() / fast * 1e-9, copy / fast, reference ? copy / slow : 0.0);
        std::fflush(stdout);
      }
      qg_plan_destroy(plan);
    }
  }
}

// A layer of one group and layers of several, in one run; sizes of one number of channels.
void bench_groups(const std::vector<Size>& sizes, const std::vector<qg_params>& variants) {
  std::printf(
      "\nLayers of several groups\n\n| layout | B x C x L | variant | groups | copy us | fast us | fast GB/s "
      "| fast : "
      "copy speed | one group's time : this |\n|---|---|---|---|---|---|---|---|---|\n");
  const std::int64_t channels = sizes[0].channels;
  const Layer layer(channels, 4, 1, Fill::kUniform);
  std::vector<std::unique_ptr<Bench>> benches;
  std::vector<double> copies;
  for (const Size& size : sizes) {
    benches.push_back(std::make_unique<Bench>(size, Fill::kUniform));
    copies.push_back(benches.back()->copy_seconds());
  }
  for (qg_params p : variants) {
    p.channels = channels;
    char name[96];
    MUST_GOLDEN(qg_variant_name(&p, name, sizeof name));
    std::vector<double> one(sizes.size());
    for (const auto& [count, how] : std::vector<std::pair<int, Arrangement>>{{1, Arrangement::kHeads},
                                                                             {3, Arrangement::kHeads},
                                                                             {18, Arrangement::kHeads},
                                                                             {144, Arrangement::kHeads},
                                                                             {18, Arrangement::kStrided},
                                                                             {144, Arrangement::kStrided}}) {
      const GroupedLayer groups = grouped_layer(p, count, how, count == 1 ? 0.0 : 0.5, 7);
      qg_plan* plan = nullptr;
      MUST_GOLDEN(qg_plan_create_groups(groups.groups.data(), groups.count(), groups.of_channel.data(),
                                        layer.weight.bytes(), layer.bias.bytes(), &plan));
      for (std::size_t i = 0; i < sizes.size(); ++i) {
        const Size& size = sizes[i];
        const double fast = benches[i]->golden_seconds(p, plan, layer);
        if (count == 1) one[i] = fast;
        std::printf("| %s | %lld x %lld x %lld | %s | %d%s | %.2f | %.2f | %.0f | %.3f | %.3f |\n",
                    p.layout == QG_BCL ? "BCL" : "BLC", static_cast<long long>(size.batch),
                    static_cast<long long>(size.channels), static_cast<long long>(size.length), name, count,
                    count <= 3                   ? ""
                    : how == Arrangement::kHeads ? " heads"
                                                 : " strided",
                    copies[i] * 1e6, fast * 1e6, benches[i]->bytes() / fast * 1e-9, copies[i] / fast,
                    one[i] / fast);
      }
      std::fflush(stdout);
      qg_plan_destroy(plan);
    }
  }
}

// A plan between floats, against a copy of as many bytes.
void bench_floats(const std::vector<Size>& sizes, const std::vector<qg_params>& variants) {
  std::printf(
      "\nFloats in [B,L,C]\n\n| B x C x L | variant | type | copy us | floats us | floats GB/s | floats : "
      "copy speed |\n"
      "|---|---|---|---|---|---|---|\n");
  for (const Size& size : sizes) {
    const Layer layer(size.channels, 4, 1, Fill::kUniform);
    for (const int type : {QG_FLOAT16, QG_FLOAT32}) {
      Bench bench({size.batch, size.channels * (type == QG_FLOAT32 ? 4 : 2), size.length}, Fill::kUniform);
      bench.fill_floats(type, variants[0].input_scale);
      const double copy = bench.copy_seconds();
      for (qg_params p : variants) {
        p.channels = size.channels;
        char name[96];
        MUST_GOLDEN(qg_variant_name(&p, name, sizeof name));
        qg_plan* plan = nullptr;
        MUST_GOLDEN(qg_plan_create(&p, layer.weight.bytes(), layer.bias.bytes(), &plan));
        const double fast = bench.float_seconds(plan, size, type);
        std::printf("| %lld x %lld x %lld | %s | %s | %.2f | %.2f | %.0f | %.3f |\n",
                    static_cast<long long>(size.batch), static_cast<long long>(size.channels),
                    static_cast<long long>(size.length), name, type == QG_FLOAT32 ? "fp32" : "fp16",
                    copy * 1e6, fast * 1e6, bench.bytes() / fast * 1e-9, copy / fast);
        std::fflush(stdout);
        qg_plan_destroy(plan);
      }
    }
  }
}

void bench_decode() {
  std::printf(
      "\nDecode, one token; copy: of the bytes that decode reads, token and state\n\n"
      "| B x C | groups | empty kernel us | copy us | decode us | decode : empty | decode : copy |\n"
      "|---|---|---|---|---|---|---|\n");
  constexpr int kLaunches = 200;
  const double empty = median_seconds(kLaunches, [&](int, cudaStream_t s) {
    empty_kernel<<<1, 32, 0, s>>>();
    MUST(cudaGetLastError());
  });
  for (const Size& size : {Size{1, 1536, 1}, Size{1, 5120, 1}, Size{16, 5120, 1}}) {
    const qg_params p = [&] {
      qg_params q = variant(QG_FUSED, QG_UPDATE, QG_FAST, QG_HALF_AWAY, QG_BLC);
      q.channels = size.channels;
      return q;
    }();
    const std::size_t n = static_cast<std::size_t>(size.batch * size.channels);
    const Layer layer(size.channels, 4, 1, Fill::kUniform);
    Buffer input(n), output(n), state(4 * n);
    fill(input.bytes(), n, 3, Fill::kUniform);
    MUST(cudaMemset(state.bytes(), 0, state.size()));
    Buffer from(5 * n), to(5 * n);
    const double copy = median_seconds(
        kLaunches, [&](int, cudaStream_t s) { copy_wide(from.bytes(), to.bytes(), from.size(), s); });
    for (const int count : {1, 18}) {
      const GroupedLayer groups = grouped_layer(p, count, Arrangement::kHeads, count == 1 ? 0.0 : 0.5, 7);
      qg_plan* plan = nullptr;
      MUST_GOLDEN(qg_plan_create_groups(groups.groups.data(), groups.count(), groups.of_channel.data(),
                                        layer.weight.bytes(), layer.bias.bytes(), &plan));
      const double decode = median_seconds(kLaunches, [&](int, cudaStream_t s) {
        qg_tensors t{};
        t.input = input.bytes();
        t.conv1d_output_int8 = output.bytes();
        t.state_in = t.state_out = state.bytes();
        MUST_GOLDEN(qg_plan_run(plan, size.batch, 1, &t, s, nullptr));
      });
      std::printf("| %lld x %lld | %d | %.2f | %.2f | %.2f | %.2f | %.2f |\n",
                  static_cast<long long>(size.batch), static_cast<long long>(size.channels), count,
                  empty * 1e6, copy * 1e6, decode * 1e6, decode / empty, decode / copy);
      qg_plan_destroy(plan);
    }
  }
}

}  // namespace

int main(int argc, char** argv) {
  bool quick = false;
  std::string only;
  for (int i = 1; i < argc; ++i) {
    if (std::strcmp(argv[i], "--quick") == 0) {
      quick = true;
    } else if (std::strcmp(argv[i], "--only") == 0 && i + 1 < argc) {
      only = argv[++i];
    } else {
      std::fprintf(stderr,
                   "golden_bench [--quick] [--only large|variants|bell|rows|small|groups|floats|decode]\n");
      return 2;
    }
  }
  if (quick) repeats = 7;
  const auto wanted = [&](const char* part) { return only.empty() || only == part; };
  int device = 0;
  MUST(cudaGetDevice(&device));
  MUST(cudaDeviceGetAttribute(&multiprocessors, cudaDevAttrMultiProcessorCount, device));
  char provenance[2048];
  MUST_GOLDEN(qg_provenance_json(provenance, sizeof provenance));
  std::printf("%s\n", provenance);
  const std::vector<qg_params> both = {variant(QG_TWO_STEP, QG_SEQLAST, QG_PRECISE, QG_HALF_EVEN, QG_BCL),
                                       variant(QG_FUSED, QG_SEQLAST, QG_FAST, QG_HALF_AWAY, QG_BCL),
                                       variant(QG_TWO_STEP, QG_SEQLAST, QG_PRECISE, QG_HALF_EVEN, QG_BLC),
                                       variant(QG_FUSED, QG_SEQLAST, QG_FAST, QG_HALF_AWAY, QG_BLC)};
  const std::vector<qg_params> others = {
      variant(QG_FUSED, QG_CHANNELLAST, QG_FAST, QG_HALF_AWAY, QG_BCL),
      variant(QG_FUSED, QG_CHANNELLAST, QG_FAST, QG_HALF_AWAY, QG_BLC),
      variant(QG_TWO_STEP, QG_CHANNELLAST, QG_PRECISE, QG_HALF_EVEN, QG_BLC),
      variant(QG_FUSED, QG_SEQLAST, QG_PRECISE, QG_HALF_AWAY, QG_BCL)};
  if (wanted("large"))
    bench_sizes("Large, uniform random int8", {{16, 5120, 4096}}, both, Fill::kUniform, only.empty(), {0});
  if (wanted("variants"))
    bench_sizes("Large, other variants", {{16, 5120, 4096}}, others, Fill::kUniform, !quick, {0});
  if (wanted("bell"))
    bench_sizes("Large, bell-shaped int8", {{16, 5120, 4096}}, both, Fill::kBell, false, {0});
  if (wanted("rows")) {
    std::vector<qg_params> variants = both;
    variants.push_back(variant(QG_FUSED, QG_CHANNELLAST, QG_FAST, QG_HALF_AWAY, QG_BCL));
    variants.push_back(variant(QG_FUSED, QG_CHANNELLAST, QG_FAST, QG_HALF_AWAY, QG_BLC));
    bench_sizes("Short or ragged rows", {{128, 5120, 512}, {64, 5120, 1001}, {16, 5120, 4095}}, variants,
                Fill::kUniform, false, {0});
  }
  if (wanted("small"))
    bench_sizes("Mamba sizes, one sequence", {{1, 1536, 2048}, {1, 2048, 2048}, {1, 5120, 2048}}, both,
                Fill::kUniform, !quick, quick ? std::vector<int>{0} : std::vector<int>{4, 8, 16, 32, 0});
  if (wanted("groups")) {
    const std::vector<qg_params> variants = {both[0], both[1], others[0], both[2], both[3], others[1]};
    bench_groups({{16, 5120, 4096}, {128, 5120, 512}, {16, 5120, 4095}, {1, 5120, 2048}}, variants);
  }
  if (wanted("floats")) bench_floats({{32, 1024, 512}, {16, 5120, 4096}}, {both[2], both[3]});
  if (wanted("decode")) bench_decode();
  return 0;
}
