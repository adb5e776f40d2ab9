#!/usr/bin/env python3
"""What the quasim command says: names cannot forge lines, numbers are checked, mistakes are named, nothing finished is lost.

  words_test.py QUASIM [TEST...]
"""
import json
import os
import pathlib
import re
import resource
import shutil
import subprocess
import sys
import tempfile

import numpy as np

from tiny import TWO_STEP, copy_bundle, make_bundle

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
import checks  # noqa: E402
from checks import exit_code, expect  # noqa: E402

QUASIM = str(pathlib.Path(sys.argv[1]).resolve())
VERBS = ("run", "cosim", "golden", "export", "bench", "compare", "outliers", "modes", "sweep", "report", "compile", "certify",
         "explain")
LISTS = {"outliers": [], "modes": [], "sweep": [], "report": ["-o", "page.html"]}
MEMORY_BYTES = 2 << 30
# Whatever Python's splitlines takes for the end of a line, and whatever commands a terminal.
FORBIDDEN = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")


def limit_memory():
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))


def run(*arguments, cwd, limited=False):
    return subprocess.run([QUASIM, *arguments], capture_output=True, cwd=cwd, timeout=60, check=False,
                          preexec_fn=limit_memory if limited else None)


def lines_of(output):
    return output.decode("utf-8", "surrogateescape").split("\n")[:-1]


def refused(cwd, arguments, *words, lines=1, limited=False):
    """Exit code 2, that many lines on stderr, each word in them, nothing on stdout."""
    done = run(*arguments, cwd=cwd, limited=limited)
    said = lines_of(done.stderr)
    text = "\n".join(said)
    good = (done.returncode == 2 and len(said) == lines and not done.stdout and all(word in text for word in words)
            and all(line.startswith("quasim: ") for line in said) and "json.exception" not in text
            and "filesystem error" not in text and not FORBIDDEN.search(text.replace("\n", "")))
    expect(good, f"quasim {' '.join(map(str, arguments))}: exit {done.returncode}, stdout {done.stdout[:80]!r}, said {said[:3]}, "
                f"expected {words}")


def test_names_cannot_forge_lines(top):
    names = ["a\nquasim: all agree", "\x1b[2J\x1b[1;1Hall agree", "a\rb", "tab\tx", "line\u2028x\u0085y", "\u202egnirts", "\u009b2J"]
    for number, name in enumerate(names):
        bundle = make_bundle(top / "forged" / f"l{number}", name=name)
        run("golden", bundle, "-o", bundle / "golden" / TWO_STEP, cwd=top)
        for verb, more in LISTS.items():
            done = run(verb, bundle, *more, cwd=top)
            text = (done.stdout + done.stderr).decode()
            plain = text.replace("\n", "")
            expect(done.returncode in (0, 1) and not FORBIDDEN.search(plain) and "\nquasim: all agree" not in text,
                   f"{verb} of a layer called {name!r}: exit {done.returncode}: {text[:300]!r}")
        done = run("sweep", bundle, "--json", cwd=top)
        expect(json.loads(done.stdout)["layers"][0]["layer"] == name, f"JSON keeps the name {name!r}")
        refused(top, ["run", bundle, "--variant", name], "expected")
        refused(top, ["compile", bundle, "--target", name], "expected")
    for directory in ("new\nline", "\x1b[2J", "tab\t"):
        bundle = make_bundle(top / "forged" / directory, name="plain")
        done = run("sweep", bundle, cwd=top)
        expect(done.returncode == 0 and not FORBIDDEN.search(done.stdout.decode().replace("\n", "")), f"sweep of {directory!r}")
        (bundle / "layer.json").write_text("{")
        refused(top, ["sweep", bundle], "layer.json", "JSON")
    # a path that is no UTF-8: text and JSON both come out
    bundle = os.fsencode(top) + b"/forged/\xff\xfe"
    shutil.copytree(os.fsencode(top / "forged" / "l0"), bundle)
    for verb in ("sweep", "outliers", "modes"):
        done = run(verb, bundle, "--json", cwd=top)
        expect(done.returncode in (0, 1) and json.loads(done.stdout), f"{verb} --json of a path that is no UTF-8: {done.stderr[:200]!r}")
        done = run(verb, bundle, cwd=top)
        expect(b"\\xff\\xfe" in done.stdout and b"\xff" not in done.stdout, f"{verb} of a path that is no UTF-8")
    # tensors too
    np.save(top / "forged" / "a\nidentical.npy", np.zeros(3, np.int8))
    for verb in ("compare", "outliers"):
        done = run(verb, top / "forged" / "a\nidentical.npy", *([top / "forged" / "a\nidentical.npy"] if verb == "compare" else []), cwd=top)
        expect(done.returncode == 0 and b"\nidentical" not in done.stdout, f"{verb} of a tensor whose name has a line break")


