#!/usr/bin/env bash
# Functional and code coverage of the RTL, measured together; `scripts/coverage.sh --help` tells the rest.
set -euo pipefail
exec python3 "$(dirname "${BASH_SOURCE[0]}")/../testbench/coverage/coverage.py" "$@"
