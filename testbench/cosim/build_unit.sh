#!/bin/sh
# build_unit.sh DIRECTORY unit|tail [-GNAME=VALUE...] -- RTL FILE...
# Verilates quasim_top (unit) or quasim_tail_harness (tail) of the given files and makes the library DIRECTORY/unit.so of it, which
# quasim loads. Warnings do not stop it: see quasim_verilated_class.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
. "$here/tools.conf" # VERILATOR_BIN VERILATOR_ROOT VERILATOR_VERSION VERILATOR_COMPILER CXX CMAKE
directory=$1 kind=$2
export TMPDIR="$directory" # what a compiler that is ended leaves goes with the rest
shift 2
parameters=
while [ "$1" != -- ]; do
  parameters="$parameters $1"
  shift
done
shift

for tool in "$VERILATOR_BIN" "$CXX" "$CMAKE"; do
  if [ ! -x "$tool" ]; then
    echo "not found: $tool; building a unit needs Verilator, a C++ compiler and CMake" >&2
    exit 1
  fi
done
found=$("$VERILATOR_BIN" --version | cut -d' ' -f2)
if [ "$found" != "$VERILATOR_VERSION" ]; then
  echo "Error: $VERILATOR_BIN is version $found; this program was built with $VERILATOR_VERSION" >&2
  exit 1
fi

top=quasim_top ports=of_unit
if [ "$kind" = tail ]; then
  top=quasim_tail_harness ports=of_tail
  set -- "$@" "$here/quasim_tail_harness.sv"
fi
if [ "$kind" = unit ]; then set -- "$here/public.vlt" "$@"; fi

class=Vquasim_unit
# shellcheck disable=SC2086 # lists of flags without spaces
"$CMAKE" -DPREFIX=$class -DDIRECTORY="$directory" -P "$here/run_verilator.cmake" -- "$CMAKE" -E env "VERILATOR_ROOT=$VERILATOR_ROOT" \
  "$VERILATOR_BIN" --cc --compiler "$VERILATOR_COMPILER" --prefix $class --top-module $top --trace-fst -O3 --x-assign fast --x-initial fast \
  --noassert -Wno-fatal $parameters "$@"

cd "$directory"
compile() { # OBJECT SOURCE FLAG...
  object=$1 source=$2
  shift 2
  "$CXX" -std=c++17 -fPIC -w "$@" -DVM_COVERAGE=0 -DVM_SC=0 -DVM_TRACE=1 -DVM_TRACE_FST=1 -DVM_TRACE_VCD=0 -I . -I "$here" \
    -isystem "$VERILATOR_ROOT/include" -isystem "$VERILATOR_ROOT/include/vltstd" -c "$source" -o "$object"
}
compile slow.o ${class}_slow.cpp -O0 &
slow=$!
compile trace.o ${class}_trace.cpp -O0 &
trace=$!
compile library.o "$here/cosim/unit_library.cpp" -O2 -include $class.h -DQUASIM_CLASS=$class -DQUASIM_PORTS=$ports &
library=$!
compile fast.o ${class}_fast.cpp -O2
wait $slow
wait $trace
wait $library
"$CXX" -shared -o unit.so fast.o slow.o trace.o library.o "$here/libverilated_runtime.a" -lz -lpthread
