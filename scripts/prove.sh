#!/usr/bin/env bash
# Proves the properties of rtl/checkers for every input; `scripts/prove.sh --help` tells the rest.
set -euo pipefail
exec python3 "$(dirname "${BASH_SOURCE[0]}")/../rtl/formal/prove.py" "$@"
