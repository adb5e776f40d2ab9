#!/usr/bin/env bash
# Reads the emitted register descriptions with tools from PyPI (peakrdl, peakrdl-ipxact) in a virtual environment of the build directory.
#   check_registers.sh    exit 0: all agree; 1: something differs; 77: skipped, because PyPI cannot be reached
# QUASIM_BUILD_DIR: the build directory (build/).
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
work=$(realpath -m "${QUASIM_BUILD_DIR:-$root/build}")/check_registers
venv=$work/venv
log=$work/install.log

mkdir -p "$work"
if [[ ! -x $venv/bin/pip ]]; then python3 -m venv "$venv" >"$log" 2>&1 || { echo "check_registers: skipped: no python3-venv"; exit 77; }; fi
if ! "$venv/bin/pip" install --disable-pip-version-check --no-input --quiet --timeout 15 --retries 1 \
    'peakrdl==1.5.0' 'peakrdl-ipxact==3.5.0' >"$log" 2>&1; then
  if grep -qE 'NewConnectionError|ConnectTimeout|Name or service|Temporary failure|No matching distribution|Max retries' "$log"; then
    echo "check_registers: skipped: PyPI cannot be reached"
    exit 77
  fi
  tail -n 20 "$log" >&2
  exit 1
fi
export PYTHONDONTWRITEBYTECODE=1
"$venv/bin/python" "$root/testbench/tests/spec/register_descriptions.py"
