#include "bench/in_child.hpp"

#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <exception>

#include "spec/error.hpp"

namespace quasim::bench {

std::vector<double> in_child(const std::function<std::vector<double>()>& measure) {
  std::array<int, 2> pipe_ends{};
  if (::pipe(pipe_ends.data()) != 0) throw InputError("bench: cannot make a pipe");
  std::fflush(nullptr);
  const pid_t child = ::fork();
  if (child < 0) throw InputError("bench: cannot start a process");
  if (child == 0) {
    ::close(pipe_ends[0]);
    int code = 1;
    try {
      const std::vector<double> numbers = measure();
      const auto bytes = static_cast<ssize_t>(numbers.size() * sizeof(double));
      code = ::write(pipe_ends[1], numbers.data(), static_cast<std::size_t>(bytes)) == bytes ? 0 : 1;
    } catch (const std::exception& error) {
      std::fprintf(stderr, "quasim bench: %s\n", error.what());
    }
    ::_exit(code);
  }
  ::close(pipe_ends[1]);
  std::vector<double> numbers;
  double number = 0;
  while (::read(pipe_ends[0], &number, sizeof number) == static_cast<ssize_t>(sizeof number))
    numbers.push_back(number);
  ::close(pipe_ends[0]);
  int status = 0;
  ::waitpid(child, &status, 0);
  if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) throw InputError("bench: a measurement failed");
  return numbers;
}

double median(std::vector<double> values) {
  if (values.empty()) throw InputError("bench: nothing was measured");
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>((values.size() - 1) / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

}  // namespace quasim::bench
