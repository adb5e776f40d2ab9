// Rows for processors with AVX2: sums of 16 bits, and tables read by byte permutations, 16 entries each.
//
// A block goes through twice: first from samples to the index of each output, then from indices to outputs.
// Each half is short enough for the processor to have several of its turns in flight.
#include <algorithm>
#include <array>
#include <cstdlib>
#include <cstring>
#include <limits>

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

/// How the sum of four taps is formed. Samples are stored + 128. The product of two pairs is exact in 16 bits
/// while both weights together are at most 128 in magnitude; kHalves adds the products of two halves of the
/// weights instead, modulo 2^16. kWhole needs no clamp: the accumulators fit 16 bits.
enum class Sum { kWhole, kClamped, kHalves };

/// The weights as pairs of bytes.
template <Sum Form>
struct Taps {
  __m256i older[2], newer[2];
  __m256i older_base, newer_base;  ///< take the 128 of each sample back
};

QUASIM_AVX2 __m256i weight_pair(int first, int second) {
  return all16((first & 0xFF) | ((second & 0xFF) << 8));
}

template <Sum Form>
QUASIM_AVX2 Taps<Form> taps_of(const ChannelPlan& channel) {
  const std::array<std::int8_t, spec::kTapsMax> w = channel.weights;
  int part[spec::kTapsMax];
  for (std::size_t k = 0; k < spec::kTapsMax; ++k) part[k] = Form == Sum::kHalves ? w[k] / 2 : w[k];
  Taps<Form> taps;
  taps.older[0] = weight_pair(part[0], part[1]);
  taps.newer[0] = weight_pair(part[2], part[3]);
  taps.older[1] = weight_pair(w[0] - part[0], w[1] - part[1]);
  taps.newer[1] = weight_pair(w[2] - part[2], w[3] - part[3]);
  taps.older_base = all16(-128 * (w[0] + w[1]));
  taps.newer_base = all16(-128 * (w[2] + w[3]));
  return taps;
}

Sum sum_form(const ChannelPlan& channel) {
  constexpr int kExact = 128;
  std::array<int, spec::kTapsMax> size{};
  for (std::size_t k = 0; k < spec::kTapsMax; ++k) size[k] = std::abs(channel.weights[k]);
  const int older = size[0] + size[1], newer = size[2] + size[3];
  if (older > kExact || newer > kExact) return Sum::kHalves;
  return (older + newer) * 128 > std::numeric_limits<std::int16_t>::max() ? Sum::kClamped : Sum::kWhole;
}

/// The sum of two taps for 16 outputs; |sum| < 2^15.
template <Sum Form>
QUASIM_AVX2 __m256i two_taps(const __m256i (&weights)[2], __m256i base, const std::int8_t* samples) {
  const __m256i shifted = load(samples);
  __m256i sum = _mm256_add_epi16(_mm256_maddubs_epi16(shifted, weights[0]), base);
  if (Form == Sum::kHalves) sum = _mm256_add_epi16(sum, _mm256_maddubs_epi16(shifted, weights[1]));
  return sum;
}

/// Every second accumulator from the one whose window begins at `window`, clamped to 16 bits.
template <Sum Form>
QUASIM_AVX2 __m256i accumulators(const Taps<Form>& taps, const std::int8_t* window) {
  return _mm256_adds_epi16(two_taps<Form>(taps.older, taps.older_base, window),
                           two_taps<Form>(taps.newer, taps.newer_base, window + 2));
}

