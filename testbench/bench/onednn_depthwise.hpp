// oneDNN's depthwise 1-D int8 convolution with a swish post-op, as a contestant in the benchmark.
#pragma once

#include <cstddef>
#include <memory>

#include "types/program.hpp"

namespace quasim::bench {

class OneDnnDepthwise {
 public:
  /// Allocates and fills its own tensors. `sequences` x channels x `length_elems`.
  OneDnnDepthwise(const LayerProgram& program, std::size_t sequences, std::size_t length_elems);
  ~OneDnnDepthwise();
  /// False where this build has no oneDNN or it offers no such primitive.
  bool available() const;
  /// One execution on tensors in the layout that oneDNN prefers, finished when it returns.
  void run();
  /// The same from and to [B, C, L], with oneDNN's own reorders on both sides.
  void run_bcl();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace quasim::bench
