// The main job alone: the verbs of quasim that stream layers, built in a third of the time.
#include "cli/verbs.hpp"

int main(int argc, char** argv) {
  using namespace quasim::cli;
  return run_command(argc, argv, {add_run, add_cosim});
}
