#!/usr/bin/env bash
# Runs the kit's bench in Icarus Verilog.
#
#   run_icarus.sh [RTL="FILE|DIRECTORY ..."] [+plusarg ...]
#
# +stream, +stall_in, +stall_out, +seed, +beats: see docs/kit.md; +wave=FILE.fst keeps the waveform of the unit and the bench.
# RTL: what implements quasim_top, packages first; default the copy in rtl/. Without plusargs every stream runs, at full
# rate and with stalls. Build products go to a temporary directory, or to $BUILD where that is set. Ends with the bench's
# PASS lines and 0, or with FAIL and another status.
set -euo pipefail
# shellcheck source=bench_common.sh
source "$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)/bench_common.sh"

# Icarus notes on standard error that it widens some sensitivity lists; that is harmless.
if ! iverilog -g2012 -s quasim_kit_tb -o "$build/quasim_kit_tb.vvp" \
    "${sources[@]}" 2> "$build/iverilog.log"; then
  cat "$build/iverilog.log" >&2
  exit 1
fi

run() {
  vvp -n "$build/quasim_kit_tb.vvp" ${trace:+-fst} "+kit=$kit" "$@"
}
run_streams