def test_tables_name_the_bundle(top):
    bundles = [make_bundle(top / "paths" / side / "layer00", name="model/layer00") for side in ("a", "b")]
    for verb, more in LISTS.items():
        done = run(verb, *[b.relative_to(top) for b in bundles], *more, cwd=top)
        if verb == "report":
            continue  # prints no table
        text = done.stdout.decode()
        expect(all(f"paths/{side}/layer00 (model/layer00)" in text for side in "ab"), f"{verb} does not name both paths: {text[:300]}")


def test_usage_is_one_line(top):
    layer = top / "layer00"
    refused(top, [], "expected a verb", "cosim")
    refused(top, ["compil"], "'compil'", "did you mean compile?")
    refused(top, ["csoim", layer], "did you mean cosim?")
    refused(top, ["a\nb"], "'a\\nb'", "expected a verb")
    refused(top, [""], "expected a verb")
    refused(top, ["run"], "run", "BUNDLE is required", "quasim run --help")
    refused(top, ["run", layer, "--stal-in", "0.5"], "--stal-in", "did you mean --stall-in?", "quasim run --help")
    refused(top, ["run", layer, "--stal-in=0.5"], "--stal-in:", "did you mean --stall-in?")
    refused(top, ["sweep", layer, "--jsno"], "--jsno", "did you mean --json?")
    refused(top, ["run", layer, "-x"], "-x")
    refused(top, ["run", layer, "--seed"], "--seed")
    refused(top, ["run", layer, "--seed", "1", "--seed", "2"], "--seed")
    refused(top, ["compare", "a", "b", "c\nd"], "'c\\nd'", "no further argument")
    refused(top, ["--json", "run", layer], "--json")
    refused(top, ["export", layer, "-o", "kit", "--stages", "x\ny"], "--stages")
    done = run("--version", cwd=top)
    expect(done.stdout == b"quasim 1.0.0\n" and done.returncode == 0, f"--version says {done.stdout!r}")


def numeric_options(verb, top):
    """(option, kind, low, high) of every numeric option, from the verb's help; ranges as the help has them."""
    text = " ".join(run(verb, "--help", cwd=top).stdout.decode().split())
    expect(not re.search(r"--[a-z-]+ (INT|UINT|FLOAT)\b", text), f"{verb}: an option that bypasses the checked numbers: {text}")
    for option, kind, words in re.findall(r"(--[a-z-]+) (INTEGER|NUMBER)\b(.*?)(?= --[a-z-]+ |$)", text):
        bounds = re.search(r"(?:an integer|a number) (?:from (\S+) to (\S+?)|above (0))(?:[ ,;]|$)", words)
        expect(bounds, f"{verb} {option}: the help does not say the range: {words}")
        yield option, kind, bounds[1] or bounds[3], bounds[2]


