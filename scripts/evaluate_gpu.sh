#!/usr/bin/env bash
# What the evaluation needs a GPU for, in one command: the tests of the GPU's numbers, calibration, every row of the table with compiled
# programs and speed, and the bundles of vectors/bookmamba made again.
#
#   scripts/evaluate_gpu.sh MODEL IDS LAMBADA -o DIR
#
# MODEL: a folder of the kind mamba; IDS: token ids of the held-out text; LAMBADA: lambada_test.jsonl. QUASIM_PYTHON names an interpreter
# with torch and tokenizers, PYTHONPATH the package, QUASIM_GOLDEN_LIB the golden's library.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
if [ $# != 5 ] || [ "$4" != -o ]; then
  sed -n '5p' "$0" >&2
  exit 2
fi
model=$1 ids=$2 lambada=$3 out=$5
python=${QUASIM_PYTHON:-python3}
say() { printf '== %s (%ds)\n' "$*" "$SECONDS" >&2; }
mkdir -p "$out"
export PYTHONUNBUFFERED=1

say "the GPU's numbers"
(cd "$root/testbench/tests/python" && "$python" -m unittest -v test_evaluate_gpu)
say "calibrate, capture, compare"
code=0
"$root/scripts/bookmamba.sh" "$model" "$ids" -o "$out/bundles" --device cuda > "$out/bundles.txt" || code=$?
[ "$code" -le 1 ]
say "evaluate"
evaluate() {
  "$python" -m quasim.evaluate "$model" --ids "$ids" --sequences 768 --lambada "$lambada" --scales "$out/bundles/scales.json" --device cuda \
    -o "$out/runs" "$@"
}
evaluate --speed
say "compiled programs"
evaluate --program-bits 24,12,10,8
say "done"
