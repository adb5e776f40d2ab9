#!/usr/bin/env bash
# libFuzzer over every reader of foreign files: builds the targets with clang, AddressSanitizer and UBSan, gives each SECONDS, and
# keeps the corpus between runs.
#
#   scripts/fuzz.sh [SECONDS]        default 60 a reader
#
# Exit code 1 for a finding, 77 without clang. Without clang the same readers run as build/testbench/tests/fuzz/reader_fuzz.
set -euo pipefail
cd "$(dirname "$0")/.."
seconds=${1:-60}
if ! command -v clang++ > /dev/null; then
  echo "fuzz.sh: no clang++ (Debian package clang); skipped" >&2
  exit 77
fi
build=${QUASIM_FUZZ_DIR:-build/fuzz}
mkdir -p "$build"
cmake -S . -B "$build" -G Ninja -DCMAKE_BUILD_TYPE=Release -DCMAKE_CXX_COMPILER=clang++ -DCMAKE_C_COMPILER=clang -DQUASIM_CUDA=OFF \
  -DQUASIM_FUZZ=ON -DCMAKE_DISABLE_PRECOMPILE_HEADERS=ON -DCMAKE_CXX_FLAGS_RELEASE="-O1 -g -fno-omit-frame-pointer" \
  -DCMAKE_CXX_FLAGS="-fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=undefined" > "$build/configure.log"
readers=(npy npz steps layer program manifest report provenance)
ninja -C "$build" reader_fuzz "${readers[@]/#/fuzz_}"
tests=$build/testbench/tests/fuzz
failed=0
for reader in "${readers[@]}"; do
  corpus=$build/corpus/$reader
  "$tests/reader_fuzz" "$reader" --write-seeds "$corpus"
  if "$tests/fuzz_$reader" -max_total_time="$seconds" -max_len=65536 -timeout=20 -rss_limit_mb=4096 -print_final_stats=1 \
    -artifact_prefix="$build/finding-$reader-" "$corpus" > "$build/$reader.log" 2>&1; then
    echo "$reader: $(sed -n 's/^stat::number_of_executed_units: *//p' "$build/$reader.log") inputs, nothing found"
  else
    echo "$reader: FINDING, see $build/$reader.log" >&2
    failed=1
  fi
done
exit "$failed"
