"""scripts/compare_golden_vs_model.sh: agreement, a planted difference, a broken bundle; exit code, logs and report of each.

usage: flow_test.py QUASIM SCRIPT VECTORS_DIR
"""
import pathlib
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
import commands  # noqa: E402
from checks import exit_code, expect  # noqa: E402

# Stands in for quasim and flips one output of the model that it runs.
FAULTY = """#!/bin/sh
"{quasim}" "$@" || exit $?
[ "$1" = run ] || exit 0
for last; do :; done
printf '\\132' | dd of="$last/conv1d_output_int8.npy" bs=1 seek=4000 conv=notrunc 2>/dev/null
"""


def main():
    quasim, script, vectors = sys.argv[1], sys.argv[2], pathlib.Path(sys.argv[3])
    layers = [vectors / "bookmamba" / name for name in ("layer00", "layer05")]

    def run(program, bundles, out, *options):
        return commands.run(script, *bundles, "-o", out, *options, QUASIM=program)

    with tempfile.TemporaryDirectory() as name:
        d = pathlib.Path(name)
        done = run(quasim, layers, d / "good")
        expect(done.returncode == 0 and "IDENTICAL" in done.stdout, f"agreement: {done.returncode} {done.stdout}{done.stderr}")
        expect("\x1b" not in done.stdout + done.stderr, "no colours without a terminal")
        expect((d / "good" / "report.html").exists(), "a report at the end")
        for step in ("golden", "model", "compare"):
            expect((d / "good" / "logs" / f"layer05.{step}.log").stat().st_size > 0, f"a log of {step}")

        faulty = d / "faulty"
        faulty.write_text(FAULTY.format(quasim=quasim))
        faulty.chmod(0o755)
        done = run(faulty, layers[:1], d / "bad")
        expect(done.returncode == 1 and "DIFFERENT" in done.stdout, f"planted difference: {done.returncode} {done.stdout}{done.stderr}")
        flat = 4000 - 128  # the header of these files is 128 bytes long
        expect(f"[0, {flat // 256}, {flat % 256}]" in (d / "bad" / "logs" / "layer00.compare.log").read_text(), "the log names the element")

        done = run(quasim, layers[:1], d / "fused", "-v", "fused.seqlast.fast.half_away")
        expect(done.returncode == 0 and "IDENTICAL" in done.stdout, f"the deployed dataflow: {done.returncode} {done.stdout}{done.stderr}")
        expect(run(quasim, [d / "missing"], d / "none").returncode == 2, "a missing bundle is exit 2")
        expect(run(quasim, [], d / "none").returncode == 2, "no bundle is exit 2")
        expect(run(d / "no_program", layers[:1], d / "none").returncode == 2, "no program is exit 2")
    return exit_code(10)


if __name__ == "__main__":
    sys.exit(main())
