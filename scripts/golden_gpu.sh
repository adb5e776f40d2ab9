#!/usr/bin/env bash
# Everything the golden needs a GPU for, in one command: build, check, sanitize, benchmark, remake goldens and step tables, grade,
# pack. Needs nvcc, CMake and python3 with numpy; torch and transformers for the last examples, which are skipped without them.
#
#   scripts/golden_gpu.sh [--quick] [-o DIR] [--skip STEP,…]
#
# DIR (default out/golden) receives golden.tar.gz (vectors/**/golden, to unpack in the repository) and the reports. --quick skips
# racecheck, initcheck, the full benchmark and most channels of the comparison of orders. Steps that --skip knows: check, memcheck,
# racecheck, initcheck, bench, goldens, cli, twin, grade, examples, orders, decode. cli runs where QUASIM (default build/quasim) is a quasim
# with CUDA kernels; it is not built here.
set -euo pipefail
cd "$(dirname "$0")/.."

quick=0
out=out/golden
skips=
while [ $# -gt 0 ]; do
  case "$1" in
    --quick) quick=1 ;;
    -o) out=${2:?-o needs a directory}; shift ;;
    --skip) skips=${2:?--skip needs step names}; shift ;;
    -h|--help) sed -n '2,11p' "$0"; exit 0 ;;
    *) echo "golden_gpu.sh: unknown option $1" >&2; exit 2 ;;
  esac
  shift
done
mkdir -p "$out"
build=build/golden
library=$build/libquasim_golden.so
wanted() { case ",$skips," in *",$1,"*) return 1 ;; esac; }
say() { printf '== %s (%ds)\n' "$*" "$SECONDS" >&2; }

say "build"
arch=$(nvidia-smi --query-gpu=compute_cap --format=csv,noheader | head -1 | tr -d .)
cmake -S cuda_golden -B "$build" -DCMAKE_CUDA_ARCHITECTURES="$arch" > "$out/build.log"
cmake --build "$build" -j "$(nproc)" >> "$out/build.log" 2>&1 || { cat "$out/build.log"; exit 1; }
cmake -S cuda_golden/cpu_twin -B build/twin >> "$out/build.log"
cmake --build build/twin -j "$(nproc)" >> "$out/build.log" 2>&1 || { cat "$out/build.log"; exit 1; }

if wanted check; then
say "fast and decode against reference"
"$build/golden_check" | tee "$out/check.txt"
"$build/golden_check" --seed 2 > "$out/check_2.txt" || { cat "$out/check_2.txt"; exit 1; }
tail -1 "$out/check_2.txt"
if "$build/golden_check" --small --plant-fault > "$out/planted.txt"; then
  echo "golden_check missed a planted fault" >&2
  exit 1
fi
grep -q 'DIFFERS' "$out/planted.txt"
fi

if command -v compute-sanitizer > /dev/null; then
  tools="memcheck racecheck initcheck"
  [ "$quick" = 1 ] && tools=memcheck
  for tool in $tools; do
    wanted "$tool" || continue
    say "compute-sanitizer $tool"
    compute-sanitizer --tool "$tool" --error-exitcode 9 "$build/golden_check" --small > "$out/$tool.txt" 2>&1 || { head -40 "$out/$tool.txt"; exit 1; }
    tail -3 "$out/$tool.txt"
  done
fi

if wanted bench; then
say "benchmark"
if [ "$quick" = 1 ]; then "$build/golden_bench" --quick > "$out/bench.md"; else "$build/golden_bench" > "$out/bench.md"; fi
fi

