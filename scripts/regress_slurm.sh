#!/usr/bin/env bash
# A regression over a Slurm cluster: every task of an array takes its share of the sequences, the last step joins them.
#
#   scripts/regress_slurm.sh RESULTS TASKS [OPTION OF quasim regress ...]     submits, waits, merges; exit code of the merge
#   QUASIM=build/quasim scripts/regress_slurm.sh /shared/night 64 --sequences 1000000 --seed-base 1
#
# RESULTS is a folder that all nodes see; the units are built in it once. The same command again goes on where tasks were lost.
# SBATCH_PARTITION, SBATCH_TIMELIMIT and the like choose where and how long, as for any sbatch.
set -euo pipefail

if [[ -n ${SLURM_ARRAY_TASK_ID:-} ]]; then # a task of the array
  exec "$QUASIM" regress --shard "$SLURM_ARRAY_TASK_ID/$REGRESS_TASKS" --jobs "${SLURM_CPUS_PER_TASK:-1}" \
    -o "$REGRESS_RESULTS/shard$SLURM_ARRAY_TASK_ID" "$@"
fi

if (($# < 2)) || [[ ! $2 =~ ^[1-9][0-9]{0,3}$ ]]; then
  echo "regress_slurm.sh: expected RESULTS TASKS [OPTION ...], TASKS from 1 to 9999; got '$*'" >&2
  exit 2
fi
mkdir -p "$1"
export REGRESS_RESULTS REGRESS_TASKS=$2 QUASIM=${QUASIM:-quasim}
REGRESS_RESULTS=$(cd "$1" && pwd)
export QUASIM_UNIT_CACHE=${QUASIM_UNIT_CACHE:-$REGRESS_RESULTS/units}
shift 2
# A failing sequence makes its task fail; the merge says which, so the tasks' own state is not asked.
sbatch --wait --job-name=quasim-regress --array="1-$REGRESS_TASKS" --ntasks=1 --export=ALL \
  --output="$REGRESS_RESULTS/task%a.log" "${BASH_SOURCE[0]}" "$@" || true
shards=()
for ((i = 1; i <= REGRESS_TASKS; ++i)); do
  if [[ ! -e $REGRESS_RESULTS/shard$i/summary.json ]]; then
    echo "regress_slurm.sh: task $i left no result: $(tail -n 1 "$REGRESS_RESULTS/task$i.log" 2> /dev/null || echo no log)" >&2
    exit 2
  fi
  shards+=("$REGRESS_RESULTS/shard$i")
done
exec "$QUASIM" regress --merge "${shards[@]}" -o "$REGRESS_RESULTS/merged"
