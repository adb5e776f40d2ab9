#include "bindings/dpi/layer_model.hpp"

#include <string>
#include <utility>

#include "spec/checks.hpp"

namespace quasim::dpi {

std::int8_t checked_sample(std::int64_t value) {
  require_range("sample", value, spec::min_of_bits(spec::kSampleBits), spec::max_of_bits(spec::kSampleBits));
  return static_cast<std::int8_t>(value);
}

LayerModel::LayerModel(LayerProgram program) : program_(std::move(program)) {
  program_.validate();
  const auto taps = static_cast<std::size_t>(program_.taps);
  channels_.resize(static_cast<std::size_t>(program_.channels()));
  for (std::size_t c = 0; c < channels_.size(); ++c)
    for (std::size_t k = 0; k < taps; ++k)
      channels_[c].weight[spec::kTapsMax - taps + k][0] = program_.weight.at(c, k);
}

std::size_t LayerModel::checked_channel(std::int64_t channel) const {
  require_range("channel", channel, 0, program_.channels() - 1);
  return static_cast<std::size_t>(channel);
}

std::int32_t LayerModel::conv_acc(std::int64_t channel, const Window& window) const {
  std::int8_t history[stages::kHistoryTaps][1];
  for (std::size_t j = 0; j < stages::kHistoryTaps; ++j) history[j][0] = window[j];
  const std::int8_t x[1] = {window[stages::kHistoryTaps]};
  std::int32_t acc[1];
  stages::conv_acc(channels_[checked_channel(channel)].weight, history, x, acc);
  return acc[0];
}

std::int64_t LayerModel::requant_p(std::int64_t channel, std::int64_t acc) const {
  constexpr std::int32_t kLimit = spec::max_accumulator(spec::kTapsMax);
  const std::size_t c = checked_channel(channel);
  require_range("acc", acc, -kLimit, kLimit);
  return stages::evaluate(program_, c, static_cast<std::int32_t>(acc)).p;
}

std::int32_t LayerModel::requant_q(std::int64_t p) const {
  require_range("p", p, spec::min_of_bits(spec::kProductBits), spec::max_of_bits(spec::kProductBits));
  return stages::index_of(program_.stage(), p).index;
}

std::int8_t LayerModel::silu(std::int64_t q) const {
  const StageProgram& stage = program_.stage();
  if (stage.is_fused())
    require_range("q", q, 0, max_of_unsigned(spec::kThresholdBits + spec::kRankBits));
  else
    require_range("q", q, spec::min_of_bits(stage.conv_bits), spec::max_of_bits(stage.conv_bits));
  return stages::out_of(stage, static_cast<std::int32_t>(q));
}

stages::StageValues LayerModel::element(std::int64_t channel, std::int8_t x, bool first) {
  const std::size_t c = checked_channel(channel);
  Channel& state = channels_[c];
  if (first)
    for (auto& sample : state.history) sample[0] = 0;
  const std::int8_t newest[1] = {x};
  std::int32_t acc[1];
  stages::conv_acc(state.weight, state.history, newest, acc);
  stages::shift_history(state.history, newest);
  return stages::evaluate(program_, c, acc[0]);
}

LayerModel::History LayerModel::history(std::int64_t channel) const {
  const Channel& state = channels_[checked_channel(channel)];
  return {state.history[0][0], state.history[1][0], state.history[2][0]};
}

void LayerModel::set_history(std::int64_t channel, const History& history) {
  Channel& state = channels_[checked_channel(channel)];
  for (std::size_t j = 0; j < history.size(); ++j) state.history[j][0] = history[j];
}

}  // namespace quasim::dpi