bundles=(vectors/*/*/)
if wanted goldens; then
say "goldens and step tables of ${#bundles[@]} bundles"
two_step=two_step.seqlast.precise.half_even
make_goldens() {
  python3 cuda_golden/python/golden_bundles.py "${bundles[@]%/}" --library "$library" --taps-of layer00 \
    --variant $two_step:conv1d_q,conv1d_output_int8 --variant fused.seqlast.fast.half_away \
    --steps $two_step --steps two_step.seqlast.fast.half_even \
    --steps fused.seqlast.precise.half_away --steps fused.seqlast.fast.half_away "$@"
}
make_goldens --check > "$out/against_committed.json" 2> "$out/against_committed.txt" && echo "equal to the committed goldens" || echo "new or different: see $out/against_committed.txt"
make_goldens > "$out/goldens.json" 2> "$out/goldens.txt"
tar czf "$out/golden.tar.gz" vectors/*/*/golden
fi

quasim=${QUASIM:-build/quasim}
has_cuda() {
  local said
  said=$("$quasim" golden "${bundles[0]%/}" --device cuda -o "$out/cli/try" 2>&1 || true)
  [[ $said != *"no CUDA kernels"* ]]
}
if wanted cli && [ -x "$quasim" ] && has_cuda; then
say "quasim golden --device cuda against these goldens"
golden() {  # dataflow, math, rounding
  "$quasim" golden "$bundle" --dataflow "$1" --order seqlast --math "$2" --rounding "$3" --device cuda \
    -o "$out/cli/$1/$(basename "$bundle")" >> "$out/cli.txt" || { cat "$out/cli.txt"; exit 1; }
}
: > "$out/cli.txt"
for bundle in "${bundles[@]%/}"; do
  golden two_step precise half_even
  golden fused fast half_away
done
# rows: layer, variant, tensor, compared, differing, ...; here no value may differ, not even by an ulp
awk 'NF >= 8 && $4 ~ /^[0-9,]+$/ { ++tensors; gsub(",", "", $4); values += $4; differ += $5 }
     END { print tensors " tensors, " values " values, " differ + 0 " differ"; exit differ != 0 || tensors == 0 }' "$out/cli.txt"
fi

if wanted twin; then
say "CPU twin against these goldens"
python3 cuda_golden/python/twin_report.py "${bundles[@]%/}" --library build/twin/libquasim_golden_twin_c.so --json "$out/twin.json" > "$out/twin.md" 2> "$out/twin.txt"
tail -1 "$out/twin.md"
fi

if wanted grade; then
say "grade against exact arithmetic"
printf '%s\n' "${bundles[@]%/}" | xargs -P "$(nproc)" -I{} sh -c 'python3 cuda_golden/python/grade.py "$1" --json "$2/grade_$(basename "$1").json" > "$2/grade_$(basename "$1").md"' _ {} "$out"
{ head -2 "$(ls "$out"/grade_*.md | head -1)"; for f in "$out"/grade_*.md; do sed -e '1,2d' -e '/^$/,$d' "$f"; done; } > "$out/grade.md"
rm -f "$out"/grade_*.md "$out"/grade_*.json
fi

if wanted examples && python3 -c 'import torch, transformers' 2> /dev/null; then
  say "two ways to write SiLU; the golden inside a transformers Mamba"
  python3 cuda_golden/python/silu_forms.py "${bundles[@]%/}" > "$out/silu_forms.md"
  python3 cuda_golden/python/example_mamba.py --library "$library" 2> "$out/example.txt" | tee "$out/example.md"
fi

if wanted orders; then
say "orders against each other"
every=1
[ "$quick" = 1 ] && every=256
python3 cuda_golden/python/orders.py "${bundles[@]%/}" --library "$library" --every $every --json "$out/orders.json" > "$out/orders.md" 2> "$out/orders.txt"
fi

if wanted decode; then
say "the layers' inputs as decode, against the unit"
rm -rf "$out/decode"
mkdir "$out/decode"
cp -r "${bundles[@]%/}" "$out/decode"
python3 cuda_golden/python/golden_bundles.py "$out"/decode/* --variant fused.update.fast.half_away --library "$library" > "$out/decode.txt"
python3 cuda_golden/python/decode_streams.py "$out"/decode/* --limit 1000 --json "$out/decode_streams.json" > "$out/decode_streams.md"
grep '^| all' "$out/decode_streams.md"
rm -rf "$out/decode"
fi
say "done: $out"
