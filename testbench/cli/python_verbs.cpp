// quasim import, calibrate, evaluate, ppa, emit-rtl and regress: the work is done by the Python package beside
// this program; arguments, output and exit code are passed through.
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>

#include "cli/cli.hpp"
#include "spec/error.hpp"

namespace quasim::cli {
namespace {

namespace fs = std::filesystem;

/// Names another interpreter than the one of the build: that of an environment with torch.
constexpr char kInterpreterVariable[] = "QUASIM_PYTHON";
constexpr char kStart[] = "quasim/start.py";

std::string environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

/// The interpreter of the virtual environment that is active, where it holds torch; otherwise empty.
std::string active_interpreter_with_torch() {
  const fs::path active = environment("VIRTUAL_ENV");
  if (active.empty()) return {};
  std::error_code error;
  for (const fs::directory_entry& version : fs::directory_iterator(active / "lib", error))
    if (fs::is_directory(version.path() / "site-packages/torch", error)) return active / "bin/python3";
  return {};
}

std::string interpreter(bool needs_torch) {
  std::string chosen = environment(kInterpreterVariable);
  if (chosen.empty() && needs_torch) chosen = active_interpreter_with_torch();
  return chosen.empty() ? QUASIM_PYTHON : chosen;
}

fs::path own_program() {
  return fs::read_symlink("/proc/self/exe");
}

/// The file that begins every verb: in the build tree, or below an installed prefix.
fs::path start_file(const std::string& verb) {
  const fs::path here = own_program().parent_path();
  const std::array<fs::path, 2> folders{here / "python", here.parent_path() / QUASIM_PYTHON_FOLDER};
  std::error_code error;
  for (const fs::path& folder : folders)
    if (fs::is_regular_file(folder / kStart, error)) return folder / kStart;
  throw InputError(verb + ": expected the Python package in " + folders[0].string() + " or " +
                   folders[1].string() + "; it is in neither");
}

/// Becomes the Python program: returns only by throwing. It finds this command in QUASIM_COMMAND.
int become(const std::string& verb, bool needs_torch, const std::vector<std::string>& arguments) {
  const std::string python = interpreter(needs_torch);
  const std::string start = start_file(verb).string();
  ::setenv("QUASIM_COMMAND", own_program().c_str(), 1);
  std::vector<char*> words{const_cast<char*>(python.c_str()), const_cast<char*>(start.c_str()),
                           const_cast<char*>(verb.c_str())};
  for (const std::string& argument : arguments) words.push_back(const_cast<char*>(argument.c_str()));
  words.push_back(nullptr);
  ::execv(python.c_str(), words.data());
  throw InputError(verb + ": expected the Python interpreter " + python + "; " + std::strerror(errno));
}

Action add_python_verb(CLI::App& app, const std::string& name, const std::string& meaning,
                       bool needs_torch = false) {
  CLI::App* verb = app.add_subcommand(name, meaning);
  verb->set_help_flag();  // --help is answered by the package, which knows the options
  verb->prefix_command();
  return [verb, name, needs_torch] { return become(name, needs_torch, verb->remaining()); };
}

}  // namespace

Action add_import(CLI::App& app) {
  return add_python_verb(app, "import", "make layer bundles of a model's checkpoint");
}

Action add_calibrate(CLI::App& app) {
  return add_python_verb(app, "calibrate", "find the scales of a model's layers on text; needs torch", true);
}

Action add_evaluate(CLI::App& app) {
  return add_python_verb(app, "evaluate", "measure what the unit does to a whole model; needs torch", true);
}

Action add_ppa(CLI::App& app) {
  return add_python_verb(app, "ppa", "area, delay, memories and energy of the unit as a netlist");
}

Action add_emit_rtl(CLI::App& app) {
  return add_python_verb(app, "emit-rtl", "write the unit's RTL with a layer program as constants");
}

Action add_regress(CLI::App& app) {
  return add_python_verb(app, "regress", "random sequences by the thousand: RTL against a model of every pin");
}

}  // namespace quasim::cli
