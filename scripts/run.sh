#!/usr/bin/env bash
# The main job: installs what is missing, builds, and co-simulates SystemC model and RTL against the CUDA golden on the
# layers in vectors/, in both dataflows, the deployed one first. Arguments are passed on to `quasim cosim` after the bundles;
# a --variant among them takes the place of the two.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
build=${QUASIM_BUILD_DIR:-$root/build}

cd "$root"
variants=(--variant fused.seqlast.fast.half_away,two_step.seqlast.precise.half_even)
for argument in "$@"; do
  if [[ $argument == --variant* ]]; then variants=(); fi
done
job=(cosim vectors/bookmamba/layer* "${variants[@]}" "$@")
if [[ -x $build/quasim ]]; then
  "$root/scripts/build.sh" quasim
  exec "$build/quasim" "${job[@]}"
fi

# The first time: the result as soon as it can be had, then the other verbs, then the result again, where it can be seen.
"$root/scripts/build.sh" quasim_stream
code=0
table=$("$build/quasim-stream" "${job[@]}") || code=$?
printf '%s\n' "$table"
if [[ $code == 0 ]]; then
  echo "run: this is the result, $SECONDS s after the start; now building the other verbs of build/quasim (what is shown stays true if you stop it)" >&2
  "$root/scripts/build.sh" quasim
  printf '%s\n' "$table"
fi
exit "$code"