def test_numbers_are_checked(top):
    layer, found = "layer00", set()
    inputs = {"compare": ["golden.npy", "golden.npy"], "export": [layer, "-o", "kit_numbers"]}
    for verb in [verb for verb in VERBS if verb not in ("compile", "explain")]:
        for option, kind, low, high in numeric_options(verb, top):
            known = option in {name for _, name in found}
            found.add((verb, option))
            bad = ["nan", "-inf", "", "1x", " 1", "0x10", "1e400", "\n1", str(-2**64), "1" + "0" * 400]
            if kind == "INTEGER":
                bad += ["1.5", str(2**64), str(int(low) - 1), str(int(high) + 1)]
            else:
                bad += ["-1e-300", "-0.5"] + ([f"{float(high) * 1.01}"] if high else ["0", "-0"])
            for value in bad if not known else bad[:1]:  # the verbs share their options
                refused(top, [verb, *inputs.get(verb, [layer]), f"{option}={value}"], option, "expected")
            refused(top, [verb, *inputs.get(verb, [layer]), option, "nan"], option, "expected", "'nan'")
    wanted = {("run", "--seed"), ("cosim", "--stall-in"), ("run", "--stall-out"), ("run", "--lanes"), ("run", "--max-mismatches"),
              ("export", "--steps"), ("compare", "--lsb"), ("bench", "--rounds")}
    expect(wanted <= found, f"not seen: {wanted - found}")


def test_a_bad_bundle_costs_no_result(top):
    good, other, bad = "layer00", "layer01", "broken"
    copy_bundle(top / good, top / bad)
    (top / bad / "conv1d_weight.npy").write_bytes(b"nothing")
    for verb, more in LISTS.items():
        done = run(verb, good, bad, other, *more, cwd=top)
        said, text = lines_of(done.stderr), done.stdout.decode()
        expect(done.returncode == 2 and len(said) == 1 and "broken/conv1d_weight.npy" in said[0],
               f"{verb} with a bad bundle: exit {done.returncode}, said {said}")
        expect(verb == "report" or (good in text and other in text), f"{verb} with a bad bundle: a result is lost: {text[:300]}")
        done = run(verb, good, bad, other, *more, "--json", cwd=top)
        document = json.loads(done.stdout)
        count = document["layers"] if verb == "report" else len(document["layers"])
        expect(done.returncode == 2 and count == 2 and [f["bundle"] for f in document["failed"]] == [bad],
               f"{verb} --json with a bad bundle: {document.get('failed')}")
        refused(top, [verb, bad, "nowhere", *more], "broken/", "nowhere", lines=2)
        refused(top, [verb, bad, *more], "broken/")
    expect(json.loads(run("report", good, bad, "-o", "page.html", "--json", cwd=top).stdout)["layers"] == 1 and
           (top / "page.html").exists(), "report writes the page of the good layers")


def test_shapes_say_what_they_are(top):
    def case(why, words, spoil, **keys):
        bundle = make_bundle(top / "shapes" / why, **keys)
        spoil(bundle)
        refused(top, ["run", bundle], f"shapes/{why}/", *words)

    def save(name, change):
        return lambda bundle: np.save(bundle / name, change(np.load(bundle / name)))

    case("transposed_weight", ["[4, 5]", "looks like [K, C]"], save("conv1d_weight.npy", lambda w: np.ascontiguousarray(w.T)), channels=5)
    case("torch_weight", ["[5, 1, 4]", "extent 1 too many", "[5, 4]"], save("conv1d_weight.npy", lambda w: w[:, None, :]), channels=5)
    case("transposed_input", ["[1, 16, 4]", "looks like [B, L, C]"],
         save("conv1d_input.npy", lambda x: np.ascontiguousarray(x.transpose(0, 2, 1))))
    case("input_without_batch", ["[4, 16]", "without B"], save("conv1d_input.npy", lambda x: x[0]))
    case("bias_row", ["[1, 4]", "extent 1 too many"], save("conv1d_bias.npy", lambda b: b[None]))
    case("scale_list", ["weight_scale", "list of 4", "a scale for each channel"], lambda bundle: None, weight_scale=[0.1] * 4)


