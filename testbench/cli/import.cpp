// quasim import: layer bundles from a model's checkpoint. The work is done by the Python package beside this
// program; arguments, output and exit code are passed through.
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>

#include "cli/cli.hpp"
#include "spec/error.hpp"

namespace quasim::cli {
namespace {

namespace fs = std::filesystem;

constexpr char kStart[] = "quasim/importer/start.py";

/// Where the package is: in the build tree, or below an installed prefix.
fs::path package_file() {
  const fs::path here = fs::read_symlink("/proc/self/exe").parent_path();
  const std::array<fs::path, 2> folders{here / "python", here.parent_path() / QUASIM_PYTHON_FOLDER};
  std::error_code error;
  for (const fs::path& folder : folders)
    if (fs::is_regular_file(folder / kStart, error)) return folder / kStart;
  throw InputError("import: expected the Python package in " + folders[0].string() + " or " +
                   folders[1].string() + "; it is in neither");
}

/// Becomes the importer: returns only by throwing.
int run_import(const std::vector<std::string>& arguments) {
  const std::string python = QUASIM_PYTHON;
  const std::string start = package_file().string();
  std::vector<char*> words{const_cast<char*>(python.c_str()), const_cast<char*>(start.c_str())};
  for (const std::string& argument : arguments) words.push_back(const_cast<char*>(argument.c_str()));
  words.push_back(nullptr);
  ::execv(python.c_str(), words.data());
  throw InputError("import: expected the Python interpreter " + python + "; " + std::strerror(errno));
}

}  // namespace

Action add_import(CLI::App& app) {
  CLI::App* verb = app.add_subcommand("import", "make layer bundles of a model's checkpoint");
  verb->set_help_flag();  // --help is answered by the importer, which knows the options
  verb->prefix_command();
  return [verb] { return run_import(verb->remaining()); };
}

}  // namespace quasim::cli
