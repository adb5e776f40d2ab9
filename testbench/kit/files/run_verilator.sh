#!/usr/bin/env bash
# Runs the kit's bench in Verilator 5 or later.
#
#   run_verilator.sh [RTL="FILE|DIRECTORY ..."] [+plusarg ...]
#
# RTL: what implements quasim_top, packages first; default the copy in rtl/. Without plusargs every stream runs, at full
# rate and with stalls. Build products go to a temporary directory, or to $BUILD where that is set. Ends with the bench's
# PASS lines and 0, or with FAIL and another status.
set -euo pipefail
kit="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
rtl="${RTL:-$kit/rtl}"
plusargs=()
for argument in "$@"; do
  case "$argument" in
    RTL=*) rtl="${argument#RTL=}" ;;
    +*) plusargs+=("$argument") ;;
    *) echo "run_verilator.sh: what is '$argument'? It takes RTL=... and +plusargs" >&2; exit 2 ;;
  esac
done
build="${BUILD:-}"
if [[ -z $build ]]; then
  build="$(mktemp -d)"
  trap 'rm -rf "$build"' EXIT
fi
mkdir -p "$build"

sources=()
for entry in $rtl; do
  if [[ -d $entry ]]; then
    for file in "$entry"/*_pkg.sv "$entry"/*.sv; do
      [[ -e $file && " ${sources[*]-} " != *" $file "* ]] && sources+=("$file")
    done
  else
    sources+=("$entry")
  fi
done

if ! verilator --binary --timing -O3 -j 0 -Wno-fatal -Wno-lint -Wno-style -Wno-TIMESCALEMOD --top-module quasim_kit_tb \
    --Mdir "$build/verilated" -CFLAGS -O1 -o quasim_kit_tb \
    "${sources[@]}" "$kit/tb/quasim_layer_pkg.sv" "$kit/tb/quasim_kit_tb.sv" > "$build/verilator.log" 2>&1; then
  cat "$build/verilator.log" >&2
  exit 1
fi

run() {
  "$build/verilated/quasim_kit_tb" "+kit=$kit" "$@"
}
if [[ ${#plusargs[@]} -gt 0 ]]; then
  run "${plusargs[@]}"
else
  for stream in "$kit"/vectors/*/; do
    name="$(basename "$stream")"
    run "+stream=$name"
    run "+stream=$name" +stall_in=300 +stall_out=300 +beats=20000
  done
fi
