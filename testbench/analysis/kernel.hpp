// How the inner loops of this folder are compiled: once each for the baseline machine, AVX2 and AVX-512,
// chosen at load time. The loops sum in a fixed number of lanes, so all versions give the same figures.
#pragma once

#include <cstddef>

#if defined(__x86_64__) && defined(__gnu_linux__) && defined(__GNUC__) && !defined(__clang__) && \
    !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
#define QUASIM_VECTOR_CLONES __attribute__((target_clones("avx512f", "avx2", "default")))
#else
#define QUASIM_VECTOR_CLONES
#endif

namespace quasim::analysis {

/// Independent partial sums an inner loop keeps.
inline constexpr std::size_t kLanes = 8;

}  // namespace quasim::analysis
