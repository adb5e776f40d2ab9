#include "spec/contract.hpp"

#include <array>
#include <utility>

#include "spec/error.hpp"

namespace quasim {
namespace {

template <class Enum, std::size_t N>
using Names = std::array<std::pair<Enum, std::string_view>, N>;

constexpr Names<Dataflow, 2> kDataflows{{{Dataflow::kTwoStep, "two_step"}, {Dataflow::kFused, "fused"}}};
constexpr Names<Rounding, 2> kRoundings{
    {{Rounding::kHalfEven, "half_even"}, {Rounding::kHalfAway, "half_away"}}};
constexpr Names<Order, 3> kOrders{
    {{Order::kSeqLast, "seqlast"}, {Order::kChannelLast, "channellast"}, {Order::kUpdate, "update"}}};
constexpr Names<MathMode, 2> kMathModes{{{MathMode::kPrecise, "precise"}, {MathMode::kFast, "fast"}}};
constexpr Names<Activation, 2> kActivations{
    {{Activation::kSilu, "silu"}, {Activation::kIdentity, "identity"}}};

template <class Enum, std::size_t N>
std::string_view name_of(const Names<Enum, N>& names, Enum value) {
  for (const auto& entry : names)
    if (entry.first == value) return entry.second;
  throw InputError("enumerator out of range");
}

template <class Enum, std::size_t N>
Enum value_of(const Names<Enum, N>& names, std::string_view what, std::string_view text) {
  std::string legal;
  for (const auto& entry : names) {
    if (entry.second == text) return entry.first;
    legal += (legal.empty() ? "" : ", ") + std::string(entry.second);
  }
  throw InputError(std::string(what) + ": expected one of " + legal + "; got '" + std::string(text) + "'");
}

}  // namespace

std::string_view to_string(Dataflow value) {
  return name_of(kDataflows, value);
}
std::string_view to_string(Rounding value) {
  return name_of(kRoundings, value);
}
std::string_view to_string(Order value) {
  return name_of(kOrders, value);
}
std::string_view to_string(MathMode value) {
  return name_of(kMathModes, value);
}
std::string_view to_string(Activation value) {
  return name_of(kActivations, value);
}

Dataflow parse_dataflow(std::string_view text) {
  return value_of(kDataflows, "dataflow", text);
}
Rounding parse_rounding(std::string_view text) {
  return value_of(kRoundings, "rounding", text);
}
Order parse_order(std::string_view text) {
  return value_of(kOrders, "order", text);
}
MathMode parse_math_mode(std::string_view text) {
  return value_of(kMathModes, "math", text);
}
Activation parse_activation(std::string_view text) {
  return value_of(kActivations, "activation", text);
}

std::string Variant::to_string() const {
  using quasim::to_string;
  std::string text;
  for (std::string_view word : {to_string(dataflow), to_string(order), to_string(math), to_string(rounding)})
    text += (text.empty() ? "" : ".") + std::string(word);
  return text;
}

Variant Variant::parse(std::string_view text) {
  std::array<std::string_view, 4> words{};
  std::string_view rest = text;
  for (std::size_t i = 0; i < words.size(); ++i) {
    const std::size_t dot = rest.find('.');
    if ((dot == std::string_view::npos) != (i == 3))
      throw InputError("variant: expected dataflow.order.math.rounding; got '" + std::string(text) + "'");
    words[i] = rest.substr(0, dot);
    if (i < 3) rest.remove_prefix(dot + 1);
  }
  return {parse_dataflow(words[0]), parse_order(words[1]), parse_math_mode(words[2]),
          parse_rounding(words[3])};
}

}  // namespace quasim
