#include "cosim/unit_builder.hpp"

#include <dlfcn.h>
#include <elf.h>
#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iostream>
#include <map>
#include <string>
#include <vector>

#include "io/files.hpp"
#include "io/scratch.hpp"
#include "io/signals.hpp"
#include "spec/error.hpp"

namespace quasim::cosim {

const VerilatedAbi& abi_of_Vquasim_l16();
const VerilatedAbi& abi_of_Vquasim_tail();

namespace {

namespace fs = std::filesystem;

/// The parameters of the module that are not the RTL's defaults, as Verilator takes them.
std::vector<std::string> parameters_of(const UnitRequest& request) {
  const sc::PipelineConfig &config = request.config, usual;
  std::vector<std::string> flags;
  const auto add = [&](const char* name, std::int64_t value, std::int64_t default_value) {
    if (value != default_value) flags.push_back("-G" + std::string(name) + "=" + std::to_string(value));
  };
  const auto dataflows = [](const sc::PipelineConfig& of) {
    return (of.two_step ? 1 : 0) + (of.fused ? 2 : 0);
  };
  if (request.top == UnitRequest::Top::kUnit) {  // the tail has the largest of these
    add("LANES", static_cast<std::int64_t>(request.lanes), spec::kLanesDefault);
    add("MaxChannels", config.max_channels, usual.max_channels);
    add("MultBits", config.mult_bits, usual.mult_bits);
    add("BiasBits", config.bias_bits, usual.bias_bits);
  }
  add("ConvBits", config.conv_bits, usual.conv_bits);
  add("Dataflows", dataflows(config), dataflows(usual));
  add("CellBits", config.cell_bits, usual.cell_bits);
  add("NearBlocks", config.near_rows / spec::kNearBlockRows, usual.near_rows / spec::kNearBlockRows);
  add("Folded", config.folded ? 1 : 0, usual.folded ? 1 : 0);
  return flags;
}

/// What a unit is built from besides the RTL: beside the program in a build tree, below share/ where it is
/// installed.
fs::path unit_folder() {
  const fs::path here = fs::read_symlink("/proc/self/exe").parent_path();
  const std::vector<fs::path> folders{here.parent_path() / QUASIM_UNIT_FOLDER, QUASIM_BUILD_UNIT_FOLDER};
  std::error_code error;
  for (const fs::path& folder : folders)
    if (fs::is_regular_file(folder / "build_unit.sh", error)) return folder;
  throw InputError("RTL: expected the sources of a unit in " + folders.front().string() + " or " +
                   folders.back().string() + "; they are in neither");
}

/// The SystemVerilog files of a directory and of generated/ below it, packages first.
std::vector<fs::path> rtl_files(const fs::path& directory) {
  std::vector<fs::path> packages, modules;
  for (const fs::path& folder : {directory / "generated", directory}) {
    std::error_code error;
    std::vector<fs::path> files;
    for (fs::directory_iterator entry(folder, error), end; !error && entry != end; entry.increment(error))
      if (entry->path().extension() == ".sv" || entry->path().extension() == ".v")
        files.push_back(entry->path());
    if (error && folder == directory)
      throw InputError(directory.string() + ": expected a directory with RTL: " + error.message());
    std::sort(files.begin(), files.end());
    for (const fs::path& file : files) {
      const std::string stem = file.stem().string();
      const bool package = stem.size() > 4 && stem.compare(stem.size() - 4, 4, "_pkg") == 0;
      (package ? packages : modules).push_back(file);
    }
  }
  if (modules.empty())
    throw InputError(directory.string() + ": expected SystemVerilog files; there are none");
  packages.insert(packages.end(), modules.begin(), modules.end());
  return packages;
}

/// The text of a source without its comments.
std::string code_of(const fs::path& file) {
  std::ifstream stream(file, std::ios::binary);
  const std::string text{std::istreambuf_iterator<char>(stream), {}};
  std::string code;
  for (std::size_t at = 0; at < text.size();) {
    const bool line = text.compare(at, 2, "//") == 0, block = text.compare(at, 2, "/*") == 0;
    if (!line && !block) {
      code += text[at++];
      continue;
    }
    const std::size_t end = text.find(line ? "\n" : "*/", at + 2);
    at = end == std::string::npos ? text.size() : line ? end : end + 2;
    code += ' ';
  }
  return code;
}

/// The files that sources include, and those that these include: all below the RTL's directory or beside the
/// file that names them, so that a unit's number says everything that it is made of.
std::vector<fs::path> included_files(const fs::path& directory, const std::vector<fs::path>& compiled) {
  std::vector<fs::path> found, waiting = compiled;
  while (!waiting.empty()) {
    const fs::path file = waiting.back();
    waiting.pop_back();
    const std::string code = code_of(file);
    static constexpr const char kWord[] = "`include";
    for (std::size_t at = code.find(kWord); at != std::string::npos; at = code.find(kWord, at + 1)) {
      const std::size_t begin = code.find_first_not_of(" \t", at + sizeof kWord - 1);
      const char open = begin == std::string::npos ? ' ' : code[begin];
      const std::size_t end =
          open == '"' || open == '<' ? code.find(open == '"' ? '"' : '>', begin + 1) : std::string::npos;
      if (end == std::string::npos)
        throw InputError(file.string() + ": expected the name of a file in quotes behind `include");
      const std::string name = code.substr(begin + 1, end - begin - 1);
      const fs::path beside = file.parent_path() / name, below = directory / name;
      std::error_code error;
      const fs::path& there = fs::is_regular_file(beside, error) ? beside : below;
      if (!fs::is_regular_file(there, error))
        throw InputError(file.string() + ": `include \"" + name + "\": expected that file in " +
                         directory.string());
      if (std::find(found.begin(), found.end(), there) != found.end()) continue;
      found.push_back(there);
      waiting.push_back(there);
    }
  }
  std::sort(found.begin(), found.end());
  return found;
}

/// CMake, which runs Verilator, takes such a name apart.
void require_plain(const fs::path& path) {
  if (path.string().find_first_of(";[]\\") != std::string::npos)
    throw InputError(path.string() + ": expected a path without any of ; [ ] \\ to build a unit");
}

/// Units built for a build tree stay in it.
fs::path cache_folder(const fs::path& unit_folder) {
  fs::path folder;
  const auto variable = [](const char* name) {
    const char* value = std::getenv(name);
    return std::string(value == nullptr ? "" : value);
  };
  if (const std::string own = variable("QUASIM_UNIT_CACHE"); !own.empty())
    folder = own;
  else if (unit_folder == QUASIM_BUILD_UNIT_FOLDER)
    folder = unit_folder / "built";
  else if (const std::string cache = variable("XDG_CACHE_HOME"); !cache.empty())
    folder = fs::path(cache) / "quasim" / "units";
  else if (const std::string home = variable("HOME"); !home.empty())
    folder = fs::path(home) / ".cache" / "quasim" / "units";
  else
    throw InputError("RTL: nowhere to keep a built unit: set QUASIM_UNIT_CACHE to a directory");
  std::error_code error;
  folder = fs::absolute(folder, error);
  require_plain(folder);
  fs::create_directories(folder, error);
  if (error) throw InputError(folder.string() + ": cannot keep a built unit here: " + error.message());
  return folder;
}

/// Runs a program with everything it says going to `log`; returns its exit status. What it started ends with
/// it, and all of it where a signal ends this process.
int run_logged(const std::vector<std::string>& command, const fs::path& log) {
  std::vector<char*> words;
  for (const std::string& word : command) words.push_back(const_cast<char*>(word.c_str()));
  words.push_back(nullptr);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, log.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0666);
  posix_spawn_file_actions_adddup2(&actions, STDOUT_FILENO, STDERR_FILENO);
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK);
  posix_spawnattr_setpgroup(&attributes, 0);  // a group of its own
  sigset_t none;
  sigemptyset(&none);
  posix_spawnattr_setsigmask(&attributes, &none);
  pid_t child = 0;
  int refused = 0;
  signals::Helpers helpers;
  {
    const signals::Guard guard;
    refused = ::posix_spawn(&child, words[0], &actions, &attributes, words.data(), environ);
    if (refused == 0) helpers.remember(child, guard);
  }
  posix_spawnattr_destroy(&attributes);
  posix_spawn_file_actions_destroy(&actions);
  if (refused != 0) throw InputError("RTL: cannot run " + command.front() + ": " + std::strerror(refused));
  siginfo_t ended{};
  while (::waitid(P_PID, static_cast<id_t>(child), &ended, WEXITED | WNOWAIT) < 0)
    if (errno != EINTR) throw InputError("RTL: lost the tool that builds a unit");
  ::kill(-child, SIGKILL);  // compilers that go on where another one failed
  helpers.forget();         // before the number of the group is free again
  int status = 0;
  ::waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}

