#!/usr/bin/env bash
# The main job: installs what is missing, builds, and co-simulates SystemC model and RTL against the CUDA golden on the
# layers in vectors/. Arguments are passed on to `quasim cosim` after the bundles.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
build=${QUASIM_BUILD_DIR:-$root/build}

"$root/scripts/build.sh" quasim
cd "$root"
"$build/quasim" cosim vectors/bookmamba/layer* "$@"
