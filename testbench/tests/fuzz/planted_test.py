#!/usr/bin/env python3
"""A reader that crashes: the driver says so, keeps the input and does not end with 0.

  planted_test.py READER_FUZZ
"""
import pathlib
import subprocess
import sys
import tempfile

driver = str(pathlib.Path(sys.argv[1]).resolve())
with tempfile.TemporaryDirectory() as directory:
    done = subprocess.run([driver, "--plant"], cwd=directory, capture_output=True, text=True, check=False)
    kept = pathlib.Path(directory, "finding-plant.bin")
    problems = []
    if done.returncode == 0:
        problems.append("exit code 0")
    if "FINDING" not in done.stderr + done.stdout:
        problems.append("no finding is named")
    if not kept.exists() or len(kept.read_bytes()) % 7 != 3:
        problems.append("the input is not kept")
for problem in problems:
    print("FAIL", problem)
print(f"3 checks, {len(problems)} failed")
sys.exit(1 if problems else 0)
