#!/usr/bin/env python3
"""quasim.core builds through FuseSoC, installed from PyPI into a folder of the build: Verilator's lint and an Icarus bench.

  fusesoc.py ROOT FOLDER
"""
import os
import pathlib
import subprocess
import sys
import tempfile

from pypi import venv_with

VERSIONS = ("fusesoc==2.4.7", "edalize==0.6.8")
CORE = "quasim:rtl:quasim"
FOLDERS = ("rtl", "testbench")


def build(program, cores, target, work):
    """Sets up and builds a target; (whether it ended well, what it said)."""
    done = subprocess.run([program, "--cores-root", cores, "run", "--work-root", work, "--target", target, "--setup", "--build", CORE],
                          cwd=cores, capture_output=True, text=True, check=False, env={**os.environ, "XDG_CONFIG_HOME": str(work), "HOME": str(work)})
    return done.returncode == 0, (done.stdout + done.stderr)[-1500:]


def main():
    root, folder = pathlib.Path(sys.argv[1]).resolve(), pathlib.Path(sys.argv[2]).resolve()
    program = venv_with(folder, *VERSIONS) / "fusesoc"
    failures, builds = [], 0
    with tempfile.TemporaryDirectory(prefix="quasim-fusesoc-") as directory:
        for fault in (False, True):
            cores = pathlib.Path(directory, "fault" if fault else "cores")
            cores.mkdir()
            text = (root / "quasim.core").read_text()
            # planted: a core that forgets a source
            (cores / "quasim.core").write_text(text.replace("      - rtl/quasim_silu.sv\n", "") if fault else text)
            for name in FOLDERS:
                os.symlink(root / name, cores / name)
            for target in ("lint", "sim"):
                work = pathlib.Path(directory, f"{cores.name}-{target}")
                work.mkdir()
                good, said = build(program, cores, target, work)
                builds += 1
                if good == fault:
                    failures.append(f"target {target}: {'a core without a source builds' if fault else said}")
    if failures:
        sys.exit("\n".join(failures))
    print(f"fusesoc: {builds} builds, two of them of a core that forgets a source and is refused")


if __name__ == "__main__":
    main()
