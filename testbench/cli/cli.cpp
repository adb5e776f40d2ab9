#include "cli/cli.hpp"

#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <iostream>
#include <new>

#include "io/json_text.hpp"
#include "spec/error.hpp"

namespace quasim::cli {

const char* const kTool = "quasim " QUASIM_VERSION;

nlohmann::ordered_json document(const std::string& format, const std::string& verb) {
  return {{"format", format}, {"verb", verb}, {"tool", kTool}};
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
