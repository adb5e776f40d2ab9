// Rows for processors with AVX2: sums of 16 bits, and tables read by byte permutations, 16 entries each.
//
// A block goes through twice: first from samples to the index of each output, then from indices to outputs.
// Each half is short enough for the processor to have several of its turns in flight.
#include <algorithm>
#include <array>
#include <cstdlib>
#include <cstring>

#include "stages/untimed_kernels.hpp"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace quasim::stages {

#if defined(__x86_64__)

namespace avx2 {
namespace {

#define QUASIM_AVX2 __attribute__((target("avx2,fma"), always_inline)) inline

constexpr std::size_t kBlock = 512;
constexpr std::size_t kLine = 32;  // outputs of one vector
constexpr std::size_t kHistory = spec::kTapsMax - 1;

QUASIM_AVX2 __m256i load(const void* bytes) {
  return _mm256_loadu_si256(static_cast<const __m256i*>(bytes));
}
QUASIM_AVX2 void store(void* bytes, __m256i value) {
  _mm256_storeu_si256(static_cast<__m256i*>(bytes), value);
}
QUASIM_AVX2 __m256i all16(int value) {
  return _mm256_set1_epi16(static_cast<short>(value));
}
QUASIM_AVX2 __m256i all8(int value) {
  return _mm256_set1_epi8(static_cast<char>(value));
}

/// The weights as pairs of bytes. The product of two pairs is exact in 16 bits while both weights together
/// are at most 128 in magnitude; `Halves` adds the products of two halves of the weights instead, modulo
/// 2^16.
template <bool Halves>
struct Taps {
  __m256i older[2], newer[2];
  __m256i older_base, newer_base;  ///< take the 128 of each sample back
};

QUASIM_AVX2 __m256i weight_pair(int first, int second) {
  return all16((first & 0xFF) | ((second & 0xFF) << 8));
}

template <bool Halves>
QUASIM_AVX2 Taps<Halves> taps_of(const ChannelPlan& channel) {
  const std::array<std::int8_t, spec::kTapsMax> w = channel.weights;
  int part[spec::kTapsMax];
  for (std::size_t k = 0; k < spec::kTapsMax; ++k) part[k] = Halves ? w[k] / 2 : w[k];
  Taps<Halves> taps;
  taps.older[0] = weight_pair(part[0], part[1]);
  taps.newer[0] = weight_pair(part[2], part[3]);
  taps.older[1] = weight_pair(w[0] - part[0], w[1] - part[1]);
  taps.newer[1] = weight_pair(w[2] - part[2], w[3] - part[3]);
  taps.older_base = all16(-128 * (w[0] + w[1]));
  taps.newer_base = all16(-128 * (w[2] + w[3]));
  return taps;
}

bool needs_halves(const ChannelPlan& channel) {
  constexpr int kExact = 128;
  const std::array<std::int8_t, spec::kTapsMax> w = channel.weights;
  return std::abs(w[0]) + std::abs(w[1]) > kExact || std::abs(w[2]) + std::abs(w[3]) > kExact;
}

/// The sum of two taps for 16 outputs; |sum| < 2^15.
template <bool Halves>
QUASIM_AVX2 __m256i two_taps(const __m256i (&weights)[2], __m256i base, const std::int8_t* samples) {
  const __m256i unsigned_samples = _mm256_xor_si256(load(samples), all8(0x80));  // + 128
  __m256i sum = _mm256_add_epi16(_mm256_maddubs_epi16(unsigned_samples, weights[0]), base);
  if (Halves) sum = _mm256_add_epi16(sum, _mm256_maddubs_epi16(unsigned_samples, weights[1]));
  return sum;
}

/// Every second accumulator from the one whose window begins at `window`, clamped to 16 bits.
template <bool Halves>
QUASIM_AVX2 __m256i accumulators(const Taps<Halves>& taps, const std::int8_t* window) {
  return _mm256_adds_epi16(two_taps<Halves>(taps.older, taps.older_base, window),
                           two_taps<Halves>(taps.newer, taps.newer_base, window + 2));
}

constexpr int kRows = 8;

/// A table of 128 bytes. Each 16 of them are stored as their difference (exclusive or) to the 16 before, so
/// that an index adds up all rows to its own: below its row the index less 16 a row is negative, which reads
/// 0.
struct Table {
  alignas(16) std::array<std::uint8_t, 128> difference;

  QUASIM_AVX2 void set(const void* bytes) {
    const auto* rows = static_cast<const __m128i*>(bytes);
    auto* differences = reinterpret_cast<__m128i*>(difference.data());
    _mm_store_si128(differences, _mm_loadu_si128(rows));
    for (int row = 1; row < kRows; ++row)
      _mm_store_si128(differences + row,
                      _mm_xor_si128(_mm_loadu_si128(rows + row), _mm_loadu_si128(rows + row - 1)));
  }
  QUASIM_AVX2 __m256i row(int number) const {
    const auto* rows = reinterpret_cast<const __m128i*>(difference.data());
    return _mm256_broadcastsi128_si256(_mm_load_si128(rows + number));
  }
};

/// A table in registers: one goes through a block at a time.
struct LoadedTable {
  __m256i rows[kRows];

