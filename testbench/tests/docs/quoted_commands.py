#!/usr/bin/env python3
"""Runs every command that README, CONTRIBUTING and docs/ quote: indented or fenced lines and code spans that begin with a program.

  quoted_commands.py SOURCE_DIR BUILD_DIR LIBRARY      those that install nothing; LIBRARY: the CPU twin's
  quoted_commands.py SOURCE_DIR --installs             those that install something, in a fresh copy of the sources

A command runs as it is written after placeholders are filled in (PLACEHOLDERS), options in brackets are left out and the first of
alternatives is taken. It fails when it ends with anything but 0, or 1 where something legitimately differs. A command with a
placeholder that is not known fails: it must be one that a reader can fill in from the text, and it is added below.
"""
import os
import pathlib
import re
import shlex
import shutil
import subprocess
import sys
import tempfile

PROGRAM = re.compile(r"(\./)?(scripts/|quasim |build/|cmake |ctest |pip |python3 |/usr/bin/python3 |ninja |\.venv/)")
PLACEHOLDERS = {
    "BUNDLE": "vectors/bookmamba/layer00", "PATH": "vectors/bookmamba/layer00", "DIR_A": "a", "DIR_B": "b", "A": "a", "B": "b",
    "KIT": "out/kit", "DIR": "out/dir", "FILE": "out/file.json", "PROGRAM": "program.json", "FILE.pt": "tensors.pt", "VERB": "cosim", "TARGET": "quasim",
    "vectors/bookmamba/layer*": "vectors/bookmamba/layer00",
}
# Run elsewhere, or only where there is a GPU; the reason stands in the failure of a reader who looks for it here.
ELSEWHERE = {
    "scripts/run.sh": "scripts/check_fresh.sh", "scripts/test.sh": "scripts/check_fresh.sh", "scripts/setup.sh": "scripts/check_fresh.sh",
    "scripts/check_fresh.sh": "the test fresh.*", "scripts/check_python.sh": "the test python.cocotb.example",
    "scripts/prove.sh": "the tests formal.*", "scripts/check_registers.sh": "a slow test", "scripts/check_tidy.sh": "the test build.clang_tidy.whole_tree",
    "scripts/mutation.sh": "the tests mutation.*", "scripts/coverage.sh": "the tests coverage.*", "quasim regress": "the tests regress.*", "regress_slurm.sh": "a slow test",
    "scripts/golden_gpu.sh": "a GPU", "scripts/pt_to_npy.py": "torch",
    "pytorch_model.bin": "the tests python.package.import_*", "quasim import FILE": "the same", "quasim.capture": "the test python.capture.families",
    "quasim calibrate": "the same", "quasim evaluate": "the same", "quasim.bookmamba": "a GPU", "scripts/bookmamba.sh": "a trained model",
    "scripts/evaluate_gpu.sh": "a GPU", "cuda_golden/python/orders.py": "a GPU", "cuda_golden/python/silu_forms.py": "torch on a GPU",
    "cuda_golden/python/example_mamba.py": "torch on a GPU", "cmake -S cuda_golden": "nvcc", "--device cuda": "a GPU",
    "ctest ": "this is one of its tests", "ninja -C": "the build", "cmake --preset": "the build", "--update": "it writes into the sources",
    "cmake --install": "the test install.prefix.works", "quasim ppa": "the tests ppa.*", "build/testbench": "the tests dpi.bench.*",
}
INSTALLS = ("pip install", "python3 -m venv")


def quoted(text):
    """Commands in one page, in order, without comments."""
    found, fenced = [], False
    for line in text.splitlines():
        if line.startswith("```"):
            fenced = not fenced
        elif (fenced or line.startswith("    ")) and PROGRAM.match(line.strip()):
            found.append(line.strip())
    spans = re.findall(r"`([^`]+)`", re.sub(r"```.*?```", "", text, flags=re.DOTALL))
    found += [" ".join(span.split()) for span in spans if PROGRAM.match(span) and " " in span.strip()]
    return [re.sub(r"\s{2,}#.*", "", command) for command in found]