/// The same + 2^15.
template <Sum Form>
QUASIM_AVX2 __m256i positive_accumulators(const Taps<Form>& taps, __m256i whole_base,
                                          const std::int8_t* window) {
  if (Form != Sum::kWhole) return _mm256_xor_si256(accumulators(taps, window), all16(0x8000));
  const __m256i sum = _mm256_add_epi16(_mm256_maddubs_epi16(load(window), taps.older[0]),
                                       _mm256_maddubs_epi16(load(window + 2), taps.newer[0]));
  return _mm256_add_epi16(sum, whole_base);
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

/// fused by buckets. Two vectors go through all tables at once: they share the loads of a row and, with all
/// tables, what is taken off the index from row to row. Tables of the second step on begin at row `more`; no
/// bucket before has a second step.
template <Sum Form, std::size_t Steps>
struct BucketOutputs {
  static constexpr std::size_t kTables = Steps + 1;  ///< of ranks, and of where each step begins
  static constexpr std::size_t kVectors = 2;

  Taps<Form> taps;
  Table table[kTables];
  int rows, more;
  __m256i whole_base, first, last, scale, turn;

  struct Index {
    alignas(32) std::array<std::uint8_t, kBlock + kLine> bucket, part;
  };

  QUASIM_AVX2 __m256i position(const std::int8_t* window) const {
    return _mm256_min_epu16(_mm256_subs_epu16(positive_accumulators(taps, whole_base, window), first), last);
  }
  QUASIM_AVX2 void index(const std::int8_t* window, std::size_t i, Index& at) const {
    const __m256i even = position(window), odd = position(window + 1);
    store(&at.bucket[i], _mm256_or_si256(_mm256_mulhi_epu16(even, scale),
                                         _mm256_slli_epi16(_mm256_mulhi_epu16(odd, scale), 8)));
    store(&at.part[i], _mm256_blendv_epi8(_mm256_srli_epi16(_mm256_mullo_epi16(even, scale), 8),
                                          _mm256_mullo_epi16(odd, scale), all16(0xFF00)));
  }
  /// Adds one row of the first `Tables` tables to the entries, and takes the row off the index.
  template <std::size_t Tables>
  QUASIM_AVX2 void add_row(int row, __m256i (&index)[kVectors], __m256i (&entries)[kTables][kVectors]) const {
    for (std::size_t number = 0; number < Tables; ++number) {
      const __m256i bytes = table[number].row(row);
      for (std::size_t v = 0; v < kVectors; ++v)
        entries[number][v] = _mm256_xor_si256(entries[number][v], _mm256_shuffle_epi8(bytes, index[v]));
    }
    for (std::size_t v = 0; v < kVectors; ++v) index[v] = _mm256_sub_epi8(index[v], all8(16));
  }
  QUASIM_AVX2 void outputs(const Index& at, std::size_t count, std::int8_t* out) const {
    for (std::size_t i = 0; i < count; i += kVectors * kLine) {
      __m256i index[kVectors], entries[kTables][kVectors];
      for (std::size_t v = 0; v < kVectors; ++v) {
        index[v] = load(&at.bucket[i + v * kLine]);
        for (std::size_t number = 0; number < kTables; ++number) entries[number][v] = _mm256_setzero_si256();
      }
      for (int row = 0; row < more; ++row) add_row<Steps == 0 ? 1 : 2>(row, index, entries);
      for (int row = more; row < rows; ++row) add_row<kTables>(row, index, entries);
      for (std::size_t v = 0; v < kVectors; ++v) {
        const __m256i here = load(&at.part[i + v * kLine]);
        __m256i rank = entries[0][v];
        for (std::size_t step = 1; step <= Steps; ++step)
          rank = _mm256_sub_epi8(rank, _mm256_cmpeq_epi8(_mm256_max_epu8(here, entries[step][v]), here));
        // |rank - turn| of unsigned bytes
        const __m256i apart = _mm256_or_si256(_mm256_subs_epu8(rank, turn), _mm256_subs_epu8(turn, rank));
        store(out + i + v * kLine, _mm256_sub_epi8(apart, turn));
      }
    }
  }
};

/// two_step by the fp32 form; the table is read as out(-min(|q|, 127)) where it mirrors itself.
template <Sum Form>
struct Fp32Outputs {
  static constexpr std::size_t kVectors = 1;

  Taps<Form> taps;
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

/// Through the caches always: past them took as long or longer here (Zen 3), since the instructions of a row
/// set the pace.
template <class Outputs>
QUASIM_AVX2 void row_by(const Outputs& outputs, const Row& row) {
  static_assert(kLine > kHistory + 2, "the last window of a block ends within the buffer");
  std::int8_t window[kBlock + kLine] = {}, result[kBlock];
  typename Outputs::Index at{};
  for (std::size_t t = 0; t < row.length_elems; t += kBlock) {
    const std::size_t count = std::min(kBlock, row.length_elems - t);
    load_window(row.x, t, count, window);
    for (std::size_t i = 0; i < count + kHistory; i += kLine)
      store(window + i, _mm256_xor_si256(load(window + i), all8(0x80)));
    for (std::size_t i = 0; i < count; i += kLine) outputs.index(window + i, i, at);
    // Lines are written whole, so a row's last one goes elsewhere first unless it is one.
    std::int8_t* target = count % (Outputs::kVectors * kLine) == 0 ? row.out + t : result;
    outputs.outputs(at, count, target);
    if (target == result) std::memcpy(row.out + t, result, count);
  }
}

template <Sum Form, std::size_t Steps>
QUASIM_AVX2 void bucket_row(const ChannelPlan& channel, const FusedRow& fused, const Row& row) {
  BucketOutputs<Form, Steps> outputs;
  outputs.taps = taps_of<Form>(channel);
  outputs.whole_base =
      _mm256_add_epi16(_mm256_add_epi16(outputs.taps.older_base, outputs.taps.newer_base), all16(0x8000));
  outputs.table[0].set(fused.few.rank.data());
  for (std::size_t step = 0; step < Steps; ++step) outputs.table[step + 1].set(fused.few.part[step].data());
  outputs.rows = fused.few.rows;
  outputs.more = fused.few.more;
  outputs.first = all16(fused.first + 0x8000);
  outputs.last = all16(static_cast<int>(fused.out.size()) - 1);
  outputs.scale = all16(fused.few.scale);
  outputs.turn = all8(fused.turn);
  row_by(outputs, row);
}

template <Sum Form>
QUASIM_AVX2 void bucket_row(const ChannelPlan& channel, const FusedRow& fused, const Row& row) {
  switch (fused.few.steps) {
    case 0:
      return bucket_row<Form, 0>(channel, fused, row);
    case 1:
      return bucket_row<Form, 1>(channel, fused, row);
    case 2:
      return bucket_row<Form, 2>(channel, fused, row);
    case 3:
      return bucket_row<Form, 3>(channel, fused, row);
    default:
      return bucket_row<Form, 4>(channel, fused, row);
  }
}

template <Sum Form>
QUASIM_AVX2 void fp32_row(const ChannelPlan& channel, const Table8& table, const Row& row) {
  Fp32Outputs<Form> outputs;
  outputs.taps = taps_of<Form>(channel);
  outputs.mirrored = table.mirrored;
  outputs.a = _mm256_set1_ps(channel.a);
  outputs.b = _mm256_set1_ps(channel.b);
  outputs.table.set(table.mirrored ? table.by_magnitude.data() : table.bytes.data());
  outputs.negative.set(table.bytes.data() + 128);
  row_by(outputs, row);
}

}  // namespace
}  // namespace avx2

__attribute__((target("avx2,fma"))) void fused_row_avx2(const ChannelPlan& channel, const FusedRow& fused,
                                                        const Row& row) {
  switch (avx2::sum_form(channel)) {
    case avx2::Sum::kWhole:
      return avx2::bucket_row<avx2::Sum::kWhole>(channel, fused, row);
    case avx2::Sum::kClamped:
      return avx2::bucket_row<avx2::Sum::kClamped>(channel, fused, row);
    case avx2::Sum::kHalves:
      return avx2::bucket_row<avx2::Sum::kHalves>(channel, fused, row);
  }
}

__attribute__((target("avx2,fma"))) void fp32_row_avx2(const ChannelPlan& channel, const Table8& table,
                                                       const Row& row) {
  if (avx2::sum_form(channel) == avx2::Sum::kHalves)
    avx2::fp32_row<avx2::Sum::kHalves>(channel, table, row);
  else
    avx2::fp32_row<avx2::Sum::kClamped>(channel, table, row);
}

#else

void fused_row_avx2(const ChannelPlan&, const FusedRow&, const Row&) {}
void fp32_row_avx2(const ChannelPlan&, const Table8&, const Row&) {}

#endif

}  // namespace quasim::stages