/// The first line of a log in which a tool complains, or its last line.
std::string complaint_of(const fs::path& log) {
  std::ifstream text(log);
  std::string last = "it said nothing";
  for (std::string line; std::getline(text, line);) {
    line.erase(0, line.find_first_not_of(' '));
    for (const char* sign : {"%Error", "%Warning", " error: ", "Error: ", "not found: "})
      if (line.find(sign) != std::string::npos) return line;
    if (!line.empty()) last = line;
  }
  return last;
}

/// Everything that goes into a unit, as one number. `rtl`: the directory of the RTL, and `compiled` its
/// files that are.
std::string key_of(const fs::path& folder, const fs::path& rtl, const std::vector<fs::path>& compiled,
                   const std::vector<std::string>& words) {
  std::string all;
  std::vector<fs::path> files;
  for (const auto& entry : fs::recursive_directory_iterator(folder))
    if (const std::string room = entry.path().lexically_relative(folder).begin()->string();
        entry.is_regular_file() && room != "rtl" && room != "built")
      files.push_back(entry.path());
  std::sort(files.begin(), files.end());
  for (const fs::path& file : files)
    all += file.lexically_relative(folder).string() + " " + sha256_of_file(file) + "\n";
  for (const fs::path& file : compiled) all += file.filename().string() + " " + sha256_of_file(file) + "\n";
  for (const fs::path& file : included_files(rtl, compiled))
    all += file.lexically_relative(rtl).string() + " " + sha256_of_file(file) + "\n";
  for (const std::string& word : words) all += word + "\n";
  return sha256_of_bytes(all.data(), all.size()).substr(0, 32);
}

