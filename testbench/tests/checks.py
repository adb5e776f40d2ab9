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


def refused(done, words, what):
    """A command ended with exit code 2 and one line that holds all words."""
    lines = done.stderr.splitlines()
    expect(done.returncode == 2 and len(lines) == 1 and all(str(word) in lines[0] for word in words),
           f"{what}: exit {done.returncode}, expected 2 and one line with {words}: {done.stderr[-400:]!r}")


def exit_code(least=1, **compared):
    """Says what came out; 1 where something failed, fewer than `least` things were checked, or something that should be compared was not."""
    for failure in failures[:40]:
        print("FAIL", failure)
    print(", ".join([f"{_count} checks", *(f"{number} {what} compared" for what, number in compared.items()), f"{len(failures)} failures"]))
    return 1 if failures or _count < least or 0 in compared.values() else 0
