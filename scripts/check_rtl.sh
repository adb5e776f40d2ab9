#!/usr/bin/env bash
# Checks the RTL: lint, elaboration, smoke test, synthesis, rejection of illegal parameters; lint and smoke test with the forms of
# rtl/asic too, and that these equal those of rtl. One line a check.
# Needs verilator, iverilog and yosys; writes only into a temporary directory. Exit status 1 when anything failed.
set -euo pipefail

root="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
cd "$root"

failed=0
sources=(rtl/generated/quasim_regs.sv rtl/quasim_*.sv)
checkers=(rtl/checkers/quasim_*.sv)
packages=(rtl/generated/quasim_pkg.sv rtl/generated/quasim_map_pkg.sv)
package=${packages[0]}
waivers=rtl/lint/quasim.vlt
# rtl/asic has modules of rtl in a structure for standard cells; they are read in their place
asic=()
for file in "${sources[@]}"; do
  if [[ -e rtl/asic/${file#rtl/} ]]; then asic+=("rtl/asic/${file#rtl/}"); else asic+=("$file"); fi
done
bench=(rtl/generated/quasim_map_pkg.sv testbench/tests/rtl/quasim_monitor.sv testbench/tests/rtl/quasim_smoke_tb.sv)

report() {  # report STATUS TEXT [LOG]
  if [[ $1 == 0 ]]; then
    echo "PASS $2"
  else
    echo "FAIL $2"
    failed=1
    if [[ -n ${3:-} ]]; then tail -n 20 "$3" | sed 's|^|     |'; fi
  fi
}

status_of() {  # run a command with its output in the log; print its status
  local log=$1
  shift
  if timeout 900 "$@" > "$log" 2>&1; then echo 0; else echo $?; fi
}

# Each entry: parameters, as NAME=VALUE. The ends of every range, and what lies beyond, come from the specification.
legal=(
  "LANES=1 MaxChannels=64"
  "LANES=4 MaxChannels=64"
  "LANES=16"
  "LANES=64"
  "LANES=16 ConvBits=10 MultBits=27 BiasBits=40"
  "LANES=3 MaxChannels=3 ConvBits=3 MultBits=5 BiasBits=11"
)
illegal=()
while read -r parameters; do
  if [[ $parameters == *:* ]]; then illegal+=("$parameters"); else legal+=("$parameters"); fi
done < <(python3 scripts/emit_spec.py --corners)
if [[ ${#illegal[@]} == 0 ]]; then report 1 "scripts/emit_spec.py --corners names no illegal parameters"; fi

bound=("${checkers[@]}")
lint() {  # lint LOG PARAMETERS
  local log=$1 args=() p
  for p in $2; do args+=("-G$p"); done
  status_of "$log" verilator --lint-only -Wall --assert "${args[@]}" --top-module quasim_top \
    "$waivers" "${packages[@]}" "${sources[@]}" "${bound[@]}"
}

elaborate() {  # elaborate LOG PARAMETERS; Icarus only warns on a note that it widens a sensitivity list, which is harmless
  local log=$1 args=() p status
  for p in $2; do args+=("-Pquasim_top.$p"); done
  status=$(status_of "$log" iverilog -g2012 -Wall "${args[@]}" -s quasim_top -o "$work/top.vvp" \
    "$package" "${sources[@]}")
  grep -v 'sorry: constant selects in always_\* processes' "$log" > "$log.rest" || true
  mv "$log.rest" "$log"
  if [[ $status == 0 && -s $log ]]; then status=1; fi
  echo "$status"
}

hierarchy() {  # hierarchy LOG PARAMETERS
  local log=$1 args="" p
  for p in $2; do args+=" -set ${p%%=*} ${p##*=}"; done
  status_of "$log" yosys -q -p "read_verilog -sv $package ${sources[*]}; chparam $args quasim_top; hierarchy -check -top quasim_top"
}

for parameters in "${legal[@]}"; do
  report "$(lint "$work/log" "$parameters")" "verilator -Wall, with checkers: $parameters" "$work/log"
  report "$(elaborate "$work/log" "$parameters")" "icarus -Wall: $parameters" "$work/log"
done

# Yosys 0.23 takes ~N'(x) for (~N)'(x) and says nothing; N'(~x) is read alike by all tools.
grep -nE "[~!][[:alnum:]_]+'\\(" "$package" "${sources[@]}" "${checkers[@]}" > "$work/log" && status=1 || status=0
report "$status" "no ~ or ! before a cast to a width, which yosys misreads" "$work/log"

simulate() {  # simulate TEXT TOP ARGUMENTS AND SOURCES: passes where the bench prints PASS
  local text=$1 top=$2 status
  shift 2
  status=$(status_of "$work/log" iverilog -g2012 -s "$top" -o "$work/tb.vvp" "$@")
  if [[ $status == 0 ]]; then
    status=$(status_of "$work/log" vvp -n "$work/tb.vvp")
    if ! grep -q '^PASS' "$work/log"; then status=1; fi
  fi
  report "$status" "$text, icarus: $(grep -h '^PASS' "$work/log" || true)" "$work/log"
}

while read -r parameters; do
  if [[ $parameters == "#"* ]]; then continue; fi
  args=()
  for p in $parameters; do args+=("-Pquasim_smoke_tb.$p"); done
  simulate "smoke test $parameters" quasim_smoke_tb "${args[@]}" "$package" "${sources[@]}" "${bench[@]}"
done < testbench/tests/rtl/smoke_benches.txt

for parameters in "" "LANES=4 MaxChannels=64 Dataflows=1" "LANES=3 MaxChannels=3 ConvBits=3 MultBits=5 BiasBits=11"; do
  args=()
  for p in $parameters; do args+=("-G$p"); done
  status=$(status_of "$work/log" verilator --lint-only -Wall --assert "${args[@]}" --top-module quasim_top \
    "$waivers" "${packages[@]}" "${asic[@]}" "${checkers[@]}")
  report "$status" "verilator -Wall, with checkers, rtl/asic: ${parameters:-defaults}" "$work/log"
done
# Side by side both forms need names of their own.
for file in rtl/asic/*.sv; do sed 's/^module quasim_/module asic_quasim_/' "$file" > "$work/${file##*/}"; done
simulate "rtl/asic" quasim_asic_forms_tb "$package" rtl/quasim_dot4.sv rtl/quasim_multiply_add.sv rtl/quasim_table_read.sv \
  "$work"/quasim_*.sv testbench/tests/rtl/quasim_asic_forms_tb.sv
simulate "smoke test LANES=4 with rtl/asic" quasim_smoke_tb -Pquasim_smoke_tb.LANES=4 "$package" "${asic[@]}" "${bench[@]}"

status=$(status_of "$work/log" yosys -p "
  read_verilog -sv $package ${sources[*]};
  chparam -set LANES 4 -set MaxChannels 16 quasim_top;
  hierarchy -check -top quasim_top; proc; check -assert;
  select -assert-none t:\$dlatch t:\$adlatch t:\$dlatchsr;
  rename -top quasim_top;
  synth -top quasim_top -flatten -run begin:fine; check -assert;
  select -assert-none t:\$dlatch t:\$adlatch t:\$dlatchsr; stat")
cells=$(awk '/Number of cells:/ {n = $NF} END {print n}' "$work/log")
report "$status" "yosys coarse synthesis, LANES=4 MaxChannels=16: no latch, ${cells:-0} cells" "$work/log"

bound=()  # a checker at an illegal width complains before the rule that names it
for entry in "${illegal[@]}"; do
  parameters="${entry%%:*}"
  sentence="${entry##*:}"
  for tool in lint elaborate hierarchy; do
    status=$("$tool" "$work/log" "$parameters")
    if [[ $status != 0 ]] && grep -q "$sentence" "$work/log"; then result=0; else result=1; fi
    report "$result" "$tool rejects $parameters by $sentence" "$work/log"
  done
done

if [[ $failed != 0 ]]; then
  echo "check_rtl: FAIL"
  exit 1
fi
echo "check_rtl: all checks pass"
