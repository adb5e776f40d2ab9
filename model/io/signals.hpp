// What is left to do when a signal ends the process: remove what is unfinished, and say which file became
// shorter while it was mapped.
//
// Everything that may be removed or may fault announces itself here. The handlers are the command's: a
// library that is loaded into another program (Python, a simulator) announces and installs nothing.
#pragma once

#include <sys/types.h>

#include <atomic>
#include <csignal>
#include <cstddef>
#include <string>

namespace quasim::signals {

/// While it lives no signal is delivered to this thread, and nothing else changes the lists below.
class Guard {
 public:
  Guard();
  ~Guard();
  Guard(const Guard&) = delete;
  Guard& operator=(const Guard&) = delete;

 private:
  sigset_t before_;
};

/// A file or directory that disappears when a signal ends the process.
class Unfinished {
 public:
  Unfinished() = default;
  ~Unfinished() { forget(); }
  Unfinished(const Unfinished&) = delete;
  Unfinished& operator=(const Unfinished&) = delete;
  /// `guard` is alive between making the file and this call, so that no signal falls between the two.
  void remember(const std::string& path, const Guard& guard);
  void forget();

 private:
  friend void remove_unfinished();
  std::string path_;
  Unfinished* next_ = nullptr;
};

/// A process group that ends when a signal ends the process: tools that would go on writing.
class Helpers {
 public:
  Helpers() = default;
  ~Helpers() { forget(); }
  Helpers(const Helpers&) = delete;
  Helpers& operator=(const Helpers&) = delete;
  /// `guard` is alive between starting the group's leader and this call.
  void remember(pid_t group, const Guard& guard);
  void forget();

 private:
  friend void end_helpers();
  pid_t group_ = 0;
  Helpers* next_ = nullptr;
};

/// Memory whose access may raise SIGBUS, and the line that says what that means. `begin` nullptr: any
/// address.
class Faultable {
 public:
  Faultable(const void* begin, std::size_t size_bytes, const std::string& line);
  ~Faultable();
  Faultable(const Faultable&) = delete;
  Faultable& operator=(const Faultable&) = delete;

 private:
  friend const Faultable* faultable_at(const void* address);
  friend void on_bus_error(int, siginfo_t*, void*);
  const std::byte* begin_;
  std::size_t size_bytes_;
  std::string line_;
  Faultable* next_ = nullptr;
};

/// For main: SIGINT, SIGTERM, SIGHUP and SIGQUIT end helpers, remove what is unfinished and then do what they always do;
/// SIGBUS in announced memory prints its line on stderr and ends with `bus_exit_code`. Writes to a closed
/// pipe or beyond a size limit become errors of the write.
void install_handlers(int bus_exit_code);

/// Removes a file, or a directory with all that is in it; links are removed, never followed. Safe in a signal
/// handler.
void remove_tree(const char* path);

}  // namespace quasim::signals
