"""Hostile input to the analysis verbs: one line on stderr and exit 2, or a finding in the report; never a crash, never a file.

usage: hostile_test.py QUASIM VECTORS_DIR
"""
import json
import pathlib
import shutil
import sys
import tempfile

import numpy as np

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
import bundles  # noqa: E402
import checks  # noqa: E402
import commands  # noqa: E402
from checks import exit_code, expect  # noqa: E402


QUASIM = sys.argv[1]


def refused(*arguments, says="", **variables):
    checks.refused(commands.run(QUASIM, *arguments, **variables), [says])


def answered(*arguments, status, says):
    done = commands.run(QUASIM, *arguments)
    expect(done.returncode == status and says in done.stdout,
           f"{' '.join(map(str, done.args))}: exit {done.returncode}, expected {status} and '{says}': {done.stdout[:300]}{done.stderr[:300]}")


def summary(*arguments):
    """Status and sentences of a report."""
    done = commands.run(QUASIM, "report", *arguments, "--json")
    expect(done.returncode == 0, f"report: exit {done.returncode}: {done.stderr[-300:]}")
    return json.loads(done.stdout)["summary"]


def document(path, *arguments):
    """What a verb says as JSON, in a file."""
    path.write_text(commands.run(QUASIM, *arguments, "--json").stdout)
    return path


def reports_of_documents(d, layer):
    """A report says no more than the documents that it was given, and no less than what its own figures show."""
    small = bundles.cut_layer(d / "small", layer, 6, 24)
    other = bundles.cut_layer(d / "other", layer, 4, 24, name="another")
    page = ("-o", d / "document.html")
    certificate, cosim = document(d / "c.json", "certify", small), document(d / "s.json", "cosim", small)
    of_other, run = document(d / "co.json", "certify", other), document(d / "r.json", "run", small)
    good = summary(small, "--certificate", certificate, "--cosim", cosim, *page)
    expect(good["status"] == "good", f"a layer of which everything is right: {good}")

    # Another verb's document, another layer's, and one that says two things.
    refused("report", small, "--cosim", run, *page, says="quasim.cosim/1")
    refused("report", small, "--certificate", cosim, *page, says="quasim.certificate/1")
    refused("report", small, "--certificate", of_other, *page, says="speaks of others")
    whole = json.loads(cosim.read_text())

    def changed(**changes):
        (d / "changed.json").write_text(json.dumps({**whole, "layers": [{**whole["layers"][0], **changes}, *whole["layers"][1:]]}))
        return d / "changed.json"

    refused("report", small, "--cosim", changed(failure="no end"), *page, says="failure")
    refused("report", small, "--cosim", changed(variant="fused.seqlast.precise.half_away"), *page, says="speaks of fused")
    for variant in ("nonsense", 7):
        refused("report", small, "--cosim", changed(variant=variant), *page, says="changed.json: variant")

    # Of several entries the one that found something counts, whatever the order; layers may share a name.
    failed = d / "failed.json"
    failing = json.loads(certificate.read_text())
    failing["layers"][0]["passed"] = False
    failed.write_text(json.dumps(failing))
    for order in ((certificate, failed), (failed, certificate)):
        found = summary(small, *(word for file in order for word in ("--certificate", file)), *page)
        expect(found["status"] == "bad", f"a certificate that did not pass beside one that did: {found}")
    twin = bundles.cut_layer(d / "twin", layer, 5, 24)
    both = document(d / "both.json", "certify", twin, small)
    found = summary(small, "--certificate", both, "--cosim", cosim, *page)
    expect(found["status"] == "good", f"two layers of one name in a certificate: {found}")

    # Figures that must be equal: the model's outputs, and the committed golden beside the twin's.
    commands.run(QUASIM, "run", small, "-o", d / "model")
    expect(summary(small, "--certificate", certificate, "--cosim", cosim, "--model", d / "model", *page)["status"] == "good", "the model's own outputs")
    outputs = np.load(d / "model/conv1d_output_int8.npy")
    outputs[0, 1, 2] ^= 1
    np.save(d / "model/conv1d_output_int8.npy", outputs)
    found = summary(small, "--certificate", certificate, "--cosim", cosim, "--model", d / "model", *page)
    expect(found["status"] == "bad" and "SystemC model and GPU golden differ in 1 of 144 outputs" in found["sentences"][1], f"a model that differs: {found}")

    # A golden that the processor made is called so.
    made = bundles.cut_layer(d / "made", layer, 3, 24, name="made here")
    variant = bundles.TWO_STEP
    commands.run(QUASIM, "golden", made, "-o", made / "golden" / variant)
    done = commands.run(QUASIM, "report", made, *page)
    expect(done.returncode == 0, f"report of a golden of the processor: {done.stderr}")
    text = (d / "document.html").read_text()
    expect("GPU golden" not in text and "CPU twin \\u2212 CPU twin now" in text, "a golden of the processor is called the GPU's")
    (d / "document.html").unlink()


