#include "cosim/trace_file.hpp"

#include <cerrno>
#include <cstdio>
#include <system_error>

#include "cosim/fst_errors.hpp"
#include "spec/error.hpp"

namespace quasim::cosim {
namespace {

std::string cannot_write(const std::filesystem::path& target, int reason) {
  return target.string() + ": cannot write the waveform: " + std::generic_category().message(reason);
}

}  // namespace

TraceFile::TraceFile(const std::string& text, const InputSet& inputs)
    : target_(replaceable_file(text, inputs)),
      scratch_(target_, Scratch::Kind::kDirectory),
      faultable_(nullptr, 0, cannot_write(target_, ENOSPC)) {}

void TraceFile::commit() {
  if (fst_error() != 0) throw InputError(cannot_write(target_, fst_error()));
  if (std::rename(path().c_str(), target_.c_str()) != 0) throw InputError(cannot_write(target_, errno));
}

}  // namespace quasim::cosim
