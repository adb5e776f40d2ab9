#!/usr/bin/env python3
"""build.toolchains.*: every source of the project, as the build compiles it, through another compiler or another C++ standard, with all
warnings as errors. Nothing is linked: Debian's SystemC library is C++17's alone.

  toolchains_test.py COMPILE_COMMANDS_JSON SOURCE_DIR COMPILER [-std=...]
"""
import concurrent.futures
import json
import os
import pathlib
import re
import shlex
import shutil
import subprocess
import sys
import tempfile

commands, source, compiler, flags = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2]), sys.argv[3], sys.argv[4:]
ROOMS = ("model", "testbench", "cuda_golden")
SKIPPED = ("-Winvalid-pch",)


def sources_of(entry):
    """The project's own sources that the entry compiles: its file, or those that a file made for QUASIM_UNITY includes."""
    file = pathlib.Path(entry["file"])
    if not file.is_absolute():
        file = pathlib.Path(entry["directory"]) / file
    files = [file]
    if file.parent.name == "Unity":
        files = [pathlib.Path(name) for name in re.findall(r'^#include "(.*\.cpp)"$', file.read_text(), re.MULTILINE)]
    return [f for f in files if f.suffix == ".cpp" and any(f.is_relative_to(source / room) for room in ROOMS)]


def command_of(entry):
    """The entry's command for the other compiler: its own standard and precompiled header left out, nothing written."""
    words, kept = shlex.split(entry["command"]), []
    words = words[next(i for i, word in enumerate(words) if os.path.basename(word) in ("c++", "g++", "clang++") or word.endswith("/c++")) + 1:]
    skip = 0
    for i, word in enumerate(words):
        if skip:
            skip -= 1
        elif word in ("-o", "-MF", "-MT"):
            skip = 1
        elif word == "-include" and "cmake_pch" in words[i + 1]:
            skip = 1
        elif word in SKIPPED or word == "-MD" or word == "-c" or (flags and word.startswith("-std=")):
            continue
        else:
            kept.append(word)
    return [compiler, *flags, *kept, "-Werror", "-fsyntax-only"]


def complaints(entry):
    done = subprocess.run(command_of(entry), cwd=entry["directory"], capture_output=True, text=True, check=False)
    return "" if done.returncode == 0 else done.stderr[-1500:]


def main():
    if shutil.which(compiler) is None:
        print(f"{compiler} is not installed: scripts/setup.sh --all")
        return 1
    # A source that several programs compile is looked at once; one that no entry has was not compiled.
    entries = list({e["file"]: e for e in json.loads(commands.read_text()) if sources_of(e)}.values())
    seen = {file for entry in entries for file in sources_of(entry)}
    missing = sorted(str(file) for file in (source / "model").rglob("*.cpp") if file not in seen)
    if missing:
        print(f"not compiled by this build: {' '.join(missing)}")
        return 1
    # The compiler must be able to find something: a conversion that loses bits.
    with tempfile.TemporaryDirectory() as folder:
        planted = pathlib.Path(folder) / "planted.cpp"
        planted.write_text("int narrow(long long wide) { return wide; }\n")
        bad = dict(entries[0])
        bad["command"] = bad["command"].replace(bad["file"], str(planted)).replace("-Wall", "-Wall -Wconversion")
        if not complaints(bad):
            print("a planted narrowing conversion was not noticed")
            return 1
    failed = 0
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        for entry, text in zip(entries, pool.map(complaints, entries)):
            if text:
                failed += 1
                print(f"FAIL {entry['file']}\n{text}")
    print(f"{compiler} {' '.join(flags)}: {len(seen)} sources, {failed} failed")
    return 1 if failed or not seen else 0


if __name__ == "__main__":
    sys.exit(main())
