#!/usr/bin/env bash
# Configures and builds into build/ (or $QUASIM_BUILD_DIR). Arguments are build targets; none means everything.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
build=${QUASIM_BUILD_DIR:-$root/build}

if ! "$root/scripts/setup.sh" --check >/dev/null 2>&1; then "$root/scripts/setup.sh"; fi
log=$build/build.log
mkdir -p "$build"
echo "build: $build (log: build.log)" >&2
if ! cmake -S "$root" -B "$build" -G Ninja -DCMAKE_BUILD_TYPE=Release >"$log" 2>&1; then
  tail -n 40 "$log" >&2
  exit 1
fi
if ! cmake --build "$build" ${1:+--target "$@"} >>"$log" 2>&1; then
  grep -E -A 12 'FAILED|error' "$log" | head -n 60 >&2
  exit 1
fi
