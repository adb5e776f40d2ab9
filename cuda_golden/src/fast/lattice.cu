// The lattice kernels of seqlast. No floating point, hence one compilation for both math modes.
#include "fast/lattice.cuh"
#include "fast/walk.cuh"

namespace qg {

cudaError_t launch_lattice(const FastArgs& args, const DeviceLimits& device, cudaStream_t stream) {
  return args.stepped ? launch_unit<LatticeUnit<true>>(args, device, stream)
                      : launch_unit<LatticeUnit<false>>(args, device, stream);
}

}  // namespace qg
