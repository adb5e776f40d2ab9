#!/usr/bin/env bash
# Checks the RTL, one line a check. Needs verilator, iverilog and yosys; writes only into a temporary directory.
#   check_rtl.sh               all of it
#   check_rtl.sh GROUP...      legal: lint and elaboration at the ends of every parameter's range
#                              smoke: the smoke bench on the units of testbench/tests/rtl/smoke_benches.txt
#                              asic, fpga: lint, smoke bench and equality of the forms in rtl/asic, in rtl/fpga
#                              synthesis: Yosys maps the unit, without a latch
#                              illegal: each tool refuses illegal parameters by the sentence that names the rule
# Exit status: 0 all pass; 1 anything failed; 2 no such group.
set -euo pipefail

known=(legal smoke asic fpga synthesis illegal)
groups=("$@")
if [[ $# == 0 ]]; then groups=("${known[@]}"); fi
for group in "${groups[@]}"; do
  if [[ " ${known[*]} " != *" $group "* ]]; then
    echo "check_rtl: no group \"$group\"; there are ${known[*]}" >&2
    exit 2
  fi
done

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
bench=(rtl/generated/quasim_map_pkg.sv testbench/tests/rtl/quasim_monitor.sv testbench/tests/rtl/quasim_smoke_tb.sv)

checks=0
report() {  # report STATUS TEXT [LOG]
  checks=$((checks + 1))
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
  "LANES=4 MaxChannels=64 Dataflows=1 Folded=1"
  "LANES=3 MaxChannels=3 ConvBits=2 MultBits=5 BiasBits=11 Dataflows=1 Folded=1"
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

check_legal() {
  for parameters in "${legal[@]}"; do
    report "$(lint "$work/log" "$parameters")" "verilator -Wall, with checkers: $parameters" "$work/log"
    report "$(elaborate "$work/log" "$parameters")" "icarus -Wall: $parameters" "$work/log"
  done

  # Yosys 0.23 takes ~N'(x) for (~N)'(x) and says nothing; N'(~x) is read alike by all tools.
  grep -nE "[~!][[:alnum:]_]+'\\(" "$package" "${sources[@]}" "${checkers[@]}" > "$work/log" && status=1 || status=0
  report "$status" "no ~ or ! before a cast to a width, which yosys misreads" "$work/log"
  awk 'length > 140 && !/^ *\/\// {print FILENAME ":" FNR ": " length " characters"; long = 1} END {exit long}' \
    rtl/quasim_*.sv "${checkers[@]}" > "$work/log" && status=0 || status=1
  report "$status" "no line of code above 140 characters" "$work/log"
}

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

check_smoke() {
  while read -r name parameters; do
    if [[ $name == [#+]* ]]; then continue; fi
    args=()
    for p in $parameters; do args+=("-Pquasim_smoke_tb.$p"); done
    simulate "smoke test $parameters" quasim_smoke_tb "${args[@]}" "$package" "${sources[@]}" "${bench[@]}"
  done < testbench/tests/rtl/smoke_benches.txt
}

# rtl/asic and rtl/fpga have modules of rtl in other forms, which are read in their place.
check_forms() {  # check_forms FOLDER
  local folder=$1 file unit=() plain=()
  for file in "${sources[@]}"; do
    if [[ -e $folder/${file#rtl/} ]]; then unit+=("$folder/${file#rtl/}"); else unit+=("$file"); fi
  done
  for parameters in "" "LANES=4 MaxChannels=64 Dataflows=1" "LANES=4 MaxChannels=64 Dataflows=1 Folded=1" "LANES=3 MaxChannels=3 ConvBits=3 MultBits=5 BiasBits=11"; do
    args=()
    for p in $parameters; do args+=("-G$p"); done
    status=$(status_of "$work/log" verilator --lint-only -Wall --assert "${args[@]}" --top-module quasim_top \
      "$waivers" "${packages[@]}" "${unit[@]}" "${checkers[@]}")
    report "$status" "verilator -Wall, with checkers, $folder: ${parameters:-defaults}" "$work/log"
  done
  # Side by side both forms need names of their own.
  mkdir -p "$work/$folder"
  for file in "$folder"/*.sv; do
    sed 's/^module quasim_/module other_quasim_/' "$file" > "$work/$file"
    plain+=("rtl/${file##*/}")
  done
  simulate "$folder" "quasim_${folder##*/}_forms_tb" "$package" "${plain[@]}" "$work/$folder"/*.sv testbench/tests/rtl/quasim_table_read_pair.sv \
    "testbench/tests/rtl/quasim_${folder##*/}_forms_tb.sv"
  simulate "smoke test LANES=1 with $folder" quasim_smoke_tb -Pquasim_smoke_tb.LANES=1 "$package" "${unit[@]}" "${bench[@]}"
  simulate "smoke test of a folded table with $folder" quasim_smoke_tb -Pquasim_smoke_tb.LANES=1 -Pquasim_smoke_tb.MaxChannels=3 \
    -Pquasim_smoke_tb.Dataflows=1 -Pquasim_smoke_tb.Folded=1 "$package" "${unit[@]}" "${bench[@]}"
}

check_asic() { check_forms rtl/asic; }
check_fpga() { check_forms rtl/fpga; }

check_synthesis() {
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
}

check_illegal() {
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
}

for group in "${groups[@]}"; do
  before=$checks
  "check_$group"
  if [[ $checks == "$before" ]]; then report 1 "$group: nothing was checked"; fi
done
if [[ $failed != 0 ]]; then
  echo "check_rtl: FAIL"
  exit 1
fi
echo "check_rtl: $checks checks pass"
