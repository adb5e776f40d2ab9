#!/usr/bin/env bash
# Runs the tests of capture, calibrate and evaluate on small random models of transformers, installed into a virtual environment of the build directory. torch is
# the interpreter's own (Debian: python3-torch), because the one on PyPI weighs gigabytes.
#   check_capture.sh      exit 0: all pass; 1: something failed; 77: skipped, without torch or PyPI
# QUASIM_BUILD_DIR: the build directory (build/); QUASIM_PYTHON: the interpreter (/usr/bin/python3, where there is one).
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
build=$(realpath -m "${QUASIM_BUILD_DIR:-$root/build}")
python=${QUASIM_PYTHON:-}
if [[ -z $python ]]; then if [[ -x /usr/bin/python3 ]]; then python=/usr/bin/python3; else python=python3; fi; fi
venv=$build/capture_check/venv

skip() {
  echo "check_capture: skipped: $1"
  exit 77
}

version=$("$python" -c 'import torch; print(torch.__version__)' 2>/dev/null) || skip "$python has no torch (python3-torch)"
"$python" -c 'import ensurepip, venv' 2>/dev/null || skip "$python has no venv (python3-venv)"
case $version in 1.*) transformers='transformers==4.44.2' ;; *) transformers='transformers' ;; esac
mkdir -p "${venv%/*}"
if [[ ! -x $venv/bin/pip ]]; then "$python" -m venv --system-site-packages "$venv"; fi
"$venv/bin/pip" --disable-pip-version-check --no-input install --quiet --timeout 15 --retries 1 "$transformers" >"$venv/install.log" 2>&1 ||
  skip "transformers cannot be installed from PyPI"

export PYTHONPATH=$build/python${PYTHONPATH:+:$PYTHONPATH} PYTHONDONTWRITEBYTECODE=1 QUASIM=$build/quasim TRANSFORMERS_VERBOSITY=error
cd "$root/testbench/tests/python"
exec "$venv/bin/python" -m unittest -v test_capture test_evaluate
