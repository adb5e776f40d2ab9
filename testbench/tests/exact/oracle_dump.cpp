// Prints what the oracle says, for the independent check in independent_oracle.py.
//   oracle_dump < LAYERS
// A line holds: dataflow rounding conv_bits s_x s_w s_b s_c s_y bias acc_min acc_max, scales as C hexadecimal
// floats. For each line one line comes back: "q" and "acc:value" of every step of q (two_step only), "out"
// and those of out, "table" and its entries.
#include <cstdlib>
#include <iostream>
#include <sstream>

#include "exact/oracle.hpp"

namespace quasim {
namespace {

void print_steps(const char* name, const exact::SliceSteps& steps) {
  std::cout << name;
  for (const exact::Step& step : steps) std::cout << ' ' << step.acc << ':' << step.value;
}

void answer(const std::string& line) {
  std::istringstream text(line);
  std::string dataflow, rounding, scale[5];
  LayerParams layer;
  exact::Slice slice;
  text >> dataflow >> rounding >> layer.conv_bits;
  for (std::string& word : scale) text >> word;
  text >> slice.bias >> slice.acc_min >> slice.acc_max;
  if (!text) throw InputError("oracle_dump: expected eleven fields; got '" + line + "'");
  const auto value = [&](int i) { return std::strtof(scale[i].c_str(), nullptr); };
  layer.dataflow = parse_dataflow(dataflow);
  layer.rounding = parse_rounding(rounding);
  layer.input_scale = value(0);
  layer.weight_scale = value(1);
  layer.bias_scale = value(2);
  layer.conv_scale = value(3);
  layer.output_scale = value(4);
  const exact::Oracle oracle(layer);
  const exact::StageSteps steps = oracle.steps({exact::DomainKind::kFull, {slice}});
  if (steps.q) print_steps("q", steps.q->front());
  print_steps(steps.q ? " out" : "out", steps.out.front());
  if (steps.q) {
    std::cout << " table";
    for (const std::int8_t entry : oracle.table()) std::cout << ' ' << int{entry};
  }
  std::cout << '\n';
}

}  // namespace
}  // namespace quasim

int main() {
  try {
    for (std::string line; std::getline(std::cin, line);) quasim::answer(line);
  } catch (const quasim::InputError& error) {
    std::cerr << error.what() << "\n";
    return 2;
  }
  return 0;
}
