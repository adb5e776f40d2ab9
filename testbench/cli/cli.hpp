// What every verb of the quasim command shares: registration, exit codes, result printing and progress.
#pragma once

#include <CLI/CLI.hpp>
#include <chrono>
#include <cstdint>
#include <exception>
#include <functional>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <streambuf>
#include <string>
#include <vector>

#include "cli/verbs.hpp"
#include "io/outputs.hpp"
#include "spec/words.hpp"

namespace quasim::cli {

/// Exit codes of every verb.
enum Exit : int { kAgree = 0, kDiffer = 1, kBadInput = 2 };

/// "quasim 1.0.0"
extern const char* const kTool;

/// How every JSON result begins: its format, the verb and the tool. docs/json.md has the rest.
nlohmann::ordered_json document(const std::string& format, const std::string& verb);

/// What -o was given: nothing, or a text that may be empty or "-". io/outputs.hpp says what it means.
using OutputOption = std::optional<std::string>;
CLI::Option* add_output_option(CLI::App& verb, OutputOption& output, const std::string& meaning);
/// The file of -o, checked against what the verb reads; none where -o was not given.
std::optional<OutputFile> output_file(const OutputOption& output, const InputSet& inputs);
bool takes_standard_output(const std::optional<OutputFile>& output);
/// Where a verb prints its results for people: stdout, or stderr where the output takes stdout.
std::ostream& results_beside(const std::optional<OutputFile>& output);
InputSet inputs_of(const std::vector<std::filesystem::path>& bundles);

/// Standard output, through std::cout, with the reason of the first write that was refused kept.
class StandardOutput {
 public:
  StandardOutput();
  ~StandardOutput();
  StandardOutput(const StandardOutput&) = delete;
  StandardOutput& operator=(const StandardOutput&) = delete;
  /// Writes what is left. `exit_code`, or kBadInput and one line on stderr where not everything could be
  /// written.
  int finish(int exit_code);

 private:
  class Buffer;
  std::unique_ptr<Buffer> buffer_;
  std::streambuf* before_;
};

/// Prints a JSON document on stdout. Bytes of paths that are not UTF-8 become the replacement character.
void print_json(const nlohmann::ordered_json& json);

/// What an exception says, as one printable line.
std::string message_of(const std::exception& error);

/// One line on stderr, which begins with "quasim: ".
void complain(const std::string& line);

/// A plain text table: first row is the header; columns but the first are right-aligned. Cells are made
/// printable.
std::string format_table(const std::vector<std::vector<std::string>>& rows);

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
