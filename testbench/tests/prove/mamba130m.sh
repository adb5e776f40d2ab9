#!/usr/bin/env bash
# Certifies the convolution of mamba-130m's first layer where its text files are found; exit code 77 where they are not.
#   mamba130m.sh QUASIM SOURCE_DIR
set -euo pipefail
quasim=$1 source_dir=$2
for folder in "${QUASIM_SHARED_DATA:-}" "$source_dir/../shared/data"; do
  if [[ -n "$folder" && -d "$folder/mamba130m_layer0" ]]; then
    bundle=$(mktemp -d)
    trap 'rm -rf "$bundle"' EXIT
    python3 "$source_dir/scripts/import_mamba130m.py" "$folder/mamba130m_layer0" -o "$bundle"
    "$quasim" certify "$bundle"
    "$quasim" certify "$bundle" --variant fused.seqlast.precise.half_away
    exit 0
  fi
done
echo "mamba130m_layer0 not found; set QUASIM_SHARED_DATA"
exit 77
