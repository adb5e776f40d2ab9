#!/usr/bin/env bash
# Runs the kit's bench in Verilator 5 or later.
#
#   run_verilator.sh [RTL="FILE|DIRECTORY ..."] [+plusarg ...]
#
# +stream, +stall_in, +stall_out, +seed, +beats: see docs/kit.md; +wave=FILE.fst keeps the waveform of the unit and the bench.
# RTL: what implements quasim_top, packages first; default the copy in rtl/. Without plusargs every stream runs, at full
# rate and with stalls. Build products go to a temporary directory, or to $BUILD where that is set. Ends with the bench's
# PASS lines and 0, or with FAIL and another status.
set -euo pipefail
# shellcheck source=bench_common.sh
source "$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)/bench_common.sh"

if ! verilator --binary --timing -O3 -j 0 -Wno-fatal -Wno-lint -Wno-style -Wno-TIMESCALEMOD ${trace:+--trace-fst} --top-module quasim_kit_tb \
    --Mdir "$build/verilated" -CFLAGS -O1 -o quasim_kit_tb \
    "${sources[@]}" > "$build/verilator.log" 2>&1; then
  cat "$build/verilator.log" >&2
  exit 1
fi

run() {
  "$build/verilated/quasim_kit_tb" "+kit=$kit" "$@"
}
run_streams
