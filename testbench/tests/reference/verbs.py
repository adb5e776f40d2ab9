"""The quasim command as the tests of this room run it, and the count of what they checked. Usage of each: TEST.py QUASIM LAYER"""
import pathlib
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
import bundles  # noqa: E402

quasim, layer = sys.argv[1], pathlib.Path(sys.argv[2])
GOLDEN = pathlib.Path("golden") / bundles.TWO_STEP
_checked = 0
_failures = []


def run(*arguments):
    return subprocess.run([quasim, *map(str, arguments)], capture_output=True, text=True, timeout=300, check=False)


def expect(good, what):
    global _checked
    _checked += 1
    if not good:
        _failures.append(what)


def refused(what, words, *arguments):
    """One line with these words, and exit code 2."""
    done = run(*arguments)
    lines = done.stderr.splitlines()
    expect(done.returncode == 2 and len(lines) == 1 and all(str(word) in lines[0] for word in words),
           f"{what}: {' '.join(map(str, arguments))}: exit {done.returncode}, expected 2 and one line with {words}: {done.stderr!r}")


def passes(what, *arguments):
    done = run(*arguments)
    expect(done.returncode == 0, f"{what}: {' '.join(map(str, arguments))}: exit {done.returncode}: {done.stdout}{done.stderr}")


def exit_code(least):
    """Says what came out; 1 where something failed or fewer than `least` things were checked."""
    for failure in _failures:
        print("FAIL", failure)
    print(f"{_checked} checks, {len(_failures)} failures")
    return 1 if _failures or _checked < least else 0