def is_complete(command):
    """A verb that is only named (`quasim certify`, `quasim cosim --json`) has no operand to run on."""
    words = command.split()
    return words[0] != "quasim" or len([word for word in words[1:] if not word.startswith("-")]) > 1 or "--check" in words or "--help" in words


def filled_in(command):
    command = command.replace("…", "...")
    while re.search(r"\[[^\[\]]*\]", command):
        command = re.sub(r"\s*\[[^\[\]]*\](\.\.\.)?", "", command)
    words = []
    for word in command.split():
        word = word.removesuffix("...").split("|")[0]
        after_tensor = bool(words) and words[-1] == "--tensor"  # explain reads it; elsewhere FILE is written
        after_rtl = bool(words) and words[-1] == "--rtl"
        words.append("a/conv1d_output_int8.npy" if after_tensor and word == "FILE" else "rtl" if after_rtl and word == "DIR" else PLACEHOLDERS.get(word, word))
        if re.fullmatch(r"[A-Z][A-Z_]*(\.\w+)?", words[-1]) or not word:
            raise ValueError(f"{word or '...'} is not a placeholder that this test can fill in")
    return words


def prepare(work, source, build):
    """A working directory that looks like the checkout, with somewhere to write and something to compare."""
    for name in ("vectors", "scripts", "cuda_golden", "rtl", "docs", "model", "testbench"):
        os.symlink(source / name, work / name)
    os.symlink(build, work / "build")
    (work / "out").mkdir()
    golden = next((source / "vectors/bookmamba/layer00/golden").glob("two_step.*.half_even"))
    for side in ("a", "b"):
        shutil.copytree(golden, work / side)
    for own in ("my_layer", "my_layers/layer00"):  # stand for a reader's own
        shutil.copytree(source / "vectors/bookmamba/layer00", work / own)
    if (build / "quasim").exists():
        subprocess.run([build / "quasim", "compile", source / "vectors/bookmamba/layer00", "-o", work / "program.json"], check=True, capture_output=True)


def main():
    source = pathlib.Path(sys.argv[1]).resolve()
    installs = sys.argv[2:] == ["--installs"]
    build = source / "build" if installs else pathlib.Path(sys.argv[2]).resolve()
    if not installs:
        PLACEHOLDERS["LIBRARY"] = shlex.quote(sys.argv[3])
    pages = [source / "README.md", source / "CONTRIBUTING.md", *sorted((source / "docs").glob("*.md"))]
    environment = {**os.environ, "PATH": f"{build}:{os.environ['PATH']}", "QUASIM": str(build / "quasim"), "PYTHONDONTWRITEBYTECODE": "1"}
    done, failed = set(), []
    with tempfile.TemporaryDirectory(prefix="quasim-docs-") as directory:
        work = pathlib.Path(directory)
        prepare(work, source, build)
        for page in pages:
            for command in quoted(page.read_text()):
                if command in done or not is_complete(command) or any(key in command for key in ELSEWHERE):
                    continue
                if any(key in command for key in INSTALLS) != installs:
                    continue
                done.add(command)
                try:
                    words = filled_in(command)
                except ValueError as error:
                    failed.append(f"{page.name}: `{command}`: {error}")
                    continue
                result = subprocess.run(["bash", "-c", " ".join(words)], cwd=source if installs else work, env=environment, capture_output=True, text=True, check=False)
                if result.returncode not in (0, 1) or (result.returncode == 1 and result.stderr.startswith("Traceback")):
                    failed.append(f"{page.name}: `{command}` ends with {result.returncode}: {result.stderr[-400:]}")
                print(f"{result.returncode}  {page.name}: {command}", flush=True)
    if failed or not done:
        sys.exit("\n".join(failed) or "quoted_commands: no command found")
    print(f"quoted_commands: {len(done)} commands run")


if __name__ == "__main__":
    main()
