#!/usr/bin/env bash
# clang-tidy (.clang-tidy) over every C++ source that is compiled here. Ten minutes on two cores.
set -euo pipefail
cd "$(dirname "$0")/.."
if ! command -v run-clang-tidy > /dev/null; then
  echo "check_tidy.sh: no run-clang-tidy (scripts/setup.sh --all installs it)" >&2
  exit 1
fi
build=${QUASIM_TIDY_DIR:-build/tidy}
mkdir -p "$build"
# a compilation database without the other compiler's precompiled headers; generated sources are left out
cmake -S . -B "$build" -G Ninja -DCMAKE_BUILD_TYPE=Release -DCMAKE_DISABLE_PRECOMPILE_HEADERS=ON -DQUASIM_CUDA=OFF > "$build/configure.log"
cmake --build "$build" --target verilated_sources > "$build/verilate.log"
if run-clang-tidy -quiet -j "$(nproc)" -p "$build" "$PWD/(model|testbench|cuda_golden)/.*\.cpp$" > "$build/tidy.log" 2>&1; then
  echo "clang-tidy: $(grep -c '^clang-tidy' "$build/tidy.log") sources, nothing found"
else
  sed 's/\x1b\[[0-9;]*m//g' "$build/tidy.log" | grep -E '(warning|error): ' | sort -u >&2
  exit 1
fi
