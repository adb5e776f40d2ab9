#!/usr/bin/env bash
# must_fail.sh COMMAND...   passes when the bench compared, found differences, said so, and ended with a non-zero status.
set -uo pipefail

output=$("$@" 2>&1)
status=$?
if [[ $status == 0 ]]; then
  echo "FAIL: the planted fault was not found"
  exit 1
fi
if ! grep -oE 'FAIL: [1-9][0-9]* comparisons, [1-9][0-9]* differ' <<<"$output"; then
  echo "FAIL: status $status without a comparison that differs"
  echo "$output" | tail -n 20
  exit 1
fi
echo "PASS: the fault was found, status $status"
