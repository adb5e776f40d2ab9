#include "io/signals.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <pthread.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

namespace quasim::signals {

void remove_unfinished();
void end_helpers();
const Faultable* faultable_at(const void* address);
void on_bus_error(int signal, siginfo_t* info, void* context);

namespace {

std::atomic_flag list_lock = ATOMIC_FLAG_INIT;
Unfinished* unfinished = nullptr;
Helpers* helpers = nullptr;
Faultable* faultables = nullptr;
int exit_code_of_bus_error = 1;

/// How deep remove_tree goes; what quasim makes is four deep at most.
constexpr int kMaxDepth = 16;

void lock() {
  while (list_lock.test_and_set(std::memory_order_acquire)) {
  }
}

template <class Node>
void unlink_from(Node*& head, Node* node, Node* Node::*next) {
  for (Node** at = &head; *at != nullptr; at = &((*at)->*next))
    if (*at == node) {
      *at = node->*next;
      return;
    }
}

/// Empties the directory; true where it removed something.
bool empty_directory(int directory, int depth) {
  alignas(dirent64) char buffer[4096];
  bool removed = false;
  for (;;) {
    const long length = ::syscall(SYS_getdents64, directory, buffer, sizeof buffer);
    if (length <= 0) return removed;
    for (long at = 0; at < length;) {
      const auto* entry = reinterpret_cast<const dirent64*>(buffer + at);
      at += entry->d_reclen;
      const char* name = entry->d_name;
      if (std::strcmp(name, ".") == 0 || std::strcmp(name, "..") == 0) continue;
      if (::unlinkat(directory, name, 0) == 0) {
        removed = true;
        continue;
      }
      if (depth == kMaxDepth) continue;
      const int inner = ::openat(directory, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
      if (inner < 0) continue;
      while (empty_directory(inner, depth + 1) && ::lseek(inner, 0, SEEK_SET) == 0) {
      }
      ::close(inner);
      removed |= ::unlinkat(directory, name, AT_REMOVEDIR) == 0;
    }
  }
}

void on_end(int signal) {
  lock();
  end_helpers();
  remove_unfinished();
  ::signal(signal, SIG_DFL);
  ::raise(signal);  // delivered when this handler returns
}

void handle(int signal, void (*handler)(int)) {
  struct sigaction now {};
  if (::sigaction(signal, nullptr, &now) == 0 && now.sa_handler == SIG_IGN) return;  // as nohup asks
  struct sigaction action {};
  action.sa_handler = handler;
  sigfillset(&action.sa_mask);
  ::sigaction(signal, &action, nullptr);
}

}  // namespace

Guard::Guard() {
  sigset_t all;
  sigfillset(&all);
  // A fault of this thread's own is not held up.
  sigdelset(&all, SIGBUS);
  sigdelset(&all, SIGSEGV);
  ::pthread_sigmask(SIG_BLOCK, &all, &before_);
  lock();
}

Guard::~Guard() {
  list_lock.clear(std::memory_order_release);
  ::pthread_sigmask(SIG_SETMASK, &before_, nullptr);
}

void Unfinished::remember(const std::string& path, const Guard&) {
  path_ = path;
  next_ = std::exchange(unfinished, this);
}

void Unfinished::forget() {
  const Guard guard;
  unlink_from(unfinished, this, &Unfinished::next_);
}

void Helpers::remember(pid_t group, const Guard&) {
  group_ = group;
  next_ = std::exchange(helpers, this);
}

void Helpers::forget() {
  const Guard guard;
  unlink_from(helpers, this, &Helpers::next_);
}

void end_helpers() {
  for (const Helpers* entry = helpers; entry != nullptr; entry = entry->next_) ::kill(-entry->group_, SIGKILL);
}

Faultable::Faultable(const void* begin, std::size_t size_bytes, const std::string& line)
    : begin_(static_cast<const std::byte*>(begin)), size_bytes_(size_bytes), line_("quasim: " + line + "\n") {
  const Guard guard;
  next_ = std::exchange(faultables, this);
}

Faultable::~Faultable() {
  const Guard guard;
  unlink_from(faultables, this, &Faultable::next_);
}

void remove_unfinished() {
  for (const Unfinished* entry = unfinished; entry != nullptr; entry = entry->next_)
    remove_tree(entry->path_.c_str());
}

/// The list is read without its lock: the thread that faults may hold it no more than it holds the faulting
/// memory.
const Faultable* faultable_at(const void* address) {
  const auto* at = static_cast<const std::byte*>(address);
  const Faultable* anywhere = nullptr;
  for (const Faultable* entry = faultables; entry != nullptr; entry = entry->next_) {
    if (entry->begin_ == nullptr) anywhere = entry;
    if (entry->begin_ != nullptr && at >= entry->begin_ && at < entry->begin_ + entry->size_bytes_)
      return entry;
  }
  return anywhere;
}

void on_bus_error(int signal, siginfo_t* info, void*) {
  const Faultable* found = faultable_at(info->si_addr);
  if (found == nullptr) {
    ::signal(signal, SIG_DFL);  // the access faults again, and the process ends as it would have
    return;
  }
  end_helpers();
  remove_unfinished();
  if (::write(STDERR_FILENO, found->line_.data(), found->line_.size()) < 0) errno = 0;  // nobody left to tell
  ::_exit(exit_code_of_bus_error);
}

void install_handlers(int bus_exit_code) {
  exit_code_of_bus_error = bus_exit_code;
  for (const int signal : {SIGINT, SIGTERM, SIGHUP, SIGQUIT}) handle(signal, on_end);
  for (const int signal : {SIGPIPE, SIGXFSZ}) ::signal(signal, SIG_IGN);
  struct sigaction action {};
  action.sa_sigaction = on_bus_error;
  action.sa_flags = SA_SIGINFO;
  sigfillset(&action.sa_mask);
  ::sigaction(SIGBUS, &action, nullptr);
}

void remove_tree(const char* path) {
  if (::unlink(path) == 0 || errno == ENOENT) return;
  const int directory = ::open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  if (directory < 0) return;
  while (empty_directory(directory, 0) && ::lseek(directory, 0, SEEK_SET) == 0) {
  }
  ::close(directory);
  ::rmdir(path);
}

}  // namespace quasim::signals