/// Whether a library ends where its header says: a half-written one ends the process that loads it.
bool is_whole(const fs::path& library) {
  std::ifstream stream(library, std::ios::binary);
  Elf64_Ehdr header{};
  if (!stream.read(reinterpret_cast<char*>(&header), sizeof header)) return false;
  std::error_code error;
  return std::memcmp(header.e_ident, ELFMAG, SELFMAG) == 0 &&
         fs::file_size(library, error) >= header.e_shoff + std::uint64_t{header.e_shnum} * header.e_shentsize;
}

const VerilatedAbi& load(const fs::path& library) {
  void* handle = ::dlopen(library.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (handle == nullptr) throw InputError("RTL: " + std::string(::dlerror()));
  const auto unit = reinterpret_cast<const VerilatedAbi* (*)()>(::dlsym(handle, "quasim_unit"));
  if (unit == nullptr) throw InputError("RTL: " + library.string() + " is not a unit");
  return *unit();
}

const VerilatedAbi& build(const UnitRequest& request) {
  const bool tail = request.top == UnitRequest::Top::kTail;
  const fs::path folder = unit_folder();
  const bool own = request.rtl.empty();
  const fs::path directory = own ? folder / "rtl" : request.rtl;
  const std::vector<fs::path> files = rtl_files(directory);
  std::vector<std::string> words{tail ? "tail" : "unit"};
  for (const std::string& flag : parameters_of(request)) words.push_back(flag);
  const std::string key = key_of(folder, directory, files, words);
  const fs::path library = cache_folder(folder) / (key + ".so");
  std::error_code error;
  if (fs::is_regular_file(library, error) && is_whole(library)) return load(library);

  std::string what;
  for (std::size_t i = 1; i < words.size(); ++i) what += " " + words[i].substr(2);
  std::cerr << "quasim: building " << (tail ? "requant and silu" : "quasim_top") << " of "
            << (own ? std::string("the project's RTL") : printable(request.rtl.string())) << what
            << ", once\n";
  for (const fs::path& file : files) require_plain(fs::absolute(file));
  const Scratch scratch(library, Scratch::Kind::kDirectory);
  const fs::path log = library.parent_path() / (key + ".log");
  std::vector<std::string> command{"/bin/sh", (folder / "build_unit.sh").string(), scratch.path().string()};
  command.insert(command.end(), words.begin(), words.end());
  command.emplace_back("--");
  command.push_back("-I" + fs::absolute(directory).string());
  for (const fs::path& file : files) command.push_back(fs::absolute(file).string());
  if (run_logged(command, log) != 0)
    throw InputError((own ? folder : request.rtl).string() + ": cannot build the unit: " + complaint_of(log) +
                     " (all of it: " + log.string() + ")");
  if (key_of(folder, directory, rtl_files(directory), words) != key)
    throw InputError(directory.string() + ": the RTL changed while the unit was built; try again");
  fs::rename(scratch.path() / "unit.so", library);
  return load(library);
}

}  // namespace

const VerilatedAbi& verilated(const UnitRequest& request) {
  const bool tail = request.top == UnitRequest::Top::kTail;
  sc::validate(request.config, tail ? spec::kLanesDefault : request.lanes);
  if (request.rtl.empty() && request.config == sc::PipelineConfig{}) {
    if (tail) return abi_of_Vquasim_tail();
    if (request.lanes == spec::kLanesDefault) return abi_of_Vquasim_l16();
  }
  static std::map<std::string, const VerilatedAbi*> built;  // a library is loaded once
  std::string name = request.rtl.string() + (tail ? "\ntail" : "\nunit");
  for (const std::string& flag : parameters_of(request)) name += flag;
  const auto found = built.find(name);
  if (found != built.end()) return *found->second;
  return *built.emplace(name, &build(request)).first->second;
}

std::unique_ptr<RtlUnit> make_unit(std::size_t lanes, const sc::PipelineConfig& config, const fs::path& rtl,
                                   const fs::path& trace) {
  return make_verilated_unit(verilated({UnitRequest::Top::kUnit, lanes, config, rtl}), lanes, trace);
}

std::unique_ptr<exact::PointSource> make_tail(const LayerProgram& program, const fs::path& rtl, bool folded) {
  if (folded) static_cast<void>(program.stage().folded_table());  // refused before a unit is built for it
  UnitRequest request{UnitRequest::Top::kTail, spec::kLanesDefault,
                      sc::config_holding(folded ? sc::folded_config() : sc::PipelineConfig{}, program), rtl};
  return make_rtl_tail(verilated(request), request.config, program);
}

}  // namespace quasim::cosim