  explicit QUASIM_AVX2 LoadedTable(const Table& table) {
    for (int row = 0; row < kRows; ++row) rows[row] = table.row(row);
  }
  /// The entries at an index from 0 to 127; 0 or noise for others.
  QUASIM_AVX2 __m256i look_up(__m256i index) const {
    __m256i entries = _mm256_shuffle_epi8(rows[0], index);
#pragma GCC unroll 8
    for (int row = 1; row < kRows; ++row) {
      index = _mm256_sub_epi8(index, all8(16));
      entries = _mm256_xor_si256(entries, _mm256_shuffle_epi8(rows[row], index));
    }
    return entries;
  }
};

/// fused by buckets.
template <bool Halves>
struct BucketOutputs {
  Taps<Halves> taps;
  Table rank;
  Table part[RankBuckets<128>::kMostSteps];  ///< where each step begins
  int steps;
  __m256i first, last, scale, turn;

  struct Index {
    alignas(32) std::array<std::uint8_t, kBlock> bucket, part;
  };

  QUASIM_AVX2 __m256i position(__m256i acc) const {
    return _mm256_min_epu16(_mm256_subs_epu16(_mm256_xor_si256(acc, all16(0x8000)), first), last);
  }
  QUASIM_AVX2 void index(const std::int8_t* window, std::size_t i, Index& at) const {
    const __m256i even = position(accumulators(taps, window));
    const __m256i odd = position(accumulators(taps, window + 1));
    store(&at.bucket[i], _mm256_or_si256(_mm256_mulhi_epu16(even, scale),
                                         _mm256_slli_epi16(_mm256_mulhi_epu16(odd, scale), 8)));
    store(&at.part[i], _mm256_blendv_epi8(_mm256_srli_epi16(_mm256_mullo_epi16(even, scale), 8),
                                          _mm256_mullo_epi16(odd, scale), all16(0xFF00)));
  }
  QUASIM_AVX2 void outputs(const Index& at, std::size_t count, std::int8_t* out) const {
    const LoadedTable ranks(rank);
    for (std::size_t i = 0; i < count; i += kLine) store(out + i, ranks.look_up(load(&at.bucket[i])));
    for (int step = 0; step < steps; ++step) {
      const LoadedTable begin(part[step]);
      for (std::size_t i = 0; i < count; i += kLine) {
        const __m256i here = load(&at.part[i]);
        const __m256i reached =
            _mm256_cmpeq_epi8(_mm256_max_epu8(here, begin.look_up(load(&at.bucket[i]))), here);
        store(out + i, _mm256_sub_epi8(load(out + i), reached));
      }
    }
    for (std::size_t i = 0; i < count; i += kLine) {
      // |rank - turn| of unsigned bytes
      const __m256i counted = load(out + i);
      const __m256i apart = _mm256_or_si256(_mm256_subs_epu8(counted, turn), _mm256_subs_epu8(turn, counted));
      store(out + i, _mm256_sub_epi8(apart, turn));
    }
  }
};

/// two_step by the fp32 form; the table is read as out(-min(|q|, 127)) where it mirrors itself.
template <bool Halves>
struct Fp32Outputs {
  Taps<Halves> taps;
  Table table;     ///< q >= 0, or by |q|
  Table negative;  ///< q < 0 from -128 on, where it does not mirror itself
  bool mirrored;
  __m256 a, b;

  struct Index {
    alignas(32) std::array<std::int8_t, kBlock> q;
  };

