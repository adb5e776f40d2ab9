#!/usr/bin/env bash
# The register file and its descriptions under tools of other houses, from PyPI, in a virtual environment of the build directory:
# peakrdl reads the emitted SystemRDL and IP-XACT, the AXI4-Lite master of cocotbext-axi drives the RTL in Icarus.
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
    'peakrdl==1.5.0' 'peakrdl-ipxact==3.5.0' 'cocotb>=2,<3' 'cocotbext-axi==0.1.28' >"$log" 2>&1; then
  if grep -qE 'NewConnectionError|ConnectTimeout|Name or service|Temporary failure|No matching distribution|Max retries' "$log"; then
    echo "check_registers: skipped: PyPI cannot be reached"
    exit 77
  fi
  tail -n 20 "$log" >&2
  exit 1
fi
export PYTHONDONTWRITEBYTECODE=1
"$venv/bin/python" "$root/testbench/tests/spec/register_descriptions.py"
"$venv/bin/python" "$root/testbench/tests/rtl/axi_vip/run.py" "$work/axi_vip" >"$work/axi_vip.log" 2>&1 || {
  grep -h '^axi_vip' "$work/axi_vip.log" >&2 || tail -n 20 "$work/axi_vip.log" >&2
  exit 1
}
grep -h '^axi_vip' "$work/axi_vip.log"
