// What every verb of the quasim command shares: registration, exit codes, result printing and progress.
#pragma once

#include <CLI/CLI.hpp>
#include <chrono>
#include <cstdint>
#include <functional>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace quasim::cli {

/// Exit codes of every verb.
enum Exit : int { kAgree = 0, kDiffer = 1, kBadInput = 2 };

/// A verb adds its subcommand and options to `app` and returns what to do when it was chosen; the result is
/// an exit code. InputError thrown from the action becomes one line on stderr and kBadInput.
using Action = std::function<int()>;
using VerbFactory = Action (*)(CLI::App& app);

// One factory a verb, each in the file of its name.
Action add_bench(CLI::App& app);
Action add_certify(CLI::App& app);
Action add_compare(CLI::App& app);
Action add_compile(CLI::App& app);
Action add_cosim(CLI::App& app);
Action add_explain(CLI::App& app);
Action add_export(CLI::App& app);
Action add_golden(CLI::App& app);
Action add_import(CLI::App& app);
Action add_modes(CLI::App& app);
Action add_outliers(CLI::App& app);
Action add_report(CLI::App& app);
Action add_run(CLI::App& app);
Action add_sweep(CLI::App& app);

/// Prints a JSON document on stdout.
void print_json(const nlohmann::ordered_json& json);

/// A plain text table: first row is the header; columns but the first are right-aligned.
std::string format_table(const std::vector<std::vector<std::string>>& rows);

/// 12345678 -> "12,345,678".
std::string group_digits(std::uint64_t value);

/// A one-line progress display on stderr, only when stderr is a terminal and only after two seconds.
class Progress {
 public:
  Progress(std::string what, std::uint64_t total);
  ~Progress();
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;
  /// Cheap enough to call every few thousand elements.
  void update(std::uint64_t done);

 private:
  std::string what_;
  std::uint64_t total_;
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
  std::chrono::steady_clock::time_point shown_ = start_;
  bool terminal_;
  bool drawn_ = false;
};

}  // namespace quasim::cli
