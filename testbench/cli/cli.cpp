#include "cli/cli.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <iostream>
#include <new>
#include <system_error>

#include "io/json_text.hpp"
#include "spec/error.hpp"

namespace quasim::cli {

const char* const kTool = "quasim " QUASIM_VERSION;

nlohmann::ordered_json document(const std::string& format, const std::string& verb) {
  return {{"format", format}, {"verb", verb}, {"tool", kTool}};
}

CLI::Option* add_output_option(CLI::App& verb, OutputOption& output, const std::string& meaning) {
  return verb.add_option_function<std::string>(
      "-o,--output", [&output](const std::string& text) { output = text; }, meaning);
}

std::optional<OutputFile> output_file(const OutputOption& output, const InputSet& inputs) {
  if (!output) return std::nullopt;
  return OutputFile(*output, inputs);
}

bool takes_standard_output(const std::optional<OutputFile>& output) {
  return output && output->is_standard_output();
}

std::ostream& results_beside(const std::optional<OutputFile>& output) {
  return takes_standard_output(output) ? std::cerr : std::cout;
}

InputSet inputs_of(const std::vector<std::filesystem::path>& bundles) {
  InputSet inputs;
  for (const auto& bundle : bundles) inputs.add_bundle(bundle);
  return inputs;
}

/// Writes by itself: a stream over stdio forgets why it failed.
class StandardOutput::Buffer : public std::streambuf {
 public:
  Buffer() : bytes_(std::size_t{64} << 10) { setp(bytes_.data(), bytes_.data() + bytes_.size()); }
  int reason() const { return reason_; }

 protected:
  int_type overflow(int_type character) override {
    if (sync() != 0) return traits_type::eof();
    if (!traits_type::eq_int_type(character, traits_type::eof())) sputc(traits_type::to_char_type(character));
    return traits_type::not_eof(character);
  }
  int sync() override {
    const char* at = pbase();
    while (reason_ == 0 && at < pptr()) {
      const ssize_t written = ::write(STDOUT_FILENO, at, static_cast<std::size_t>(pptr() - at));
      if (written > 0) at += written;
      if (written < 0 && errno != EINTR) reason_ = errno;
    }
    setp(bytes_.data(), bytes_.data() + bytes_.size());
    return reason_ == 0 ? 0 : -1;
  }

 private:
  std::vector<char> bytes_;
  int reason_ = 0;
};

StandardOutput::StandardOutput()
    : buffer_(std::make_unique<Buffer>()), before_(std::cout.rdbuf(buffer_.get())) {
  // Where the caller closed a standard descriptor, no file of ours may get its number. Read-only: a write to
  // it is still an error.
  int descriptor = 0;
  while (descriptor >= 0 && descriptor <= STDERR_FILENO) descriptor = ::open("/dev/null", O_RDONLY);
  if (descriptor >= 0) ::close(descriptor);
}

StandardOutput::~StandardOutput() {
  std::cout.rdbuf(before_);
}

int StandardOutput::finish(int exit_code) {
  std::cout.flush();
  if (buffer_->reason() == 0 || exit_code == kBadInput) return exit_code;
  complain("standard output: cannot write: " + std::generic_category().message(buffer_->reason()));
  return kBadInput;
}

void print_json(const nlohmann::ordered_json& json) {
  std::cout << json_text(json) << "\n";
}

std::string message_of(const std::exception& error) {
  if (dynamic_cast<const InputError*>(&error) != nullptr) return error.what();
  if (dynamic_cast<const std::bad_alloc*>(&error) != nullptr) return "out of memory";
  if (const auto* failed = dynamic_cast<const std::filesystem::filesystem_error*>(&error))
    return printable(failed->path1().string() + ": " + failed->code().message());
  return printable(std::string("internal error: ") + error.what());
}

void complain(const std::string& line) {
  std::cout.flush();
  std::cerr << "quasim: " << printable(line) << "\n";
}

std::string format_table(const std::vector<std::vector<std::string>>& rows) {
  std::vector<std::vector<std::string>> cells = rows;
  std::vector<std::size_t> widths;
  for (auto& row : cells)
    for (std::size_t i = 0; i < row.size(); ++i) {
      row[i] = printable(row[i]);
      if (i == widths.size()) widths.push_back(0);
      widths[i] = std::max(widths[i], display_width(row[i]));
    }
  std::string text;
  for (std::size_t r = 0; r < cells.size(); ++r) {
    std::string line;
    for (std::size_t i = 0; i < cells[r].size(); ++i) {
      const std::string padding(widths[i] - display_width(cells[r][i]), ' ');
      line += (i == 0 ? "" : "  ") + (i == 0 ? cells[r][i] + padding : padding + cells[r][i]);
    }
    line.erase(line.find_last_not_of(' ') + 1);
    text += line + "\n";
    if (r == 0) {
      std::size_t total = 2 * (widths.size() - 1);
      for (std::size_t width : widths) total += width;
      text += std::string(total, '-') + "\n";
    }
  }
  return text;
}

Progress::Progress(std::string what, std::uint64_t total)
    : what_(std::move(what)), total_(total), terminal_(::isatty(STDERR_FILENO) != 0) {}

Progress::~Progress() {
  if (drawn_) std::fputs("\r\033[K", stderr);
}

void Progress::update(std::uint64_t done) {
  if (!terminal_) return;
  const auto now = std::chrono::steady_clock::now();
  if (now - start_ < std::chrono::seconds(2) || now - shown_ < std::chrono::milliseconds(100)) return;
  shown_ = now;
  drawn_ = true;
  const double share = total_ == 0 ? 0.0 : 100.0 * static_cast<double>(done) / static_cast<double>(total_);
  std::fprintf(stderr, "\r\033[K%s: %5.1f%%", what_.c_str(), share);
  std::fflush(stderr);
}

}  // namespace quasim::cli
