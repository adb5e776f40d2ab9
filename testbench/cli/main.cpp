// The quasim command.
#include "cli/verbs.hpp"

int main(int argc, char** argv) {
  using namespace quasim::cli;
  return run_command(argc, argv,
                     {add_run, add_cosim, add_golden, add_export, add_bench, add_compare, add_outliers,
                      add_modes, add_sweep, add_report, add_compile, add_certify, add_explain, add_import,
                       add_calibrate, add_evaluate, add_ppa, add_emit_rtl, add_regress});
}
