/* Preloaded into the quasim command by interrupt_test.py: ends or hinders it at its N-th call that changes the file system.
 *
 *   QUASIM_SHIM=count       only writes the name of each call, one a line, to QUASIM_SHIM_LOG
 *   QUASIM_SHIM=kill:N      SIGKILL before the N-th call; a write is done by half before
 *   QUASIM_SHIM=signal:N    SIGTERM before the N-th call
 *   QUASIM_SHIM=once:N      the N-th call fails with EIO
 *   QUASIM_SHIM=full:N      from the N-th call on the disk is full: what needs space fails with ENOSPC
 *   QUASIM_SHIM_NO_EXCHANGE renameat2 knows no flags, as on NFS
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <unistd.h>

static char mode = 0; /* c, k, s, o, f; 0 where nothing is asked */
static long wanted = 0, calls = 0;
static int log_descriptor = -1, no_exchange = 0;

__attribute__((constructor)) static void read_environment(void) {
  const char *text = getenv("QUASIM_SHIM"), *log = getenv("QUASIM_SHIM_LOG");
  no_exchange = getenv("QUASIM_SHIM_NO_EXCHANGE") != NULL;
  if (text == NULL) return;
  mode = text[0];
  const char* colon = strchr(text, ':');
  wanted = colon == NULL ? 0 : atol(colon + 1);
  if (log != NULL) log_descriptor = (int)syscall(SYS_openat, AT_FDCWD, log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
}

/* What becomes of this call: 0 it is made, otherwise errno. Does not return where the process ends. */
static int fate(const char* name, int needs_space) {
  if (mode == 0) return 0;
  ++calls;
  if (mode == 'c' && log_descriptor >= 0) {
    char line[64];
    const int length = snprintf(line, sizeof line, "%s\n", name);
    if (syscall(SYS_write, log_descriptor, line, (size_t)length) < 0) abort();
  }
  if (calls == wanted && mode == 'k') kill(getpid(), SIGKILL);
  if (calls == wanted && mode == 's') kill(getpid(), SIGTERM);
  if (calls == wanted && mode == 'o') return EIO;
  if (calls >= wanted && mode == 'f' && needs_space) return ENOSPC;
  return 0;
}

#define NEXT(name, ...)                                           \
  static __typeof__(name)* next = NULL;                           \
  if (next == NULL) *(void**)&next = dlsym(RTLD_NEXT, #name);     \
  return next(__VA_ARGS__)
#define REFUSE(reason) \
  do {                 \
    errno = (reason);  \
    return -1;         \
  } while (0)
#define PASS(needs_space, name, ...)                 \
  do {                                               \
    const int reason = fate(#name, needs_space);     \
    if (reason != 0) REFUSE(reason);                 \
    NEXT(name, __VA_ARGS__);                         \
  } while (0)

int rename(const char* from, const char* to) { PASS(0, rename, from, to); }
int renameat2(int from_at, const char* from, int to_at, const char* to, unsigned flags) {
  if (no_exchange && flags != 0) REFUSE(EINVAL);
  PASS(0, renameat2, from_at, from, to_at, to, flags);
}
int unlink(const char* path) { PASS(0, unlink, path); }
int unlinkat(int at, const char* path, int flags) { PASS(0, unlinkat, at, path, flags); }
int rmdir(const char* path) { PASS(0, rmdir, path); }
int mkdir(const char* path, mode_t permissions) { PASS(1, mkdir, path, permissions); }
int link(const char* from, const char* to) { PASS(1, link, from, to); }

ssize_t write(int descriptor, const void* bytes, size_t size) {
  struct stat status;
  if (mode == 0 || descriptor <= STDERR_FILENO || fstat(descriptor, &status) != 0 || !S_ISREG(status.st_mode))
    return syscall(SYS_write, descriptor, bytes, size);
  if (mode == 'k' && calls + 1 == wanted && syscall(SYS_write, descriptor, bytes, size / 2) < 0) abort();
  const int reason = fate("write", 1);
  if (reason != 0) REFUSE(reason);
  return syscall(SYS_write, descriptor, bytes, size);
}

static int open_any(int at, const char* path, int flags, mode_t permissions) {
  if ((flags & O_CREAT) != 0) {
    const int reason = fate("create", 1);
    if (reason != 0) REFUSE(reason);
  }
  return (int)syscall(SYS_openat, at, path, flags, permissions);
}
#define PERMISSIONS(flags)                                          \
  mode_t permissions = 0;                                           \
  if (((flags) & O_CREAT) != 0) {                                   \
    va_list arguments;                                              \
    va_start(arguments, flags);                                     \
    permissions = (mode_t)va_arg(arguments, int);                   \
    va_end(arguments);                                              \
  }
int open(const char* path, int flags, ...) {
  PERMISSIONS(flags)
  return open_any(AT_FDCWD, path, flags, permissions);
}
int open64(const char* path, int flags, ...) {
  PERMISSIONS(flags)
  return open_any(AT_FDCWD, path, flags | O_LARGEFILE, permissions);
}
