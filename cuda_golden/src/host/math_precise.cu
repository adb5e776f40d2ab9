// math = precise: IEEE division and square root, denormals kept, no contraction. Flags in CMakeLists.txt.
#define QG_MATH_NS precise
#define QG_ROUND_FIRST_PRODUCT false
#include "host/backend.cuh"

namespace qg {
const Backend& precise_backend() {
  return precise::kBackend;
}
}  // namespace qg