def main():
    layer = pathlib.Path(sys.argv[2]) / "bookmamba" / "layer05"
    with tempfile.TemporaryDirectory() as name:
        d = pathlib.Path(name)
        np.save(d / "small.npy", np.zeros((2, 3), np.int8))
        np.save(d / "other_shape.npy", np.zeros((3, 2), np.int8))
        np.save(d / "empty.npy", np.zeros((0, 4, 5), np.float32))
        np.save(d / "nan.npy", np.full((3, 4), np.nan, np.float32))
        np.save(d / "some_nan.npy", np.array([1, np.nan, np.inf, 3], np.float32))
        np.save(d / "fortran.npy", np.asfortranarray(np.zeros((3, 4), np.float32)))
        np.save(d / "complex.npy", np.zeros(3, np.complex64))
        np.save(d / "double.npy", np.zeros(3, np.float64))
        (d / "text.npy").write_text("this is not a tensor\n" * 10)
        (d / "text.npz").write_text("neither is this\n" * 10)
        (d / "no_bytes.npy").write_bytes(b"")
        (d / "short.npy").write_bytes((d / "small.npy").read_bytes()[:-1])
        (d / "nothing").mkdir()

        # compare
        for bad in ("text.npy", "text.npz", "no_bytes.npy", "short.npy", "fortran.npy", "complex.npy", "missing.npy"):
            refused("compare", d / bad, d / "small.npy", says=bad)
            refused("compare", d / "small.npy", d / bad, says=bad)
        refused("compare", d / "nothing", d / "nothing", says="present in both")
        refused("compare", d / "small.npy", d, says="")  # the directory holds broken files
        answered("compare", d / "small.npy", d / "other_shape.npy", status=1, says="DIFFERENT (shapes)")
        answered("compare", d / "empty.npy", d / "empty.npy", status=1, says="EMPTY")
        answered("compare", d / "nan.npy", d / "nan.npy", status=0, says="12")
        answered("compare", d / "some_nan.npy", d / "some_nan.npy", status=0, says="IDENTICAL (bitwise)")
        refused("compare", d / "small.npy", d / "small.npy", "-o", d / "nothing", says="directory")

        # outliers
        for bad in ("text.npy", "empty.npy", "nan.npy", "double.npy", "missing.npy"):
            refused("outliers", d / bad, says=bad.split(".")[0])
        answered("outliers", d / "some_nan.npy", status=0, says="FINDING: 1 NaN and 1 infinite")
        refused("outliers", d / "nothing", says="nothing")

        # bundles
        for verb in ("modes", "sweep", "report"):
            output = ("-o", d / "report.html") if verb == "report" else ()
            refused(verb, d / "nothing", *output, says="nothing")
            broken = d / ("broken_" + verb)
            shutil.copytree(layer, broken)
            (broken / "conv1d_input.npy").unlink()
            refused(verb, broken, *output, says="conv1d_input.npy")
        wrong = d / "wrong_golden"
        shutil.copytree(layer, wrong)
        np.save(wrong / "golden" / "two_step.seqlast.precise.half_even" / "conv1d_output_int8.npy", np.zeros((1, 2, 3), np.int8))
        for verb in ("outliers", "report"):
            refused(verb, wrong, *(("-o", d / "report.html") if verb == "report" else ()), says="shape")
        for option, value in (("--conv-bits", "8..99"), ("--conv-bits", "x"), ("--conv-scale", "-3"), ("--output-scale", "p0")):
            refused("sweep", layer, option, value, says=value)
        (d / "not.json").write_text("{")
        refused("report", layer, "-o", d / "report.html", "--certificate", d / "not.json", says="not.json")
        reports_of_documents(d, layer)
        refused("report", layer, "-o", d / "report.html", "--chart-js", d / "text.npy", "--model", d / "nothing", says="conv1d_output_int8")
        refused("modes", layer, says="SAVE_INTERMEDIATE_VALUES", SAVE_INTERMEDIATE_VALUES="maybe")
        expect(not (d / "report.html").exists(), "report left a page behind")

        # the environment of the PyTorch flow
        done = commands.run(QUASIM, "modes", layer, SAVE_INTERMEDIATE_VALUES=1, INTERMEDIATE_VALUES_DIR=d / "saved")
        expect(done.returncode == 0, f"modes that saves: exit {done.returncode}: {done.stderr}")
        golden = layer / "golden" / "two_step.seqlast.precise.half_even"
        done = commands.run(QUASIM, "compare", d / "saved" / layer.name, golden, "--json")
        pairs = {t["name"]: t["identical"] for t in json.loads(done.stdout)["tensors"]}
        expect(pairs == {"conv1d_output_int8": True, "conv1d_q": True}, f"saved tensors against the golden: {pairs}")
    return exit_code(40)


if __name__ == "__main__":
    sys.exit(main())
