"""The checks of a test that is a script: each is counted, what failed is kept, and the end says both. A test that checked too little fails."""
import sys

failures = []
_count = 0


def count():
    return _count


def expect(good, what):
    global _count
    _count += 1
    if not good:
        failures.append(what)


def require(good, what):
    """As expect; the test goes no further where it is not so."""
    expect(good, what)
    if not good:
        sys.exit(f"FAILED: {what}")


def refused(done, words, what=""):
    """A command ended with exit code 2, nothing on stdout and one line on stderr that holds all words; that a unit is built is no answer."""
    lines = [line for line in done.stderr.splitlines() if not line.startswith("quasim: building ")]
    expect(done.returncode == 2 and not done.stdout and len(lines) == 1 and all(str(word) in lines[0] for word in words),
           f"{what or ' '.join(map(str, done.args))}: exit {done.returncode}, expected 2, nothing on stdout and one line with {words}: "
           f"{done.stdout or ''}{done.stderr[-400:]!r}")


def exit_code(least=1, **numbers):
    """Says what came out, and the numbers by their names, as elements_compared=5; 1 where something failed, fewer than `least` things were
    checked, or one of the numbers is 0."""
    for failure in failures[:40]:
        print("FAIL", failure)
    print(", ".join([f"{_count} checks", *(f"{number} {what.replace('_', ' ')}" for what, number in numbers.items()), f"{len(failures)} failures"]))
    return 1 if failures or _count < least or 0 in numbers.values() else 0
