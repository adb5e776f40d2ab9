// The lattice kernels of seqlast, compiled once for both math modes: what they compute is integers, and the
// operations of floats.cuh, where a model's floats come in, are rounded ones that no flag of a mode changes.
#include "fast/floats.cuh"
#include "fast/groups.cuh"
#include "fast/lattice.cuh"
#include "fast/walk.cuh"

namespace qg {
namespace {

template <class Tables>
using Stepped = LatticeUnit<true, 16, Tables>;
template <class Tables>
using Linear = LatticeUnit<false, 16, Tables>;

}  // namespace

cudaError_t launch_lattice(const FastArgs& args, const DeviceLimits& device, cudaStream_t stream) {
  if (args.group_arithmetic != nullptr) {
    return args.stepped ? launch_groups<Stepped>(args, device, stream) : launch_groups<Linear>(args, device, stream);
  }
  return args.stepped ? launch_one<Stepped<OneTable>>(args, device, stream)
                      : launch_one<Linear<OneTable>>(args, device, stream);
}

}  // namespace qg
