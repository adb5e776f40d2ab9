// certify --rtl must pass on the RTL and find a broken one. Usage: BUNDLE.
#include "cosim/rtl_tail.hpp"

#include <cstdio>
#include <iostream>

#include "compile/compiler.hpp"
#include "compile/nearest.hpp"
#include "compile/program_source.hpp"
#include "cosim/unit_builder.hpp"
#include "tests/cosim/faults/faulty_units.hpp"
#include "tests/cosim/random_layer.hpp"

namespace quasim {

namespace cosim {
const VerilatedAbi& abi_of_Vfault_tail();
const VerilatedAbi& abi_of_Vfault_fused_tail();
}  // namespace cosim

namespace {

const cosim::VerilatedAbi& kTail =
    cosim::verilated({cosim::UnitRequest::Top::kTail, spec::kLanesDefault, {}, {}});

int two_step(const Bundle& bundle) {
  LayerProgram program = compile::nearest_program(bundle);
  // A short shift makes ties frequent, so that the tie rule is seen.
  program.stage().shift_bits = 9;
  program.stage().multiplier = 3;
  for (std::int64_t& word : program.bias_words) word = word % 1000 * 64;
  std::int64_t right = 0, wrong = 0, points = 0;
  for (const Rounding rounding : {Rounding::kHalfEven, Rounding::kHalfAway}) {
    program.stage().rounding = rounding;
    const auto domain = make_domain(exact::DomainKind::kReachable, bundle);
    const auto model = enumerate(compile::ProgramSource(program), domain);
    const auto rtl = enumerate(*cosim::make_rtl_tail(kTail, {}, program), domain);
    const auto broken = enumerate(*cosim::make_rtl_tail(cosim::abi_of_Vfault_tail(), {}, program), domain);
    points += compare(*model.q, *rtl.q, domain).points;
    right += compare(*model.q, *rtl.q, domain).differing + compare(model.out, rtl.out, domain).differing;
    wrong += compare(*model.q, *broken.q, domain).differing;
  }
  std::cout << points << " points: RTL differs in " << right << ", the broken copy in " << wrong << "\n";
  return points > 0 && right == 0 && wrong > 0 ? 0 : 1;
}

/// Every accumulator for each channel of a program, which need not be any layer's.
exact::Domain all_channels(const LayerProgram& program) {
  exact::Domain domain;
  for (int channel = 0; channel < program.channels(); ++channel)
    domain.slices.push_back({channel, -4000, 4000, channel});
  return domain;
}

std::int64_t differing_points(const LayerProgram& program, const exact::Domain& domain) {
  const auto model = enumerate(compile::ProgramSource(program), domain);
  return compare(model.out,
                 enumerate(*cosim::make_rtl_tail(cosim::abi_of_Vfault_fused_tail(), {}, program), domain).out,
                 domain)
      .differing;
}

/// Each fault of fused must show on tables of noise, and most of them on a real layer's program. What certify
/// --rtl does not see: the count of clamped lanes, and the registers of the dataflow in quasim_top.
int fused(Bundle bundle) {
  bundle.layer.dataflow = Dataflow::kFused;
  const exact::Domain whole = make_domain(exact::DomainKind::kReachable, bundle);
  const LayerProgram real =
      compile::compile_program(bundle, whole, {"exact", "oracle", exact::Oracle(bundle.layer).steps(whole)},
                               {})
          .program;
  exact::Domain domain = whole;
  domain.slices.resize(std::min<std::size_t>(domain.slices.size(), 12));
  std::mt19937_64 random(20261128);
  const LayerProgram noise = test::random_fused_program(random, 64, 4);
  const auto model = enumerate(compile::ProgramSource(real), domain);
  const exact::PointCounts right =
      compare(model.out, enumerate(*cosim::make_rtl_tail(kTail, {}, real), domain).out, domain);
  std::cout << right.points << " points of fused: the RTL differs in " << right.differing << "\n";
  int missed = right.differing == 0 && right.points > 0 ? 0 : 1, by_real = 0;
  for (const std::string& fault : cosim::fused_fault_names()) {
    cosim::plant_fused_fault(fault);
    const std::int64_t in_noise = differing_points(noise, all_channels(noise));
    const std::int64_t in_real = differing_points(real, domain);
    const bool outside =
        fault == "clamp_not_counted" || fault == "always_two_step" || fault == "turn_of_the_register_one_off";
    std::cout << fault << ": " << in_noise << " points of noise differ, " << in_real << " of the layer\n";
    missed += in_noise > 0 || outside ? 0 : 1;
    by_real += in_real > 0 ? 1 : 0;
  }
  std::cout << missed << " missed; the layer's own program shows " << by_real << "\n";
  return missed == 0 && by_real >= 10 ? 0 : 1;
}

}  // namespace
}  // namespace quasim

extern "C" int sc_main(int argc,
                       char** argv) {  // as the SystemC library, which the RTL units link, expects it
  if (argc != 2) return 2;
  const quasim::Bundle bundle = quasim::read_bundle(argv[1]);
  return quasim::two_step(bundle) + quasim::fused(bundle) == 0 ? 0 : 1;
}
