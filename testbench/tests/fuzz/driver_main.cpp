// The readers under mutated inputs, without a fuzzing compiler.
//
//   reader_fuzz NAME|all [--runs N] [--seconds S] [--seed X]    mutates well-formed inputs; ends at N inputs
//   or S
//                                                               seconds a reader, whichever comes first
//   reader_fuzz NAME FILE...                                    feeds these files, one by one
//   reader_fuzz NAME --write-seeds DIRECTORY                    writes the well-formed inputs, for libFuzzer
//   reader_fuzz --plant                                         a reader that crashes: the driver must notice
//
// A finding is kept in finding-NAME.bin. Exit code 1 for a finding, 2 for wrong usage.
#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <map>
#include <stdexcept>

#include "spec/words.hpp"
#include "tests/fuzz/mutator.hpp"
#include "tests/fuzz/targets.hpp"

namespace quasim::fuzz {
namespace {

constexpr unsigned kLongestInputSeconds = 20;  // one block of inputs that takes longer hangs
constexpr std::uint64_t kBlockInputs = 256;

// What a signal handler can still write: the input that is being read.
const std::string* current_input = nullptr;
char finding_file[128] = "finding.bin";

void keep_current_input() {
  if (current_input == nullptr) return;
  const int file = ::open(finding_file, O_CREAT | O_TRUNC | O_WRONLY, 0644);
  if (file < 0) return;
  if (::write(file, current_input->data(), current_input->size()) < 0) return;
  ::close(file);
}

extern "C" void on_signal(int number) {
  keep_current_input();
  const char text[] = "FINDING: a crash or a hang; the input is kept\n";
  if (::write(STDERR_FILENO, text, sizeof text - 1) < 0) std::_Exit(1);
  std::signal(number, SIG_DFL);
  std::raise(number == SIGALRM ? SIGKILL : number);
}

struct Options {
  std::uint64_t runs = 20000;
  double seconds = 1e9;
  std::uint64_t seed = 1;
};

/// True where nothing was found.
bool fuzz(const Target& target, const Options& options) {
  std::snprintf(finding_file, sizeof finding_file, "finding-%s.bin", target.name);
  Mutator mutator(target.seeds(), options.seed);
  const auto start = std::chrono::steady_clock::now();
  const auto seconds = [start] {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  };
  for (const std::string& seed : target.seeds())
    if (!run(target, seed)) {
      std::cout << target.name << ": FINDING: a well-formed input is refused\n";
      return false;
    }
  std::uint64_t inputs = 0, accepted = 0;
  for (; inputs < options.runs; ++inputs) {
    if (inputs % kBlockInputs == 0) {
      if (seconds() > options.seconds) break;
      ::alarm(kLongestInputSeconds);
    }
    const std::string input = mutator.next();
    current_input = &input;
    try {
      if (run(target, input)) {
        ++accepted;
        mutator.keep(input);
      }
    } catch (const std::exception& finding) {
      keep_current_input();
      std::cout << target.name << ": FINDING: input " << inputs << " of seed " << options.seed << ": "
                << printable(finding.what()) << "\n";
      return false;
    }
    current_input = nullptr;
  }
  ::alarm(0);
  std::cout << target.name << ": " << group_digits(inputs) << " inputs, " << group_digits(accepted)
            << " accepted, " << group_digits(inputs - accepted) << " refused, seed " << options.seed << ", "
            << static_cast<int>(seconds()) << " s\n";
  if (inputs == 0 || accepted == 0 || accepted == inputs) {
    std::cout << target.name << ": FINDING: nothing was shown; expected both accepted and refused inputs\n";
    return false;
  }
  return true;
}

std::string whole_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) throw std::invalid_argument(path + ": cannot be read");
  return {std::istreambuf_iterator<char>(file), {}};
}

void write_seeds(const Target& target, const std::filesystem::path& directory) {
  std::filesystem::create_directories(directory);
  int number = 0;
  for (const std::string& seed : target.seeds())
    std::ofstream(directory / ("seed" + std::to_string(number++)), std::ios::binary) << seed;
}

void crash(std::string_view bytes) {
  if (bytes.size() % 7 == 3) std::raise(SIGSEGV);
}

int run_main(const std::vector<std::string>& arguments) {
  if (arguments.empty()) throw std::invalid_argument("expected a reader's name, or all");
  if (arguments[0] == "--plant")
    return fuzz({"plant", crash, [] { return std::vector<std::string>{"well-formed."}; }}, {}) ? 0 : 1;
  Options options;
  std::vector<std::string> files;
  std::map<std::string, std::string> given;
  for (std::size_t i = 1; i < arguments.size(); ++i) {
    if (arguments[i].rfind("--", 0) != 0)
      files.push_back(arguments[i]);
    else if (i + 1 < arguments.size())
      given[arguments[i]] = arguments[i + 1], ++i;
  }
  if (given.count("--write-seeds") != 0) {
    write_seeds(target_of(arguments[0]), given["--write-seeds"]);
    return 0;
  }
  if (given.count("--runs") != 0) options.runs = std::stoull(given["--runs"]);
  if (given.count("--seconds") != 0) options.seconds = std::stod(given["--seconds"]);
  if (given.count("--seed") != 0) options.seed = std::stoull(given["--seed"]);
  for (const std::string& file : files)
    std::cout << file << ": " << (run(target_of(arguments[0]), whole_file(file)) ? "accepted" : "refused")
              << "\n";
  if (!files.empty()) return 0;
  bool good = true;
  for (const Target& target : targets())
    if (arguments[0] == "all" || arguments[0] == target.name) good &= fuzz(target, options);
  if (arguments[0] != "all") target_of(arguments[0]);
  return good ? 0 : 1;
}

}  // namespace
}  // namespace quasim::fuzz

// AddressSanitizer calls this before it ends the process.
extern "C" void __asan_on_error();
extern "C" void __asan_on_error() {
  quasim::fuzz::keep_current_input();
}

int main(int argc, char** argv) {
  for (const int number : {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGALRM})
    std::signal(number, quasim::fuzz::on_signal);
#if !defined(__SANITIZE_ADDRESS__)
  const rlimit memory{rlim_t{4} << 30, rlim_t{4} << 30};  // taking more for a small input is a finding
  ::setrlimit(RLIMIT_AS, &memory);
#endif
  try {
    return quasim::fuzz::run_main({argv + 1, argv + argc});
  } catch (const std::exception& error) {
    std::cerr << "reader_fuzz: " << error.what() << "\n";
    return 2;
  }
}
