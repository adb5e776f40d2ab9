#!/usr/bin/env bash
# What run_icarus.sh and run_verilator.sh share; they source it with their own arguments. It sets:
#   kit        the kit's folder
#   build      where build products go: $BUILD, or a temporary directory
#   sources    the files that implement quasim_top, and the bench
#   plusargs   what is passed on to the bench
# and run_streams runs the bench by run(), which the script defines.
kit="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
rtl="${RTL:-$kit/rtl}"
plusargs=()
# shellcheck disable=SC2034 # the scripts that source this look at it
trace=  # +wave was given
for argument in "$@"; do
  case "$argument" in
    RTL=*) rtl="${argument#RTL=}" ;;
    +kit=* | +stream=* | +stall_in=* | +stall_out=* | +seed=* | +beats=*) plusargs+=("$argument") ;;
    +wave=*) plusargs+=("$argument") trace=yes ;;
    +*) echo "$(basename "$0"): '$argument': expected +kit= +stream= +stall_in= +stall_out= +seed= +beats= or +wave=" >&2; exit 2 ;;
    *) echo "$(basename "$0"): what is '$argument'? It takes RTL=... and +plusargs" >&2; exit 2 ;;
  esac
done
build="${BUILD:-}"
if [[ -z $build ]]; then
  build="$(mktemp -d)"
  trap 'rm -rf "$build"' EXIT
fi
mkdir -p "$build"

# One file or directory, whose name may hold spaces, or a list of them.
if [[ -e $rtl ]]; then entries=("$rtl"); else read -r -a entries <<< "$rtl"; fi
sources=()
for entry in "${entries[@]}"; do
  if [[ -d $entry ]]; then
    for file in "$entry"/*_pkg.sv "$entry"/*.sv; do
      [[ -e $file && " ${sources[*]-} " != *" $file "* ]] && sources+=("$file")
    done
  else
    sources+=("$entry")
  fi
done
sources+=("$kit/tb/quasim_layer_pkg.sv" "$kit/tb/quasim_kit_tb.sv")

# With plusargs one run; without, every stream at full rate and with stalls.
run_streams() {
  if [[ ${#plusargs[@]} -gt 0 ]]; then
    run "${plusargs[@]}"
    return
  fi
  for stream in "$kit"/vectors/*/; do
    name="$(basename "$stream")"
    run "+stream=$name"
    run "+stream=$name" +stall_in=300 +stall_out=300 +beats=20000
  done
}
