#!/usr/bin/env bash
# Installs the packages quasim builds and tests with (Debian or Ubuntu). Idempotent; does nothing when all are there.
#   setup.sh            install what is missing
#   setup.sh --check    exit 1 and name what is missing
set -euo pipefail

packages=(
  build-essential cmake ninja-build pkg-config
  libsystemc-dev verilator iverilog yosys
  libboost-dev libgmp-dev libmpfr-dev libmpfi-dev
  nlohmann-json3-dev libcli11-dev libssl-dev libzip-dev zlib1g-dev
  libgtest-dev libdnnl-dev
  libjs-chart.js
  python3 python3-dev python3-numpy python3-pip python3-venv pybind11-dev
)

missing=()
for package in "${packages[@]}"; do
  [[ $(dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null) == installed ]] || missing+=("$package")
done

if [[ ${#missing[@]} == 0 ]]; then
  echo "setup: all ${#packages[@]} packages are installed" >&2
  exit 0
fi
if [[ ${1:-} == --check ]]; then
  echo "setup: missing: ${missing[*]}" >&2
  exit 1
fi

echo "setup: installing ${missing[*]}" >&2
as_root=()
if [[ $(id -u) != 0 ]]; then as_root=(sudo); fi
export DEBIAN_FRONTEND=noninteractive
"${as_root[@]}" apt-get update -qq >&2
"${as_root[@]}" apt-get install -y -qq --no-install-recommends "${missing[@]}" >&2
echo "setup: done" >&2
