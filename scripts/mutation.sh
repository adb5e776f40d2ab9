#!/usr/bin/env bash
# Plants small faults in the RTL and in the model and counts how many the fast checks find.
#   mutation.sh [--room rtl|cpp] [--count N] [--seed S] [...]   measure into docs/mutation/ROOM.json; goes on where it stopped
#   mutation.sh --page [--check]                                write docs/mutation.md from it, or exit 1 where it is not current
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
tool=$root/testbench/mutation/mutation.py

if [[ ${1:-} == --page ]]; then
  exec python3 "$tool" --page "$root/docs/mutation.md" ${2:+"$2"} "$root"/docs/mutation/*.json
fi
rooms=(rtl cpp)
arguments=()
while (($#)); do
  if [[ $1 == --room ]]; then
    rooms=("${2:?--room: expected rtl or cpp}")
    shift
  else
    arguments+=("$1")
  fi
  shift
done
status=0
mkdir -p "$root/docs/mutation"
for room in "${rooms[@]}"; do
  python3 "$tool" --room "$room" -o "$root/docs/mutation/$room.json" "${arguments[@]}" || status=$?
done
exit "$status"
