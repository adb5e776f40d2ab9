#include "kit/stages.hpp"

#include <algorithm>
#include <cstring>

#include "stages/evaluate.hpp"

namespace quasim::kit {
namespace {

constexpr int kFusedIndexBits = spec::kThresholdBits + spec::kRankBits + 1;  // never negative

}  // namespace

BoundaryFormat format_of(Boundary stage, const LayerProgram& program) {
  switch (stage) {
    case Boundary::kX:
      return {"x", "input samples", spec::kSampleBits, DType::kInt8};
    case Boundary::kAcc:
      return {"acc", "accumulator", spec::kAccBits, DType::kInt32};
    case Boundary::kP:
      return {"p", "M*acc + B[c]", spec::kProductBits, DType::kInt64};
    case Boundary::kQ:
      if (program.stage().is_fused())
        return {"q", "256*u + guessed rank, u = clamp(p)", kFusedIndexBits, DType::kInt32};
      return {"q", "clamp_N(round_shift(p, S))", program.stage().conv_bits,
              program.stage().conv_bits <= spec::kSampleBits ? DType::kInt8 : DType::kInt16};
    case Boundary::kOut:
      return {"out", program.stage().is_fused() ? "from the rank of u" : "silu_table[q]", spec::kSampleBits,
              DType::kInt8};
  }
  throw InputError("stage out of range");
}

const void* StageBlock::data(Boundary stage) const {
  switch (stage) {
    case Boundary::kX:
      return x.data();
    case Boundary::kAcc:
      return acc.data();
    case Boundary::kP:
      return p.data();
    case Boundary::kQ:
      return !q32.empty() ? static_cast<const void*>(q32.data())
                          : (q8.empty() ? static_cast<const void*>(q16.data()) : q8.data());
    case Boundary::kOut:
      return out.data();
  }
  throw InputError("stage out of range");
}

StageEvaluator::StageEvaluator(const LayerProgram& program, std::size_t lanes) : program_(program) {
  const auto channels = static_cast<std::size_t>(program.channels()),
             taps = static_cast<std::size_t>(program.taps);
  width_ = (channels + lanes - 1) / lanes * lanes;
  tiles_.resize((channels + kTile - 1) / kTile);
  for (std::size_t channel = 0; channel < channels; ++channel)
    for (std::size_t k = 0; k < taps; ++k)
      tiles_[channel / kTile].w[spec::kTapsMax - taps + k][channel % kTile] = program.weight.at(channel, k);
}

void StageEvaluator::start_sequence() {
  for (Tile& tile : tiles_) std::memset(tile.history, 0, sizeof tile.history);
}

void StageEvaluator::evaluate(const std::int8_t* samples, std::size_t tokens, StageBlock& block) {
  block.tokens = tokens;
  const std::size_t size = tokens * width_;
  const DType q_type = format_of(Boundary::kQ, program_).dtype;
  block.x.assign(size, 0);
  block.acc.assign(size, 0);
  block.p.assign(size, 0);
  block.q8.assign(q_type == DType::kInt8 ? size : 0, 0);
  block.q16.assign(q_type == DType::kInt16 ? size : 0, 0);
  block.q32.assign(q_type == DType::kInt32 ? size : 0, 0);
  block.out.assign(size, 0);
  const auto channels = static_cast<std::size_t>(program_.channels());
  constexpr std::size_t kSquare = 64;  // a square of the transposition stays in the first-level cache
  for (std::size_t c0 = 0; c0 < channels; c0 += kSquare)
    for (std::size_t t0 = 0; t0 < tokens; t0 += kSquare)
      for (std::size_t t = t0; t < std::min(t0 + kSquare, tokens); ++t)
        for (std::size_t c = c0; c < std::min(c0 + kSquare, channels); ++c)
          block.x[t * width_ + c] = samples[c * tokens + t];
  for (std::size_t row = 0; row < tokens; ++row) evaluate_token(row, block);
}

void StageEvaluator::evaluate_token(std::size_t row, StageBlock& block) {
  const auto channels = static_cast<std::size_t>(program_.channels());
  std::uint64_t saturated_conv = 0, saturated_out = 0;
  for (std::size_t first = 0; first < channels; first += kTile) {
    Tile& tile = tiles_[first / kTile];
    const std::size_t live = std::min(kTile, channels - first), at = row * width_ + first;
    std::int8_t x[kTile] = {};
    std::memcpy(x, &block.x[at], live);
    std::int32_t acc[kTile];
    stages::conv_acc<kTile>(tile.w, tile.history, x, acc);
    stages::shift_history<kTile>(tile.history, x);
    for (std::size_t i = 0; i < live; ++i) {
      const stages::StageValues values = stages::evaluate(program_, first + i, acc[i]);
      const std::int32_t q = values.index.index;
      block.acc[at + i] = acc[i];
      block.p[at + i] = values.p;
      if (!block.q8.empty())
        block.q8[at + i] = static_cast<std::int8_t>(q);
      else if (!block.q16.empty())
        block.q16[at + i] = static_cast<std::int16_t>(q);
      else
        block.q32[at + i] = q;
      block.out[at + i] = values.out;
      saturated_conv += values.index.saturated ? 1U : 0U;
      saturated_out += stages::silu_saturated(values.out) ? 1U : 0U;
    }
  }
  saturation_.conv += saturated_conv;
  saturation_.out += saturated_out;
}

}  // namespace quasim::kit
