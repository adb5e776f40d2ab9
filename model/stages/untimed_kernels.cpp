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

}  // namespace

void load_window(const std::int8_t* x, std::size_t t, std::size_t count, std::int8_t* window) {
  const std::size_t before = std::min(t, kHistory);
  std::memset(window, 0, kHistory - before);
  std::memcpy(window + kHistory - before, x + t - before, before + count);
}

#if defined(__x86_64__)
__attribute__((target_clones("default", "avx2", "arch=x86-64-v4")))
#endif
void integer_row(const ChannelPlan& channel, const StageProgram& stage, const Row& row) {
  const std::array<std::int8_t, spec::kTapsMax> w = channel.weights;
  std::int8_t window[kBlock + kHistory];
  std::int32_t q[kBlock];
  const std::uint32_t multiplier = stage.multiplier;
  const int shift_bits = stage.shift_bits, conv_bits = stage.conv_bits;
  const Rounding rounding = stage.rounding;
  const std::int8_t* table = stage.silu_table.data();
  for (std::size_t t = 0; t < row.length_elems; t += kBlock) {
    const std::size_t count = std::min(kBlock, row.length_elems - t);
    load_window(row.x, t, count, window);
    for (std::size_t i = 0; i < count; ++i) {
      const std::int32_t acc =
          w[0] * window[i] + w[1] * window[i + 1] + w[2] * window[i + 2] + w[3] * window[i + 3];
      q[i] =
          requant_round(requant_product(multiplier, acc), channel.bias_word, shift_bits, rounding, conv_bits)
              .q;
    }
    for (std::size_t i = 0; i < count; ++i) row.out[t + i] = table[silu_index(q[i], conv_bits)];
  }
}

