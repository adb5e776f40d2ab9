// The verbs of the quasim command, and the command over a choice of them. Needs nothing of what they need.
#pragma once

#include <functional>
#include <vector>

namespace CLI {
class App;
}

namespace quasim::cli {

/// A verb adds its subcommand and options to `app` and returns what to do when it was chosen; the result is
/// an exit code. InputError thrown from the action becomes one line on stderr and kBadInput.
using Action = std::function<int()>;
using VerbFactory = Action (*)(CLI::App& app);

// One factory a verb, each in the file of its name; import and ppa in python_verbs.cpp.
Action add_bench(CLI::App& app);
Action add_calibrate(CLI::App& app);
Action add_certify(CLI::App& app);
Action add_compare(CLI::App& app);
Action add_compile(CLI::App& app);
Action add_cosim(CLI::App& app);
Action add_evaluate(CLI::App& app);
Action add_explain(CLI::App& app);
Action add_export(CLI::App& app);
Action add_golden(CLI::App& app);
Action add_import(CLI::App& app);
Action add_modes(CLI::App& app);
Action add_outliers(CLI::App& app);
Action add_ppa(CLI::App& app);
Action add_emit_rtl(CLI::App& app);
Action add_regress(CLI::App& app);
Action add_report(CLI::App& app);
Action add_run(CLI::App& app);
Action add_sweep(CLI::App& app);

/// The program: parses the command line, runs the verb, returns the exit code.
int run_command(int argc, char** argv, const std::vector<VerbFactory>& verbs);

}  // namespace quasim::cli
