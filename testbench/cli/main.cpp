// The quasim command: quasim VERB BUNDLE... [options]. Results on stdout, everything else on stderr.
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

int sc_main(int argc, char** argv) {
  using namespace quasim;
  CLI::App app{
      "quasim: causal conv1d, round/clamp, SiLU, round/clamp of a W8A8 Mamba layer, bit and cycle accurate"};
  app.name("quasim");
  app.set_version_flag("--version", cli::kTool);
  app.require_subcommand(1);
  app.footer(
      "Exit code: 0 all agree, 1 something differs, 2 bad input or usage, said in one line on stderr.");

  const cli::VerbFactory factories[] = {
      cli::add_run,     cli::add_cosim,    cli::add_golden,  cli::add_export, cli::add_bench,
      cli::add_compare, cli::add_outliers, cli::add_modes,   cli::add_sweep,  cli::add_report,
      cli::add_compile, cli::add_certify,  cli::add_explain, cli::add_import};
  std::vector<std::pair<const CLI::App*, cli::Action>> verbs;
  for (cli::VerbFactory factory : factories) {
    cli::Action action = factory(app);
    verbs.emplace_back(app.get_subcommands({}).back(), std::move(action));
  }
  try {
    cli::require_known_verb(app, argc, argv);
    app.parse(argc, argv);
    for (const auto& [verb, action] : verbs)
      if (verb->parsed()) return action();
    throw UsageError("expected a verb; see quasim --help");
  } catch (const CLI::Success& wish) {  // help or version, printed by exit()
    app.exit(wish);
    return cli::kAgree;
  } catch (const CLI::ParseError& error) {
    cli::complain(cli::usage_text(app, error));
  } catch (const std::exception& error) {
    cli::complain(cli::message_of(error));
  }
  return cli::kBadInput;
}

int main(int argc, char** argv) {
  ::setenv("SYSTEMC_DISABLE_COPYRIGHT_MESSAGE", "1",
           0);  // results on stdout and errors on stderr are all that is printed
  quasim::signals::install_handlers(quasim::cli::kBadInput);
  quasim::cli::StandardOutput output;
  return output.finish(sc_core::sc_elab_and_sim(argc, argv));
}
