// The layer program as an implementation to enumerate: the scalar stages, point by point.
#pragma once

#include "exact/steps.hpp"
#include "types/program.hpp"

namespace quasim::compile {

/// Evaluates a slice with the bias word of the slice's channel. Covers slices that have a channel. The
/// program must outlive it.
class ProgramSource : public exact::PointSource {
 public:
  explicit ProgramSource(const LayerProgram& program) : program_(program) {}

  bool has_q() const override { return !program_.stage().is_fused(); }
  bool covers(const exact::Slice& slice) const override { return slice.channel >= 0; }
  void evaluate(const exact::Slice& slice, std::int32_t acc_first, std::size_t count, std::int16_t* q,
                std::int8_t* out) const override;

 private:
  const LayerProgram& program_;
};

}  // namespace quasim::compile