def test_comparisons_find_the_axes(top):
    rng = np.random.default_rng(3)
    a = rng.integers(-128, 128, (2, 3, 5), dtype=np.int8)
    square = rng.integers(-128, 128, (1, 6, 6), dtype=np.int8)
    folder = top / "axes"
    (folder / "many").mkdir(parents=True)
    for name, value in {"a": a, "turned": np.ascontiguousarray(a.transpose(0, 2, 1)), "leading": a[None], "other": a + 1,
                        "square": square, "square_turned": np.ascontiguousarray(square.transpose(0, 2, 1)),
                        "squeezed": np.ascontiguousarray(square[0].T)}.items():
        np.save(folder / f"{name}.npy", value)
    for name in ("x", "y", "z"):
        np.save(folder / "many" / f"{name}.npy", a if name == "y" else square)

    def says(left, right, hint):
        done = run("compare", folder / left, folder / right, cwd=top)
        text = done.stdout.decode()
        found = re.search("^hint: (.*)$", text, re.M)
        expect(done.returncode == 1 and (found and hint in found[1] if hint else not found), f"compare {left} {right}: {text[:400]}")

    says("a.npy", "turned.npy", "B = A.transpose(0, 2, 1)")
    says("a.npy", "leading.npy", "axes of extent 1 apart")
    says("square.npy", "square_turned.npy", "B = A.transpose(0, 2, 1)")
    says("square.npy", "squeezed.npy", "B = A.squeeze().transpose(1, 0)")
    says("a.npy", "other.npy", None)
    refused(top, ["compare", folder / "a.npy", folder / "many"], "y (same shape), x, z", "name the file")
    refused(top, ["compare", folder / "many", folder / "a.npy"], "y (same shape), x, z", "name the file")


def test_empty_values_are_refused(top):
    """A shell variable that was not set must not change what is done."""
    for words in (["run", "layer00", "--program", ""], ["run", "layer00", "--variant", ""], ["export", "layer00", "-o", "k", "--program", ""],
                  ["export", "layer00", "-o", "k", "--variant", ""], ["explain", "layer00", "--tensor", ""], ["explain", "layer00", "--point", ""],
                  ["explain", "layer00", "--element", ""], ["compile", "layer00", "--target", ""], ["golden", "layer00", "--dataflow", ""],
                  ["golden", "layer00", "--rounding="], ["run", "layer00", "--program="], ["certify", "layer00", "--program", ""]):
        refused(top, words, words[2].rstrip("=") if words[-1].endswith("=") else words[-2], "expected")
    refused(top, ["run", "layer00", "--variant", "two_step.seqlast.precise.half_even,"], "--variant", "comma")
    expect(not (top / "k").exists(), "a kit is left behind")
    for option in (["--program", "nowhere"], ["--variant", "x"], ["--lanes", "4"], ["--require-golden"], ["--folded"], ["--format", "hex"]):
        refused(top, ["export", "--check", "kit", *option], option[0], "--check")


def test_documents_are_read_strictly(top):
    """Nesting that once took gigabytes; documents that are something else."""
    layer = "layer00"
    for depth in (100, 20000, 3000000):
        (top / "deep.json").write_text('{"layer": "layer00", "a": ' + "[" * depth + "]" * depth + "}")
        refused(top, ["report", layer, "-o", "deep.html", "--certificate", "deep.json"], "deep.json", "nesting", limited=True)
    expect(not (top / "deep.html").exists(), "a page is left behind")
    good = json.loads(run("certify", layer, "--json", cwd=top).stdout)
    for why, change in {"points": {"points": "many"}, "negative": {"points": -1}, "passed": {"passed": "yes"},
                        "differing": {"differing": [1]}, "counts": {"compared": {"a vs b": 1.5}}, "causes": {"causes": {"gpu": 3}}}.items():
        (top / "certificate_bad.json").write_text(json.dumps({**good, "layers": [{**good["layers"][0], **change}]}))
        refused(top, ["report", layer, "-o", "bad.html", "--certificate", "certificate_bad.json"], "certificate_bad.json", list(change)[0])
    (top / "certificate_bad.json").write_bytes(json.dumps(good).encode() + b"\0")
    refused(top, ["report", layer, "-o", "bad.html", "--certificate", "certificate_bad.json"], "NUL")
    bundle = copy_bundle(top / layer, top / "nul")
    (bundle / "layer.json").write_bytes((bundle / "layer.json").read_bytes() + b"\0")
    refused(top, ["run", bundle], "layer.json", "NUL")
    for manifest in ({"format": 5}, {"format": "quasim.kit/1", "files": {}}, {"format": "quasim.kit/1", "files": [{"path": "/etc"}]}):
        kit = top / "kit_manifest"
        shutil.rmtree(kit, ignore_errors=True)
        run("export", layer, "-o", kit, cwd=top)
        (kit / "manifest.json").write_text(json.dumps(manifest))
        done = run("export", "--check", kit, cwd=top)
        expect(done.returncode in (1, 2) and b"manifest.json" in done.stdout + done.stderr and b"json.exception" not in done.stdout,
               f"export --check of {manifest}: exit {done.returncode}: {done.stdout[:200]} {done.stderr[:200]}")


