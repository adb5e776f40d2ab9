#!/usr/bin/env bash
# Installs what is missing, builds everything and runs the tests. --all adds those labelled slow: whole kits, clang-tidy, packages
# from PyPI, other toolchains, an empty system. Other arguments are passed on to ctest.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
build=${QUASIM_BUILD_DIR:-$root/build}

selection=(-LE slow)
if [[ ${1:-} == --all ]]; then
  selection=()
  shift
  "$root/scripts/setup.sh" --all
fi
"$root/scripts/build.sh" --tests
ctest --test-dir "$build" --output-on-failure --no-tests=error -j "$(nproc)" "${selection[@]}" "$@"
