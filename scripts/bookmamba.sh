#!/usr/bin/env bash
# What vectors/bookmamba is made of, from the trained model: calibrate, capture, bundle, and hold the bundles against the committed ones.
#
#   scripts/bookmamba.sh MODEL IDS -o DIR [--device cpu|cuda]
#
# MODEL is the folder that python3 -m quasim.bookmamba.train wrote (or .convert), IDS the token ids of the held-out text (.npy, .npz): the
# first 24 x 32 x 512 are what is evaluated, the next 24 x 512 what the scales are measured on, and 256 later ones are the passage of the
# bundles. DIR receives scales.json and the bundles layerNN. Needs torch; QUASIM_PYTHON names the interpreter that has it, and PYTHONPATH
# the package where it is not installed. Exit code: 0 equal to vectors/bookmamba, 1 something differs, 2 bad input.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
python=${QUASIM_PYTHON:-python3}
device=cpu
out=
arguments=()
while [ $# -gt 0 ]; do
  case "$1" in
    -o) out=${2:?-o needs a folder}; shift ;;
    --device) device=${2:?--device needs cpu or cuda}; shift ;;
    -h|--help) sed -n '2,10p' "$0"; exit 0 ;;
    *) arguments+=("$1") ;;
  esac
  shift
done
if [ "${#arguments[@]}" != 2 ] || [ -z "$out" ]; then
  echo "bookmamba.sh: expected MODEL IDS -o DIR" >&2
  exit 2
fi
model=${arguments[0]} ids=${arguments[1]}
evaluated=$((24 * 32 * 512)) passage=$((30 * 32 * 512 - 4096))
mkdir -p "$out"
export PYTHONPATH=${PYTHONPATH:-$root/build/python}
"$python" -c 'import sys; from quasim.capture import calibrate_command; sys.exit(calibrate_command.main())' "$model" --ids "$ids" \
  --skip "$evaluated" --tokens 512 --samples 24 --batch 24 --recipe absmax --device "$device" -o "$out/scales.json"
"$python" -m quasim.capture "$model" --ids "$ids" --skip "$passage" --tokens 256 --scales "$out/scales.json" -o "$out" --force
"$python" -m quasim.bookmamba.compare "$out" "$root/vectors/bookmamba"
