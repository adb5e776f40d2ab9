#!/usr/bin/env bash
# Installs the Python package from this checkout into a virtual environment of the build directory, with cocotb, runs the
# package's tests on what was installed, and the cocotb testbench under Icarus.
#   check_python.sh       exit 0: all pass; 1: something failed, or PyPI cannot be reached
# QUASIM_BUILD_DIR: the build directory (build/); QUASIM_PYTHON: the interpreter (/usr/bin/python3, where there is one).
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
build=$(realpath -m "${QUASIM_BUILD_DIR:-$root/build}")
python=${QUASIM_PYTHON:-}
if [[ -z $python ]]; then if [[ -x /usr/bin/python3 ]]; then python=/usr/bin/python3; else python=python3; fi; fi
work=$build/python_check
venv=$work/venv
log=$work/install.log

mkdir -p "$work"
if [[ ! -x $venv/bin/pip ]]; then "$python" -m venv "$venv"; fi
pip=("$venv/bin/pip" --disable-pip-version-check --no-input)
if ! "${pip[@]}" install --quiet --timeout 15 --retries 1 'cocotb>=2,<3' numpy 'scikit-build-core>=0.10' 'pybind11>=2.12' >"$log" 2>&1; then
  tail -n 20 "$log" >&2
  exit 1
fi
if ! "${pip[@]}" install --no-build-isolation --config-settings=build-dir="$work/package" "$root" >>"$log" 2>&1; then
  tail -n 40 "$log" >&2
  exit 1
fi

unset PYTHONPATH
export PYTHONDONTWRITEBYTECODE=1 QUASIM_VECTORS=$root/vectors
(cd "$root/testbench/tests/python" && "$venv/bin/python" -m unittest)
"$venv/bin/python" "$root/testbench/bindings/python/cocotb_example/run.py" "$work/cocotb"
# A layer of a length, and of a number of channels, that no beat divides.
rm -rf "$work/short"
(cd "$root/testbench/tests" && "$venv/bin/python" -c 'import sys, bundles
bundles.cut_layer(sys.argv[1], sys.argv[2], 21, 1)' "$work/short" "$root/vectors/bookmamba/layer03")
"$venv/bin/python" "$root/testbench/bindings/python/cocotb_example/run.py" "$work/cocotb_short" "$work/short"
