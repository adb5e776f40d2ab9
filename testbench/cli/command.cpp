// quasim VERB BUNDLE... [options]: results on stdout, everything else on stderr.
#include <cstdlib>
#include <exception>
#include <iostream>
#include <systemc>
#include <utility>
#include <vector>

#include "cli/cli.hpp"
#include "cli/usage.hpp"
#include "io/signals.hpp"
#include "spec/error.hpp"

namespace quasim::cli {
namespace {

std::vector<VerbFactory> factories;

int parse_and_run(int argc, char** argv) {
  CLI::App app{
      "quasim: causal conv1d, round/clamp, SiLU, round/clamp of a W8A8 Mamba layer, bit and cycle accurate"};
  app.name("quasim");
  app.set_version_flag("--version", kTool);
  app.require_subcommand(1);
  app.footer(
      "Exit code: 0 all agree, 1 something differs, 2 bad input or usage, said in one line on stderr.");

  std::vector<std::pair<const CLI::App*, Action>> verbs;
  for (VerbFactory factory : factories) {
    Action action = factory(app);
    verbs.emplace_back(app.get_subcommands({}).back(), std::move(action));
  }
  try {
    require_known_verb(app, argc, argv);
    app.parse(argc, argv);
    for (const auto& [verb, action] : verbs)
      if (verb->parsed()) {
        require_values(*verb);
        return action();
      }
    throw UsageError("expected a verb; see quasim --help");
  } catch (const CLI::Success& wish) {  // help or version, printed by exit()
    app.exit(wish);
    return kAgree;
  } catch (const CLI::ParseError& error) {
    complain(usage_text(app, error));
  } catch (const std::exception& error) {
    complain(message_of(error));
  }
  return kBadInput;
}

}  // namespace

int run_command(int argc, char** argv, const std::vector<VerbFactory>& verbs) {
  factories = verbs;
  ::setenv("SYSTEMC_DISABLE_COPYRIGHT_MESSAGE", "1",
           0);  // results on stdout and errors on stderr are all that is printed
  signals::install_handlers(kBadInput);
  StandardOutput output;
  return output.finish(sc_core::sc_elab_and_sim(argc, argv));
}

}  // namespace quasim::cli

/// What SystemC's library calls back.
int sc_main(int argc, char** argv) {
  return quasim::cli::parse_and_run(argc, argv);
}
