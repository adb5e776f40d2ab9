#!/usr/bin/env bash
# Configures and builds into build/ (or $QUASIM_BUILD_DIR). Arguments are build targets; none means everything.
#   build.sh [--tests] [TARGET...]     --tests: the tests too, and what they need
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
build=${QUASIM_BUILD_DIR:-$root/build}

# Without tests the first result comes sooner; a build that has them keeps them.
tests=OFF
setup=()
if [[ ${1:-} == --tests ]]; then
  tests=ON
  setup=(--tests)
  shift
elif grep -q '^BUILD_TESTING:BOOL=ON' "$build/CMakeCache.txt" 2>/dev/null; then
  tests=ON
fi

if ! "$root/scripts/setup.sh" "${setup[@]}" --check >/dev/null 2>&1; then "$root/scripts/setup.sh" "${setup[@]}"; fi
# The quickest whole build; a build directory that was set up otherwise stays as it is.
unity=()
if [[ ! -f $build/CMakeCache.txt ]]; then unity=(-DQUASIM_UNITY=ON); fi
log=$build/build.log
mkdir -p "$build"
echo "build: $build (log: build.log)" >&2
if ! cmake -S "$root" -B "$build" -G Ninja -DCMAKE_BUILD_TYPE=Release "${unity[@]}" -DBUILD_TESTING=$tests >"$log" 2>&1; then
  tail -n 40 "$log" >&2
  exit 1
fi

# Ninja's own counter, on one line where there is a terminal and every tenth step elsewhere; the log has everything.
progress() {
  local line step
  while IFS= read -r line; do
    printf '%s\n' "$line"
    if [[ $line =~ ^\[([0-9]+)/([0-9]+)\] ]]; then
      step="build: ${BASH_REMATCH[1]} of ${BASH_REMATCH[2]}"
      if [[ -t 2 ]]; then
        printf '\r%s\e[K' "$step" >&2
      elif ((BASH_REMATCH[1] % 10 == 0 && BASH_REMATCH[1] > 0 || BASH_REMATCH[1] == BASH_REMATCH[2])); then
        printf '%s\n' "$step" >&2
      fi
    fi
  done
  if [[ -t 2 ]]; then printf '\r\e[K' >&2; fi
}
export NINJA_STATUS="[%f/%t] "
targets=()
if [[ $# -gt 0 ]]; then targets=(--target "$@"); fi
if ! cmake --build "$build" "${targets[@]}" 2>&1 | progress >>"$log"; then
  grep -E -A 12 'FAILED|error' "$log" | head -n 60 >&2
  exit 1
fi