#if defined(__x86_64__)
__attribute__((target_clones("default", "avx2", "arch=x86-64-v4")))
#endif
void fused_row_any(const ChannelPlan& channel, const FusedRow& fused, const Row& row) {
  const std::array<std::int8_t, spec::kTapsMax> w = channel.weights;
  const std::int8_t* table = fused.out.data();
  const std::int32_t first = fused.first, last = static_cast<std::int32_t>(fused.out.size()) - 1;
  std::int8_t window[kBlock + kHistory];
  std::int32_t index[kBlock];
  for (std::size_t t = 0; t < row.length_elems; t += kBlock) {
    const std::size_t count = std::min(kBlock, row.length_elems - t);
    load_window(row.x, t, count, window);
    for (std::size_t i = 0; i < count; ++i) {
      const std::int32_t acc =
          w[0] * window[i] + w[1] * window[i + 1] + w[2] * window[i + 2] + w[3] * window[i + 3];
      index[i] = std::min(std::max(acc - first, 0), last);
    }
    for (std::size_t i = 0; i < count; ++i) row.out[t + i] = table[index[i]];
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

__attribute__((target("avx2,fma"))) void fp32_row_wide_avx2(const ChannelPlan& channel,
                                                            const std::int8_t* table8, const Row& row) {
  const std::array<std::int8_t, spec::kTapsMax> w = channel.weights;
  const float a = channel.a, b = channel.b;
  // Adding 1.5 * 2^23 rounds to the nearest even integer and leaves it in the low bits.
  constexpr float kMagic = 0x1.8p23F;
  std::int8_t window[kBlock + kHistory];
  std::uint8_t index[kBlock];
  for (std::size_t t = 0; t < row.length_elems; t += kBlock) {
    const std::size_t count = std::min(kBlock, row.length_elems - t);
    load_window(row.x, t, count, window);
    for (std::size_t i = 0; i < count; ++i) {
      const std::int32_t acc =
          w[0] * window[i] + w[1] * window[i + 1] + w[2] * window[i + 2] + w[3] * window[i + 3];
      const float value = std::min(std::max(__builtin_fmaf(static_cast<float>(acc), a, b), -128.0F), 127.0F);
      const float shifted = value + kMagic;
      std::uint32_t bits;
      std::memcpy(&bits, &shifted, sizeof bits);
      index[i] = static_cast<std::uint8_t>(bits);
    }
    for (std::size_t i = 0; i < count; ++i) row.out[t + i] = table8[index[i]];
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

/// What the dot product of a row needs; see accumulators().
struct Avx512Taps {
  __m512i weights, base, flip;
  __m512i spread[4];
};

QUASIM_AVX512 Avx512Taps taps_of(const ChannelPlan& channel, std::int32_t base) {
  Avx512Taps taps;
  const std::array<std::int8_t, spec::kTapsMax> w = channel.weights;
  std::int32_t packed;
  std::memcpy(&packed, w.data(), sizeof packed);
  taps.weights = _mm512_set1_epi32(packed);
  taps.base = _mm512_set1_epi32(base - 128 * (w[0] + w[1] + w[2] + w[3]));
  taps.flip = _mm512_set1_epi8(static_cast<char>(0x80));
  for (int s = 0; s < 4; ++s) taps.spread[s] = _mm512_load_si512(kSpread.bytes[s]);
  return taps;
}

/// 64 accumulators: `older` holds x[t-3 ... t+60], `newer` x[t ... t+63]. Sub-vector s works on output
/// 16*lane + 4*s + r in its element 4*lane + r, so that the saturating packs, which work lane by lane, leave
/// the bytes in order. A window of four samples lies within a lane of `older` for s < 3, and within one of
/// `newer` for s = 3.
QUASIM_AVX512 void accumulators(const Avx512Taps& taps, __m512i older, __m512i newer, __m512i (&acc)[4]) {
  older = _mm512_xor_si512(older, taps.flip);  // signed to unsigned: + 128, taken back in base
  newer = _mm512_xor_si512(newer, taps.flip);
  for (int s = 0; s < 4; ++s)
    acc[s] = _mm512_dpbusd_epi32(taps.base, _mm512_shuffle_epi8(s < 3 ? older : newer, taps.spread[s]),
                                 taps.weights);
}

/// A table of 256 or 128 bytes, by index as an unsigned byte.
template <std::size_t Count>
struct Avx512Table {
  __m512i part[Count / 64];
};

template <std::size_t Count>
QUASIM_AVX512 Avx512Table<Count> table_of(const void* bytes) {
  Avx512Table<Count> table;
  for (std::size_t s = 0; s < Count / 64; ++s)
    table.part[s] = _mm512_loadu_si512(static_cast<const std::int8_t*>(bytes) + 64 * s);
  return table;
}

QUASIM_AVX512 __m512i look_up(const Avx512Table<128>& table, __m512i index, __mmask64 /*upper*/) {
  return _mm512_permutex2var_epi8(table.part[0], index, table.part[1]);
}
/// `upper`: where the index is 128 and more.
QUASIM_AVX512 __m512i look_up(const Avx512Table<256>& table, __m512i index, __mmask64 upper) {
  const __m512i low = _mm512_permutex2var_epi8(table.part[0], index, table.part[1]);
  const __m512i high = _mm512_permutex2var_epi8(table.part[2], index, table.part[3]);
  return _mm512_mask_blend_epi8(upper, low, high);
}

/// two_step by the fp32 form.
struct Fp32Outputs {
  Avx512Taps taps;
  Avx512Table<256> table;
  __m512 a, b;

  QUASIM_AVX512 __m512i operator()(__m512i older, __m512i newer) const {
    __m512i q[4];
    accumulators(taps, older, newer, q);
    for (__m512i& lanes : q) {
      const __m512 value = _mm512_fmadd_ps(_mm512_cvtepi32_ps(lanes), a, b);
      lanes = _mm512_cvt_roundps_epi32(value, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
    }
    const __m512i index = _mm512_packs_epi16(_mm512_packs_epi32(q[0], q[1]), _mm512_packs_epi32(q[2], q[3]));
    return look_up(table, index, _mm512_movepi8_mask(index));
  }
};

/// fused by `Count` buckets of `Steps` steps at most.
template <std::size_t Count, std::size_t Steps>
struct BucketOutputs {
  Avx512Taps taps;
  Avx512Table<Count> rank;
  Avx512Table<Count> part[Steps > 0 ? Steps : 1];
  __m512i last, scale, turn;

  QUASIM_AVX512 __m512i operator()(__m512i older, __m512i newer) const {
    __m512i acc[4];
    accumulators(taps, older, newer, acc);
    // Packing clamps below first, the minimum above last.
    const __m512i low = _mm512_min_epu16(_mm512_packus_epi32(acc[0], acc[1]), last);
    const __m512i high = _mm512_min_epu16(_mm512_packus_epi32(acc[2], acc[3]), last);
    const __m512i bucket =
        _mm512_packus_epi16(_mm512_mulhi_epu16(low, scale), _mm512_mulhi_epu16(high, scale));
    const __m512i place = _mm512_packus_epi16(_mm512_srli_epi16(_mm512_mullo_epi16(low, scale), 8),
                                              _mm512_srli_epi16(_mm512_mullo_epi16(high, scale), 8));
    const __mmask64 upper = _mm512_movepi8_mask(bucket);
    __m512i ranks = look_up(rank, bucket, upper);
    for (std::size_t step = 0; step < Steps; ++step) {
      const __mmask64 reached = _mm512_cmpge_epu8_mask(place, look_up(part[step], bucket, upper));
      ranks = _mm512_mask_sub_epi8(ranks, reached, ranks, _mm512_set1_epi8(-1));
    }
    const __m512i apart = _mm512_or_si512(_mm512_subs_epu8(ranks, turn), _mm512_subs_epu8(turn, ranks));
    return _mm512_sub_epi8(apart, turn);
  }
};

constexpr std::size_t kLine = 64;  // outputs of one vector

constexpr std::uint64_t low_bits(std::size_t count) {
  return count >= 64 ? ~std::uint64_t{0} : (std::uint64_t{1} << count) - 1;
}

/// 64 outputs with three samples before them; `Streamed` wants out + t to begin a line.
template <bool Streamed, class Outputs>
QUASIM_AVX512 void whole(const Outputs& outputs, const Row& row, std::size_t t) {
  const __m512i older = _mm512_loadu_si512(row.x + t - kHistory), newer = _mm512_loadu_si512(row.x + t);
  const __m512i result = outputs(older, newer);
  if (Streamed)
    _mm512_stream_si512(reinterpret_cast<__m512i*>(row.out + t), result);
  else
    _mm512_storeu_si512(row.out + t, result);
}

/// Up to 64 outputs at any place of the row.
template <class Outputs>
QUASIM_AVX512 void partial(const Outputs& outputs, const Row& row, std::size_t t, std::size_t count) {
  const std::size_t missing = t < kHistory ? kHistory - t : 0;  // samples before the row begins are zero
  const __mmask64 have = low_bits(count + kHistory) & ~low_bits(missing);
  const __m512i older = _mm512_maskz_loadu_epi8(have, row.x + t - kHistory);
  const __m512i newer = _mm512_maskz_loadu_epi8(low_bits(count), row.x + t);
  const __m512i result = outputs(older, newer);
  if (count == kLine)
    _mm512_storeu_si512(row.out + t, result);
  else
    _mm512_mask_storeu_epi8(row.out + t, low_bits(count), result);
}

/// The first block lacks history; the last one of a long row overlaps its neighbour instead of being cut
/// short.
template <class Outputs>
QUASIM_AVX512 void cached_row(const Outputs& outputs, const Row& row) {
  const std::size_t length_elems = row.length_elems;
  std::size_t t = std::min(length_elems, kLine);
  partial(outputs, row, 0, t);
  for (; t + kLine <= length_elems; t += kLine) whole<false>(outputs, row, t);
  if (t == length_elems) return;
  if (length_elems >= kLine + kHistory)
    whole<false>(outputs, row, length_elems - kLine);
  else
    partial(outputs, row, t, length_elems - t);
}

/// The first block ends where a line of the memory does.
template <class Outputs>
QUASIM_AVX512 void streamed_row(const Outputs& outputs, const Row& row) {
  const std::size_t length_elems = row.length_elems;
  std::size_t t = std::min(length_elems, kLine - reinterpret_cast<std::uintptr_t>(row.out) % kLine);
  partial(outputs, row, 0, t);
  if (t < kHistory && t < length_elems) {  // the next block lacks history too
    const std::size_t count = std::min(length_elems - t, kLine);
    partial(outputs, row, t, count);
    t += count;
  }
  for (; t + kLine <= length_elems; t += kLine) whole<true>(outputs, row, t);
  if (t < length_elems) partial(outputs, row, t, length_elems - t);
}

template <class Outputs>
QUASIM_AVX512 void whole_row(const Outputs& outputs, const Row& row) {
  if (row.stores == Stores::kStreamed)
    streamed_row(outputs, row);
  else
    cached_row(outputs, row);
}

template <std::size_t Steps, std::size_t Count>
QUASIM_AVX512 void bucket_row(const ChannelPlan& channel, const FusedRow& fused,
                              const RankBuckets<Count>& buckets, const Row& row) {
  BucketOutputs<Count, Steps> outputs;
  outputs.taps = taps_of(channel, -fused.first);
  outputs.rank = table_of<Count>(buckets.rank.data());
  for (std::size_t step = 0; step < Steps; ++step)
    outputs.part[step] = table_of<Count>(buckets.part[step].data());
  outputs.last = _mm512_set1_epi16(static_cast<short>(fused.out.size() - 1));
  outputs.scale = _mm512_set1_epi16(static_cast<short>(buckets.scale));
  outputs.turn = _mm512_set1_epi8(static_cast<char>(fused.turn));
  whole_row(outputs, row);
}

template <std::size_t Count>
QUASIM_AVX512 void bucket_row(const ChannelPlan& channel, const FusedRow& fused,
                              const RankBuckets<Count>& buckets, const Row& row) {
  static_assert(RankBuckets<Count>::kMostSteps == 4);
  if (buckets.steps == 0) return bucket_row<0>(channel, fused, buckets, row);
  if (buckets.steps == 1) return bucket_row<1>(channel, fused, buckets, row);
  if (buckets.steps == 2) return bucket_row<2>(channel, fused, buckets, row);
  if (buckets.steps == 3) return bucket_row<3>(channel, fused, buckets, row);
  bucket_row<4>(channel, fused, buckets, row);
}

}  // namespace

__attribute__((target("avx512f,avx512bw,avx512vnni,avx512vbmi"))) void fp32_row_avx512(
    const ChannelPlan& channel, const std::int8_t* table8, const Row& row) {
  Fp32Outputs outputs;
  outputs.taps = taps_of(channel, 0);
  outputs.table = table_of<256>(table8);
  outputs.a = _mm512_set1_ps(channel.a);
  outputs.b = _mm512_set1_ps(channel.b);
  whole_row(outputs, row);
}

__attribute__((target("avx512f,avx512bw,avx512vnni,avx512vbmi"))) void fused_row_avx512(
    const ChannelPlan& channel, const FusedRow& fused, const Row& row) {
  if (fused.half.steps >= 0)
    bucket_row(channel, fused, fused.half, row);
  else
    bucket_row(channel, fused, fused.many, row);
}

void end_of_stream() {
  _mm_sfence();
}

#else

bool has_avx2() {
  return false;
}
bool has_avx512() {
  return false;
}
void fp32_row_wide_avx2(const ChannelPlan&, const std::int8_t*, const Row&) {}
void fp32_row_avx512(const ChannelPlan&, const std::int8_t*, const Row&) {}
void fused_row_avx512(const ChannelPlan&, const FusedRow&, const Row&) {}
void end_of_stream() {}

#endif

}  // namespace quasim::stages
