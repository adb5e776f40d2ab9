#include "stages/untimed_kernels.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "stages/requant.hpp"
#include "stages/silu.hpp"

#if defined(__x86_64__)
#include <immintrin.h>
#if defined(__GNUC__) && !defined(__clang__)
// GCC 12's own header passes _mm512_undefined_*() where the value does not matter, and warns about it.
#pragma GCC diagnostic ignored "-Wuninitialized"
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#endif
#endif

namespace quasim::stages {
namespace {

constexpr std::size_t kBlock = 256;
constexpr std::size_t kHistory = spec::kTapsMax - 1;

/// x[t - 3 ... t + count - 1], zeros before the row begins.
inline void load_window(const std::int8_t* x, std::size_t t, std::size_t count, std::int8_t* window) {
  const std::size_t before = std::min(t, kHistory);
  std::memset(window, 0, kHistory - before);
  std::memcpy(window + kHistory - before, x + t - before, before + count);
}

}  // namespace

#if defined(__x86_64__)
__attribute__((target_clones("default", "avx2", "arch=x86-64-v4")))
#endif
void integer_row(const ChannelPlan& channel, const IntegerStages& stages, const std::int8_t* x, std::int8_t* out,
                 std::size_t length_elems) {
  const std::array<std::int8_t, spec::kTapsMax> w = channel.weights;
  std::int8_t window[kBlock + kHistory];
  std::int32_t q[kBlock];
  for (std::size_t t = 0; t < length_elems; t += kBlock) {
    const std::size_t count = std::min(kBlock, length_elems - t);
    load_window(x, t, count, window);
    for (std::size_t i = 0; i < count; ++i) {
      const std::int32_t acc =
          w[0] * window[i] + w[1] * window[i + 1] + w[2] * window[i + 2] + w[3] * window[i + 3];
      q[i] = requant_round(requant_product(stages.multiplier, acc), channel.bias_word, stages.shift_bits,
                           stages.rounding, stages.conv_bits)
                 .q;
    }
    for (std::size_t i = 0; i < count; ++i) out[t + i] = stages.table[silu_index(q[i], stages.conv_bits)];
  }
}

#if defined(__x86_64__)

bool has_avx2() {
  return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
}
bool has_avx512() {
  return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
         __builtin_cpu_supports("avx512vnni") && __builtin_cpu_supports("avx512vbmi");
}

__attribute__((target("avx2,fma"))) void fp32_row_avx2(const ChannelPlan& channel, const std::int8_t* table8,
                                                       const std::int8_t* x, std::int8_t* out,
                                                       std::size_t length_elems) {
  const std::array<std::int8_t, spec::kTapsMax> w = channel.weights;
  const float a = channel.a, b = channel.b;
  // Adding 1.5 * 2^23 rounds to the nearest even integer and leaves it in the low bits.
  constexpr float kMagic = 0x1.8p23F;
  std::int8_t window[kBlock + kHistory];
  std::uint8_t index[kBlock];
  for (std::size_t t = 0; t < length_elems; t += kBlock) {
    const std::size_t count = std::min(kBlock, length_elems - t);
    load_window(x, t, count, window);
    for (std::size_t i = 0; i < count; ++i) {
      const std::int32_t acc =
          w[0] * window[i] + w[1] * window[i + 1] + w[2] * window[i + 2] + w[3] * window[i + 3];
      const float value = std::min(std::max(__builtin_fmaf(static_cast<float>(acc), a, b), -128.0F), 127.0F);
      const float shifted = value + kMagic;
      std::uint32_t bits;
      std::memcpy(&bits, &shifted, sizeof bits);
      index[i] = static_cast<std::uint8_t>(bits);
    }
    for (std::size_t i = 0; i < count; ++i) out[t + i] = table8[index[i]];
  }
}

namespace {

#define QUASIM_AVX512 __attribute__((target("avx512f,avx512bw,avx512vnni,avx512vbmi"), always_inline)) inline

/// Byte indices, within a lane, of the windows of each sub-vector; see outputs().
struct Spread {
  alignas(64) std::int8_t bytes[4][64] = {};

