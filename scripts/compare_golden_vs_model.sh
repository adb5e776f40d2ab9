#!/usr/bin/env bash
# The classic three steps on layer bundles: golden -> SystemC model -> compare.
#   compare_golden_vs_model.sh BUNDLE... [-o DIR] [-v VARIANT]
# DIR (out/compare) receives, NAME being each bundle's directory name: golden/NAME/ and model/NAME/ with tensors,
# logs/NAME.STEP.log, compare/NAME.json, and one report.html for all. A bundle's committed golden is used where it has one,
# else the CPU twin makes it.
# Exit code: 0 everything identical, 1 something differs, 2 a step could not run.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
quasim=${QUASIM:-${QUASIM_BUILD_DIR:-$root/build}/quasim}
out=$root/out/compare
variant=two_step.seqlast.precise.half_even
bundles=()

usage() {
  echo "usage: ${0##*/} BUNDLE... [-o DIR] [-v VARIANT]" >&2
  exit 2
}
while [[ $# -gt 0 ]]; do
  case $1 in
    -o) [[ $# -ge 2 ]] || usage; out=$2; shift 2 ;;
    -v) [[ $# -ge 2 ]] || usage; variant=$2; shift 2 ;;
    -*) usage ;;
    *) bundles+=("${1%/}"); shift ;;
  esac
done
[[ ${#bundles[@]} -gt 0 ]] || usage
[[ -x $quasim ]] || { echo "${0##*/}: $quasim is not built; run scripts/build.sh" >&2; exit 2; }

if [[ -t 2 && -z ${NO_COLOR:-} ]]; then
  green=$'\e[32m' red=$'\e[31m' yellow=$'\e[33m' plain=$'\e[0m'
else
  green='' red='' yellow='' plain=''
fi
worst=0

# field KEY BUNDLE: a word of its layer.json; empty where it says nothing.
field() {
  sed -n "s/.*\"$1\"[^\"]*\"\([a-z_]*\)\".*/\1/p" "$2/layer.json"
}

# step LOG COMMAND...: runs it with both streams in the log; returns its exit code.
step() {
  local log=$1
  shift
  local code=0
  "$@" >"$log" 2>&1 || code=$?
  return "$code"
}
# tell NAME STEP CODE LOG: one line of progress, with what the log ends in where the step could not run; remembers the worst code.
tell() {
  local word colour text=$4
  if (($3 > 1)) && [[ -s $4 ]]; then text="$4: $(tail -n 1 "$4")"; fi
  case $3 in
    0) word=ok colour=$green ;;
    1) word=differs colour=$yellow ;;
    *) word=failed colour=$red ;;
  esac
  printf '%s %-8s %s%s%s  %s\n' "$1" "$2" "$colour" "$word" "$plain" "$text" >&2
  if (($3 > worst)); then worst=$3; fi
}

# make_golden BUNDLE DIR LOG
make_golden() {
  local committed=$1/golden/$variant tensor
  if [[ -f $committed/conv1d_output_int8.npy ]]; then
    echo "committed golden $committed" >"$3"
    for tensor in "$committed"/*.npy; do cp "$tensor" "$2/"; done
    return 0
  fi
  local words
  IFS=. read -ra words <<<"$variant"
  step "$3" "$quasim" golden "$1" --dataflow "${words[0]}" --order "${words[1]}" --math "${words[2]}" \
    --rounding "${words[3]}" --device cpu -o "$2"
}

done_bundles=()
declare -A seen=()
mkdir -p "$out/logs" "$out/compare"
for bundle in "${bundles[@]}"; do
  name=$(basename "$bundle")
  log=$out/logs/$name
  if [[ -n ${seen[$name]:-} ]]; then
    echo "${0##*/}: two bundles are called $name; give them different directory names" >&2
    exit 2
  fi
  seen[$name]=1
  rm -rf "${out:?}/golden/$name" "${out:?}/model/$name"
  mkdir -p "$out/golden/$name" "$out/model/$name"

  code=0
  make_golden "$bundle" "$out/golden/$name" "$log.golden.log" || code=$?
  tell "$name" golden "$code" "$log.golden.log"
  if ((code > 1)); then continue; fi

  # The model's own verdict is not this script's: what counts is the comparison of the files.
  code=0
  step "$log.model.log" "$quasim" run "$bundle" --variant "$variant" -o "$out/model/$name" || code=$?
  if ((code == 1)); then code=0; fi
  tell "$name" model "$code" "$log.model.log"
  if ((code > 1)); then continue; fi

  code=0
  step "$log.compare.log" "$quasim" compare "$out/golden/$name" "$out/model/$name" -o "$out/compare/$name.json" || code=$?
  tell "$name" compare "$code" "$(tail -n 1 "$log.compare.log")"
  if ((code <= 1)); then done_bundles+=("$bundle"); fi
done

if [[ ${#done_bundles[@]} -gt 0 ]]; then
  code=0
  model=(--model "$out/model") # the page is about each layer's own dataflow and rounding
  for bundle in "${done_bundles[@]}"; do
    dataflow=$(field dataflow "$bundle") rounding=$(field rounding "$bundle")
    : "${dataflow:=two_step}"
    if [[ -z $rounding ]]; then [[ $dataflow == fused ]] && rounding=half_away || rounding=half_even; fi
    [[ $variant == "$dataflow".*."$rounding" ]] || model=()
  done
  step "$out/logs/report.log" "$quasim" report "${done_bundles[@]}" "${model[@]}" -o "$out/report.html" || code=$?
  tell all report "$code" "$(tail -n 1 "$out/logs/report.log")"
fi

if ((worst == 0)); then
  echo "${green}IDENTICAL${plain}: golden and model agree in ${#done_bundles[@]} of ${#bundles[@]} bundles"
elif ((worst == 1)); then
  echo "${yellow}DIFFERENT${plain}: see $out/logs/*.compare.log"
else
  echo "${red}FAILED${plain}: see $out/logs"
fi
exit "$worst"
