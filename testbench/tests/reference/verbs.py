"""The quasim command as the tests of this room run it, with what checks.py counts. Usage of each: TEST.py QUASIM LAYER"""
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
import bundles  # noqa: E402
import checks  # noqa: E402
import commands  # noqa: E402
from checks import exit_code, expect  # noqa: E402,F401  for the tests of this room

quasim, layer = sys.argv[1], pathlib.Path(sys.argv[2])
GOLDEN = pathlib.Path("golden") / bundles.TWO_STEP


def run(*arguments):
    return commands.run(quasim, *arguments)


def refused(what, words, *arguments):
    checks.refused(run(*arguments), words, f"{what}: {' '.join(map(str, arguments))}")


def passes(what, *arguments):
    done = run(*arguments)
    expect(done.returncode == 0, f"{what}: {' '.join(map(str, arguments))}: exit {done.returncode}: {done.stdout}{done.stderr}")
