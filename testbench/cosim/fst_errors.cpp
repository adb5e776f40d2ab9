#include "cosim/fst_errors.hpp"

#include <atomic>
#include <cerrno>

namespace quasim::cosim {
namespace {

std::atomic<int> first_error{0};

void note(bool refused) {
  if (refused) note_fst_error(errno != 0 ? errno : EIO);
}

}  // namespace

int fst_error() {
  return first_error;
}

void note_fst_error(int reason) {
  int none = 0;
  if (reason != 0) first_error.compare_exchange_strong(none, reason);
}

std::size_t fst_fwrite(const void* bytes, std::size_t size, std::size_t count, std::FILE* file) {
  const std::size_t written = std::fwrite(bytes, size, count, file);
  note(written != count && size != 0);
  return written;
}

int fst_fputc(int character, std::FILE* file) {
  const int result = std::fputc(character, file);
  note(result == EOF);
  return result;
}

int fst_fflush(std::FILE* file) {
  const int result = std::fflush(file);
  note(result != 0);
  return result;
}

int fst_fclose(std::FILE* file) {
  const int result = std::fclose(file);
  note(result != 0);
  return result;
}

int fst_fseeko(std::FILE* file, off_t offset, int origin) {
  const int result = ::fseeko(file, offset, origin);
  note(result != 0);
  return result;
}

int fst_ftruncate(int descriptor, off_t length) {
  const int result = ::ftruncate(descriptor, length);
  note(result != 0);
  return result;
}

}  // namespace quasim::cosim
