"""What an edit does to a build: RTL without the place of a planted fault still configures, and only the fault's own test fails; a
specification that was not emitted again stops the build.

  build_test.py CMAKE SOURCE_DIR NINJA
"""
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
from checks import exit_code, require  # noqa: E402

FAULT = "testbench/tests/cosim/faults/no_forwarding"
PLACE = "history = fetch_forward_i ? forward_q : stored;"
REWRITTEN = "history = (fetch_forward_i) ? forward_q : stored;"


def main():
    cmake, source, ninja = sys.argv[1], pathlib.Path(sys.argv[2]).resolve(), sys.argv[3]
    with tempfile.TemporaryDirectory(prefix="quasim build ") as directory:
        tree, build = pathlib.Path(directory, "tree"), pathlib.Path(directory, "build")
        shutil.copytree(source, tree, ignore=lambda folder, names: {
            name for name in names if folder == str(source) and name.startswith((".git", "build", "vectors", "out", ".venv"))})
        os.symlink(source / "vectors", tree / "vectors")

        def run(*command):
            return subprocess.run([str(word) for word in command], capture_output=True, text=True, check=False)

        rtl = tree / "rtl/quasim_conv_acc.sv"
        text = rtl.read_text()
        require(PLACE in text, f"the place of this test's fault: {PLACE}")
        rtl.write_text(text.replace(PLACE, REWRITTEN))
        configured = run(cmake, "-S", tree, "-B", build, "-G", "Ninja", f"-DCMAKE_MAKE_PROGRAM={ninja}", "-DQUASIM_CUDA=OFF", "-DCMAKE_BUILD_TYPE=Release")
        require(configured.returncode == 0, f"RTL without a fault's place does not configure: {configured.stderr[-1500:]}")
        require("Executing Verilator" not in configured.stdout, "Verilator runs while CMake configures")

        plant = tree / "testbench/tests/plant_fault.py"
        note = build / FAULT / "note"

        def planted():
            built = run(ninja, "-C", build, f"{FAULT}/note")
            require(built.returncode == 0, f"planting ends with {built.returncode}: {built.stdout[-500:]}")
            return run(sys.executable, plant, "--planted", note, "true")

        missing = planted()
        require(missing.returncode == 1 and "no longer has" in missing.stderr and "no_forwarding" in missing.stderr,
                f"a fault that was not planted: status {missing.returncode}, {missing.stderr!r}")
        require((build / FAULT / "quasim_conv_acc.sv").read_text() == rtl.read_text(), "without its place, the copy is whole")
        rtl.write_text(text)
        require(planted().returncode == 0, "with its place back, the fault is planted")
        require(PLACE not in (build / FAULT / "quasim_conv_acc.sv").read_text(), "the planted copy is broken")

        spec = tree / "model/spec/quasim_spec.json"
        good = spec.read_text()
        current = run(ninja, "-C", build, "quasim_spec")
        require(current.returncode == 0, f"the committed specification is refused: {current.stdout[-500:]}")
        spec.write_text(good.replace('"doc": "', '"doc": "edited: ', 1))
        stale = run(ninja, "-C", build, "quasim_spec")
        require(stale.returncode != 0 and "emit_spec.py --update" in stale.stdout, f"a stale specification is built: {stale.stdout[-500:]}")
        # whatever is made of the RTL or of C++ waits for that check
        for target in ("model/CMakeFiles/quasim_types.dir/types/beats.cpp.o", "testbench/cosim/Vquasim_l16.dir/Vquasim_l16_fast.cpp"):
            refused = run(ninja, "-C", build, target)
            require(refused.returncode != 0 and "emit_spec.py --update" in refused.stdout and not (build / target).exists(),
                    f"{target} does not wait for the check: {refused.stdout[-500:]}")
        spec.write_text(good)
        require(run(ninja, "-C", build, "quasim_spec").returncode == 0, "the specification put back is refused")
        package = tree / "rtl/generated/quasim_pkg.sv"
        package.write_text(package.read_text() + "\n")
        require(run(ninja, "-C", build, "quasim_spec").returncode != 0, "an edited generated file is built")
    sys.exit(exit_code())


if __name__ == "__main__":
    main()
