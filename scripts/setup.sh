#!/usr/bin/env bash
# Installs the packages that quasim needs, on Debian 12 or a like system. Idempotent; does nothing when all are there.
#   setup.sh               what building and running the quasim command takes
#   setup.sh --python      and what `pip install .` takes
#   setup.sh --tests       and what the tests take (scripts/test.sh)
#   setup.sh --all         and what the slow tests take (scripts/test.sh --all)
#   setup.sh ... --check   installs nothing; exit 1 and one line that names what is missing
set -euo pipefail

build=(
  build-essential cmake ninja-build pkg-config python3 python3-numpy
  libsystemc-dev verilator
  libboost-dev libgmp-dev libmpfr-dev libmpfi-dev
  nlohmann-json3-dev libcli11-dev libssl-dev libzip-dev zlib1g-dev
  libdnnl-dev libjs-chart.js
)
python=(python3-dev python3-pip python3-venv pybind11-dev)
tests=(libgtest-dev iverilog yosys z3 opensta qflow-tech-osu018 chromium)
slow=(clang clang-tidy slurm-wlm python3-torch)

usage() {
  sed -n '2,7s/^# \{0,1\}//p' "$0" >&2
  exit 2
}
packages=("${build[@]}")
check=
for argument in "$@"; do
  case $argument in
    --python) packages+=("${python[@]}") ;;
    --tests) packages+=("${python[@]}" "${tests[@]}") ;;
    --all) packages+=("${python[@]}" "${tests[@]}" "${slow[@]}") ;;
    --check) check=1 ;;
    *) usage ;;
  esac
done

if ! command -v apt-get >/dev/null || ! command -v dpkg-query >/dev/null; then
  echo "setup: this system has no apt; the equivalents of these Debian packages are needed: ${packages[*]}" >&2
  exit 1
fi
installed=$(dpkg-query -W -f='${Package} ${db:Status-Status}\n' "${packages[@]}" 2>/dev/null || true)
missing=()
for package in "${packages[@]}"; do
  grep -qxF "$package installed" <<<"$installed" || missing+=("$package")
done

if [[ ${#missing[@]} == 0 ]]; then
  echo "setup: all ${#packages[@]} packages are installed" >&2
  exit 0
fi
if [[ -n $check ]]; then
  echo "setup: missing: ${missing[*]}" >&2
  exit 1
fi

as_root=()
if [[ $(id -u) != 0 ]]; then
  if ! command -v sudo >/dev/null; then
    echo "setup: run as root, or install sudo; missing: ${missing[*]}" >&2
    exit 1
  fi
  as_root=(sudo)
fi
echo "setup: installing ${missing[*]}" >&2
as_root+=(env DEBIAN_FRONTEND=noninteractive)
"${as_root[@]}" apt-get update -qq >&2
"${as_root[@]}" apt-get install -y -qq --no-install-recommends "${missing[@]}" >&2
echo "setup: done" >&2
