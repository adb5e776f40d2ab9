// certify --rtl must pass on the RTL and find a broken one. Usage: BUNDLE.
#include "cosim/rtl_tail.hpp"

#include <cstdio>
#include <iostream>

#include "Vfault_tail.h"
#include "compile/nearest.hpp"
#include "compile/program_source.hpp"
#include "cosim/rtl_tail_unit.hpp"

extern "C" int sc_main(int argc,
                       char** argv) {  // as the SystemC library, which the RTL units link, expects it
  using namespace quasim;
  if (argc != 2) return 2;
  const Bundle bundle = read_bundle(argv[1]);
  LayerProgram program = compile::nearest_program(bundle);
  // A short shift makes ties frequent, so that the tie rule is seen.
  program.shift_bits = 9;
  program.multiplier = 3;
  for (std::int64_t& word : program.bias_words) word = word % 1000 * 64;
  std::int64_t right = 0, wrong = 0, points = 0;
  for (const Rounding rounding : {Rounding::kHalfEven, Rounding::kHalfAway}) {
    program.rounding = rounding;
    const auto domain = make_domain(exact::DomainKind::kReachable, bundle);
    const auto model = enumerate(compile::ProgramSource(program), domain);
    const auto rtl = enumerate(*cosim::make_rtl_tail(program), domain);
    const auto broken = enumerate(cosim::RtlTail<Vfault_tail>(program), domain);
    points += compare(*model.q, *rtl.q, domain).points;
    right += compare(*model.q, *rtl.q, domain).differing + compare(model.out, rtl.out, domain).differing;
    wrong += compare(*model.q, *broken.q, domain).differing;
  }
  std::cout << points << " points: RTL differs in " << right << ", the broken copy in " << wrong << "\n";
  return points > 0 && right == 0 && wrong > 0 ? 0 : 1;
}
