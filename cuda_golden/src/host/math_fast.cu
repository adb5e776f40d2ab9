// math = fast: the same source under --use_fast_math, as the deployed kernels are built. Flags in
// CMakeLists.txt.
#define QG_MATH_NS fast_math
#define QG_ROUND_FIRST_PRODUCT true
#include "host/backend.cuh"

namespace qg {
const Backend& fast_math_backend() {
  return fast_math::kBackend;
}
}  // namespace qg