def test_verdict_lines(top):
    for verb in ("outliers", "sweep"):
        lines = [line for line in lines_of(run(verb, "layer00", "layer01", cwd=top).stdout) if line]
        expect(sum(line.startswith("verdict: layer0") for line in lines) == 2 and lines[-1].startswith("verdict: layer01: "),
               f"{verb} ends in {lines[-1]!r}")


def test_help_has_examples_that_work(top):
    done = run("--help", cwd=top)
    expect(all(verb in done.stdout.decode() for verb in VERBS), "quasim --help lists the verbs")
    examples = 0
    for verb in ("export", "bench", "compare", "outliers", "modes", "sweep", "report"):
        text = run(verb, "--help", cwd=top).stdout.decode()
        commands = re.findall(r"^  (quasim .*)$", text.partition("Examples:")[2], re.M)
        expect(len(commands) >= 1, f"{verb} --help has no examples")
        for command in commands if verb != "bench" else []:  # which takes minutes and shows nothing new
            done = run(*command.split()[1:], cwd=top)
            expect(command.split()[1] == verb and done.returncode in (0, 1) and done.stdout,
                   f"{command}: exit {done.returncode}: {done.stderr[:300]!r}")
            examples += 1
    expect(examples >= 15, f"{examples} examples")


def prepare(top):
    """What the examples in the helps speak of."""
    for number, name in enumerate(("layer00", "layer01")):
        bundle = make_bundle(top / name, seed=number, taps=2)
        done = run("golden", bundle, "-o", bundle / "golden" / TWO_STEP, cwd=top)
        assert done.returncode == 0, done.stderr
    golden = top / "layer00" / "golden" / TWO_STEP
    for copy in ("golden.npy", "model.npy", "a.npy", "b.npy", "activations.npy", "output.npy"):
        shutil.copy(golden / "conv1d_output_int8.npy", top / copy)
    shutil.copytree(golden, top / "out")
    np.savez(top / "weights.npz", w=np.load(top / "layer00" / "conv1d_weight.npy"))
    for verb in ("certify", "cosim"):
        name = {"certify": "certificate", "cosim": "cosim"}[verb]
        (top / f"{name}.json").write_bytes(run(verb, "layer00", "--json", cwd=top).stdout)
    run("compile", "layer00", "-o", "program.json", cwd=top)


def main():
    tests = [value for name, value in globals().items() if name.startswith("test_") and (name in sys.argv[2:] or not sys.argv[2:])]
    with tempfile.TemporaryDirectory() as directory:
        top = pathlib.Path(directory)
        prepare(top)
        for test in tests:
            failed, checked = len(checks.failures), checks.count()
            try:
                test(top)
            except Exception as error:  # what a test cannot read is a failure of the command, and the others go on
                expect(False, f"{test.__name__}: {type(error).__name__}: {error}")
            expect(checks.count() > checked, f"{test.__name__}: nothing was checked")
            print(f"{test.__name__}: {'ok' if len(checks.failures) == failed else 'FAILED'}")
    return exit_code(tests=len(tests))


sys.exit(main())
