#!/usr/bin/env bash
# Installs what is missing, builds everything and runs the tests. --all adds those labelled slow: whole kits, clang-tidy, packages
# from PyPI, other toolchains, an empty system. Other arguments are passed on to ctest.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
build=${QUASIM_BUILD_DIR:-$root/build}

not_yet=$({ grep -v '^#' "$root/testbench/tests/not_yet_run.txt" || true; } | paste -sd '|')
selection=(-LE slow)
if [[ -n $not_yet ]]; then selection+=(-E "^(${not_yet//./\\.})$"); fi
if [[ ${1:-} == --all ]]; then
  selection=()
  shift
  "$root/scripts/setup.sh" --all
fi
"$root/scripts/build.sh" --tests
if [[ -n $not_yet && ${#selection[@]} != 0 ]]; then
  echo "test: left out, see testbench/tests/not_yet_run.txt: ${not_yet//|/ }" >&2
fi
ctest --test-dir "$build" --output-on-failure --no-tests=error -j "$(nproc)" "${selection[@]}" "$@"