  QUASIM_AVX2 __m256i rounded(__m256i acc) const {
    return _mm256_cvtps_epi32(_mm256_fmadd_ps(_mm256_cvtepi32_ps(acc), a, b));
  }
  QUASIM_AVX2 void index(const std::int8_t* window, std::size_t i, Index& at) const {
    const __m256i even = accumulators(taps, window), odd = accumulators(taps, window + 1);
    // q of every fourth output, from the first, second, third and fourth on; then put in order.
    const __m256i q0 = rounded(_mm256_srai_epi32(_mm256_slli_epi32(even, 16), 16));
    const __m256i q1 = rounded(_mm256_srai_epi32(_mm256_slli_epi32(odd, 16), 16));
    const __m256i q2 = rounded(_mm256_srai_epi32(even, 16)), q3 = rounded(_mm256_srai_epi32(odd, 16));
    const __m256i q = _mm256_packs_epi16(_mm256_packs_epi32(q0, q2), _mm256_packs_epi32(q1, q3));
    const __m128i order = _mm_setr_epi8(0, 8, 4, 12, 1, 9, 5, 13, 2, 10, 6, 14, 3, 11, 7, 15);
    store(&at.q[i], _mm256_shuffle_epi8(q, _mm256_broadcastsi128_si256(order)));
  }
  QUASIM_AVX2 void outputs(const Index& at, std::size_t count, std::int8_t* out) const {
    const LoadedTable entries(table);
    if (mirrored) {
      for (std::size_t i = 0; i < count; i += kLine) {
        const __m256i q = load(&at.q[i]);
        const __m256i entry = entries.look_up(_mm256_min_epu8(_mm256_abs_epi8(q), all8(127)));
        store(out + i, _mm256_add_epi8(entry, _mm256_max_epi8(q, _mm256_setzero_si256())));
      }
      return;
    }
    for (std::size_t i = 0; i < count; i += kLine) store(out + i, entries.look_up(load(&at.q[i])));
    const LoadedTable below(negative);
    for (std::size_t i = 0; i < count; i += kLine) {
      const __m256i q = load(&at.q[i]);
      store(out + i, _mm256_blendv_epi8(load(out + i), below.look_up(_mm256_xor_si256(q, all8(0x80))), q));
    }
  }
};

template <class Outputs>
QUASIM_AVX2 void row_by(const Outputs& outputs, const std::int8_t* x, std::int8_t* out,
                        std::size_t length_elems) {
  static_assert(kLine > kHistory + 2, "the last window of a block ends within the buffer");
  std::int8_t window[kBlock + kLine] = {}, result[kBlock];
  typename Outputs::Index at;
  for (std::size_t t = 0; t < length_elems; t += kBlock) {
    const std::size_t count = std::min(kBlock, length_elems - t);
    load_window(x, t, count, window);
    for (std::size_t i = 0; i < count; i += kLine) outputs.index(window + i, i, at);
    // Lines are written whole, so a row's last one goes elsewhere first unless it is one.
    std::int8_t* target = count % kLine == 0 ? out + t : result;
    outputs.outputs(at, count, target);
    if (target == result) std::memcpy(out + t, result, count);
  }
}

template <bool Halves>
QUASIM_AVX2 void bucket_row(const ChannelPlan& channel, const FusedRow& row, const std::int8_t* x,
                            std::int8_t* out, std::size_t length_elems) {
  BucketOutputs<Halves> outputs;
  outputs.taps = taps_of<Halves>(channel);
  outputs.rank.set(row.few.rank.data());
  outputs.steps = row.few.steps;
  for (int step = 0; step < row.few.steps; ++step)
    outputs.part[step].set(row.few.part[static_cast<std::size_t>(step)].data());
  outputs.first = all16(row.first + 0x8000);
  outputs.last = all16(static_cast<int>(row.out.size()) - 1);
  outputs.scale = all16(row.few.scale);
  outputs.turn = all8(row.turn);
  row_by(outputs, x, out, length_elems);
}

template <bool Halves>
QUASIM_AVX2 void fp32_row(const ChannelPlan& channel, const Table8& table, const std::int8_t* x,
                          std::int8_t* out, std::size_t length_elems) {
  Fp32Outputs<Halves> outputs;
  outputs.taps = taps_of<Halves>(channel);
  outputs.mirrored = table.mirrored;
  outputs.a = _mm256_set1_ps(channel.a);
  outputs.b = _mm256_set1_ps(channel.b);
  outputs.table.set(table.mirrored ? table.by_magnitude.data() : table.bytes.data());
  outputs.negative.set(table.bytes.data() + 128);
  row_by(outputs, x, out, length_elems);
}

}  // namespace
}  // namespace avx2

__attribute__((target("avx2,fma"))) void fused_row_avx2(const ChannelPlan& channel, const FusedRow& row,
                                                        const std::int8_t* x, std::int8_t* out,
                                                        std::size_t length_elems) {
  if (avx2::needs_halves(channel))
    avx2::bucket_row<true>(channel, row, x, out, length_elems);
  else
    avx2::bucket_row<false>(channel, row, x, out, length_elems);
}

__attribute__((target("avx2,fma"))) void fp32_row_avx2(const ChannelPlan& channel, const Table8& table,
                                                       const std::int8_t* x, std::int8_t* out,
                                                       std::size_t length_elems) {
  if (avx2::needs_halves(channel))
    avx2::fp32_row<true>(channel, table, x, out, length_elems);
  else
    avx2::fp32_row<false>(channel, table, x, out, length_elems);
}

#else

void fused_row_avx2(const ChannelPlan&, const FusedRow&, const std::int8_t*, std::int8_t*, std::size_t) {}
void fp32_row_avx2(const ChannelPlan&, const Table8&, const std::int8_t*, std::int8_t*, std::size_t) {}

#endif

}  // namespace quasim::stages
