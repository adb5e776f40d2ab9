#!/usr/bin/env bash
# The convolution of mamba-130m's first layer in both dataflows, where its text files are found: compiled, certified through the RTL and
# co-simulated. Exit code 77 where they are not found.
#   mamba130m.sh QUASIM SOURCE_DIR
set -euo pipefail
quasim=$1 source_dir=$2
for folder in "${QUASIM_SHARED_DATA:-}" "$source_dir/../shared/data"; do
  if [[ -n "$folder" && -d "$folder/mamba130m_layer0" ]]; then
    bundle=$(mktemp -d)
    trap 'rm -rf "$bundle"' EXIT
    python3 "$source_dir/scripts/import_mamba130m.py" "$folder/mamba130m_layer0" -o "$bundle"
    for variant in two_step.seqlast.precise.half_even fused.seqlast.precise.half_away; do
      "$quasim" compile "$bundle" --target "golden:$variant" -o "$bundle/program.json"
      "$quasim" certify --rtl "$bundle" --program "$bundle/program.json" --variant "$variant"
      "$quasim" cosim "$bundle" --program "$bundle/program.json" --variant "$variant" --stall-in 0.3 --stall-out 0.3
    done
    exit 0
  fi
done
echo "mamba130m_layer0 not found; set QUASIM_SHARED_DATA"
exit 77