  constexpr Spread() {
    for (int s = 0; s < 4; ++s)
      for (int i = 0; i < 64; ++i) {
        const int element = (i / 4) % 4, tap = i % 4;
        bytes[s][i] =
            static_cast<std::int8_t>(4 * s + element + tap - (s == 3 ? static_cast<int>(kHistory) : 0));
      }
  }
};
constexpr Spread kSpread;

/// Constants of a row.
struct Avx512Row {
  __m512i weights, base, flip;
  __m512i spread[4];
  __m512i table[4];
  __m512 a, b;
};

/// 64 outputs: `older` holds x[t-3 ... t+60], `newer` x[t ... t+63]. Sub-vector s works on output 16*lane +
/// 4*s + r in its element 4*lane + r, so that the saturating packs, which work lane by lane, leave the bytes
/// in order. A window of four samples lies within a lane of `older` for s < 3, and within one of `newer` for
/// s = 3.
QUASIM_AVX512 __m512i outputs(const Avx512Row& row, __m512i older, __m512i newer) {
  older = _mm512_xor_si512(older, row.flip);  // signed to unsigned: + 128, taken back in base
  newer = _mm512_xor_si512(newer, row.flip);
  __m512i q[4];
  for (int s = 0; s < 4; ++s) {
    const __m512i windows = _mm512_shuffle_epi8(s < 3 ? older : newer, row.spread[s]);
    const __m512i acc = _mm512_dpbusd_epi32(row.base, windows, row.weights);
    const __m512 value = _mm512_fmadd_ps(_mm512_cvtepi32_ps(acc), row.a, row.b);
    q[s] = _mm512_cvt_roundps_epi32(value, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
  }
  const __m512i index = _mm512_packs_epi16(_mm512_packs_epi32(q[0], q[1]), _mm512_packs_epi32(q[2], q[3]));
  const __m512i positive = _mm512_permutex2var_epi8(row.table[0], index, row.table[1]);
  const __m512i negative = _mm512_permutex2var_epi8(row.table[2], index, row.table[3]);
  return _mm512_mask_blend_epi8(_mm512_movepi8_mask(index), positive, negative);
}

constexpr std::size_t kLine = 64;  // outputs of one vector

constexpr std::uint64_t low_bits(std::size_t count) {
  return count >= 64 ? ~std::uint64_t{0} : (std::uint64_t{1} << count) - 1;
}

/// 64 outputs with three samples before them.
QUASIM_AVX512 void whole(const Avx512Row& row, const std::int8_t* x, std::int8_t* out, std::size_t t) {
  const __m512i older = _mm512_loadu_si512(x + t - kHistory), newer = _mm512_loadu_si512(x + t);
  _mm512_storeu_si512(out + t, outputs(row, older, newer));
}

/// Up to 64 outputs at any place of the row.
QUASIM_AVX512 void partial(const Avx512Row& row, const std::int8_t* x, std::int8_t* out, std::size_t t,
                           std::size_t count) {
  const std::size_t missing = t < kHistory ? kHistory - t : 0;  // samples before the row begins are zero
  const __mmask64 have = low_bits(count + kHistory) & ~low_bits(missing);
  const __m512i older = _mm512_maskz_loadu_epi8(have, x + t - kHistory);
  const __m512i newer = _mm512_maskz_loadu_epi8(low_bits(count), x + t);
  const __m512i result = outputs(row, older, newer);
  if (count == kLine)
    _mm512_storeu_si512(out + t, result);
  else
    _mm512_mask_storeu_epi8(out + t, low_bits(count), result);
}

}  // namespace

__attribute__((target("avx512f,avx512bw,avx512vnni,avx512vbmi"))) void fp32_row_avx512(
    const ChannelPlan& channel, const std::int8_t* table8, const std::int8_t* x, std::int8_t* out,
    std::size_t length_elems) {
  Avx512Row row;
  const std::array<std::int8_t, spec::kTapsMax> w = channel.weights;
  std::int32_t packed;
  std::memcpy(&packed, w.data(), sizeof packed);
  row.weights = _mm512_set1_epi32(packed);
  row.base = _mm512_set1_epi32(-128 * (w[0] + w[1] + w[2] + w[3]));
  row.flip = _mm512_set1_epi8(static_cast<char>(0x80));
  for (int s = 0; s < 4; ++s) {
    row.spread[s] = _mm512_load_si512(kSpread.bytes[s]);
    row.table[s] = _mm512_load_si512(table8 + std::ptrdiff_t{64} * s);
  }
  row.a = _mm512_set1_ps(channel.a);
  row.b = _mm512_set1_ps(channel.b);

  // The first block lacks history; the last one of a long row overlaps its neighbour instead of being cut
  // short.
  std::size_t t = std::min(length_elems, kLine);
  partial(row, x, out, 0, t);
  for (; t + kLine <= length_elems; t += kLine) whole(row, x, out, t);
  if (t == length_elems) return;
  if (length_elems >= kLine + kHistory)
    whole(row, x, out, length_elems - kLine);
  else
    partial(row, x, out, t, length_elems - t);
}

#else

bool has_avx2() {
  return false;
}
bool has_avx512() {
  return false;
}
void fp32_row_avx2(const ChannelPlan&, const std::int8_t*, const std::int8_t*, std::int8_t*, std::size_t) {}
void fp32_row_avx512(const ChannelPlan&, const std::int8_t*, const std::int8_t*, std::int8_t*, std::size_t) {}

#endif

}  // namespace quasim::stages
