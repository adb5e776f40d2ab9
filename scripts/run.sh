#!/usr/bin/env bash
# The main job: installs what is missing, builds, and co-simulates SystemC model and RTL against the CUDA golden on the
# layers in vectors/, in both dataflows, the deployed one first. Arguments are passed on to `quasim cosim` after the bundles;
# a --variant among them takes the place of the two.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
build=${QUASIM_BUILD_DIR:-$root/build}

"$root/scripts/build.sh" quasim
cd "$root"
variants=(--variant fused.seqlast.fast.half_away,two_step.seqlast.precise.half_even)
for argument in "$@"; do
  if [[ $argument == --variant* ]]; then variants=(); fi
done
"$build/quasim" cosim vectors/bookmamba/layer* "${variants[@]}" "$@"
