#!/usr/bin/env python3
"""Whatever was made from another state of a layer is refused by every verb that would use it: exit code 2 and one line that names the
file, what it was made from and what is there now. What does not change a layer's arithmetic changes nothing.

  stale_test.py QUASIM LAYER
"""
import json
import pathlib
import shutil
import sys
import tempfile

import numpy as np

from verbs import GOLDEN, exit_code, expect, layer, passes, refused, run

import bundles  # beside the rooms; verbs has made it found


def answers(what, *arguments):
    done = run(*arguments)
    expect(done.returncode in (0, 1) and "stale" not in done.stderr, f"{what}: {arguments}: exit {done.returncode}: {done.stderr}")


def edit(bundle, **changes):
    file = bundle / "layer.json"
    params = json.loads(file.read_text())
    params.update(changes)
    file.write_text(json.dumps(params))


def flip(name):
    def spoil(bundle):
        data = bytearray((bundle / name).read_bytes())
        data[-3] ^= 1
        (bundle / name).write_bytes(bytes(data))
    return spoil


def main():
    with tempfile.TemporaryDirectory() as folder:
        d = pathlib.Path(folder)
        good = bundles.cut_layer(d / "good", layer, 32, 16)
        params = json.loads((good / "layer.json").read_text())
        program, fused_program, certificate, cosim = d / "program.json", d / "fused.json", d / "certificate.json", d / "cosim.json"
        page, kit = d / "report.html", d / "kit"
        fused = "fused.seqlast.precise.half_away"
        passes("good", "compile", good, "-o", program)
        passes("good", "compile", good, "--target", "golden:" + fused, "-o", fused_program)
        passes("good", "certify", good, "--program", program, "-o", certificate)
        passes("good", "certify", good, "--variant", fused, "--program", fused_program)
        done = run("cosim", good, "--json")
        cosim.write_text(done.stdout)
        expect(done.returncode == 0, f"good cosim: {done.stderr}")
        passes("good", "report", good, "--certificate", certificate, "--cosim", cosim, "-o", page)

        # Verbs that take a step table, and those that take tensors of the golden.
        by_steps = [("compile",), ("certify",), ("explain",), ("compile", "--sweep"), ("run",), ("cosim",), ("bench", "--rounds", "1")]
        by_tensors = [("run", "--program", program), ("cosim", "--program", program), ("golden",), ("outliers",),
                      ("report", "-o", page), ("export", "-o", kit, "--program", program), ("explain", "--element", "0,1,2")]

        def spoilt(name, spoil):
            bundle = d / name
            shutil.copytree(good, bundle)
            spoil(bundle)
            return bundle

        # The layer.json of a golden that was made with other parameters: every verb for one of them, two verbs for the others.
        for key, value in {"output_scale": 2 * params["output_scale"], "input_scale": 0.5, "weight_scale": 0.01, "bias_scale": 0.02,
                           "conv_scale": 0.25, "conv_bits": 9}.items():
            bundle = spoilt("layer_" + key, lambda b, key=key, value=value: edit(b, **{key: value}))
            all_verbs, now = key == "output_scale", "layer.json has " + str(np.float32(value) if isinstance(value, float) else value)
            for verb, *rest in by_steps if all_verbs else by_steps[1:2]:
                refused(key, [bundle / GOLDEN / "steps.npz", "stale", key, now], verb, bundle, *rest)
            for verb, *rest in by_tensors if all_verbs else by_tensors[:1] + by_tensors[2:3]:
                words = [program.name, key] if program in rest else [bundle / GOLDEN, "stale", key, now]
                refused(key, words, verb, bundle, *rest)
            if key.startswith("conv"):
                passes(key + " does not matter in fused", "certify", bundle, "--variant", fused, "--program", fused_program)
            else:
                refused(key, ["steps.npz", "stale", key, now], "certify", bundle, "--variant", fused)
            shutil.rmtree(bundle / "golden")
            for verb, *rest in by_steps[:5] if all_verbs else by_steps[:1]:
                answers(key + ", golden removed", verb, bundle, *rest)
            refused(key, [program.name, key], "certify", bundle, "--program", program)
            if not key.startswith("conv"):
                refused(key, [fused_program.name, "stale", key, now], "certify", bundle, "--variant", fused, "--program", fused_program)
            refused(key, [certificate.name, "stale", key, now], "report", bundle, "--certificate", certificate, "-o", page)
            refused(key, [cosim.name, "stale", key, now], "report", bundle, "--cosim", cosim, "-o", page)
            shutil.rmtree(bundle)

        # The tensors.
        for name in ("conv1d_weight.npy", "conv1d_bias.npy", "conv1d_input.npy"):
            bundle = spoilt("tensor_" + name, flip(name))
            for verb, *rest in by_steps if name != "conv1d_input.npy" else by_steps[4:6]:
                refused(name, [bundle / GOLDEN, "stale", name], verb, bundle, *rest)
            for verb, *rest in by_tensors:
                of_program = program in rest and name != "conv1d_input.npy"
                refused(name, [program.name, name[:12]] if of_program else [bundle / GOLDEN, "stale", name], verb, bundle, *rest)
            if name == "conv1d_input.npy":  # steps are a function of accumulator and bias value
                passes("another input", "compile", bundle)
                passes("another input", "certify", bundle, "--program", program)
            shutil.rmtree(bundle / "golden")
            if name != "conv1d_input.npy":
                for verb in ("run", "cosim", "certify", "explain"):
                    refused(name, [program.name, name], verb, bundle, "--program", program)
                refused(name, [fused_program.name, name], "certify", bundle, "--variant", fused, "--program", fused_program)
                refused(name, [certificate.name, "stale", name], "report", bundle, "--certificate", certificate, "-o", page)
            refused(name, [cosim.name, "stale", name], "report", bundle, "--cosim", cosim, "-o", page)
            shutil.rmtree(bundle)

        # What does not matter: name, source, layout, and what is said that would be so anyway.
        bundle = spoilt("same", lambda b: edit(b, name="another name", source={"by": "hand"}, conv_scale=params["output_scale"],
                                               conv_bits=8, dataflow="two_step"))
        (bundle / "layer.json").write_text(json.dumps(json.loads((bundle / "layer.json").read_text()), indent=7))
        for verb, *rest in by_steps[:6] + by_tensors:
            if verb != "export":
                passes("the same layer", verb, bundle, *rest)
        shutil.rmtree(bundle)

        # A layer that is changed by an option is not the one that was swept.
        done = run("compile", good, "--conv-bits", "9", "--json")
        expect(done.returncode in (0, 1) and json.loads(done.stdout)["layers"][0]["origin"] == "CPU twin", f"--conv-bits 9: {done.stderr}")
        done = run("compile", good, "--conv-bits", "9", "--sweep", "--json")
        expect(done.returncode == 0 and json.loads(done.stdout)["layers"][0]["origin"] == "CPU twin", f"--conv-bits 9 --sweep: {done.stderr}")
        refused("--conv-bits 9", ["conv_bits"], "compile", good, "--conv-bits", "9", "--require-golden")
        nine = d / "nine.json"
        run("compile", good, "--conv-bits", "9", "-o", nine)
        for verb in ("run", "cosim", "certify", "explain"):
            refused("another conv_bits", ["nine.json", "conv_bits"], verb, good, "--program", nine)
        refused("another conv_bits", ["nine.json", "conv_bits"], "export", good, "--program", nine, "-o", kit)

        # A program that was compiled for another sweep, or for another golden than is certified.
        bundle = spoilt("sweep", lambda b: None)
        with np.load(good / GOLDEN / "steps.npz") as steps:
            np.savez(bundle / GOLDEN / "steps.npz", **steps)  # the same steps in other bytes
        refused("another sweep", [program.name, "stale", "steps.npz"], "certify", bundle, "--program", program)
        refused("another sweep", [certificate.name, "stale", "steps.npz"], "report", bundle, "--certificate", certificate, "-o", page)
        shutil.rmtree(bundle)
        other = d / "other.json"
        passes("half_away", "compile", good, "--target", "golden:two_step.seqlast.precise.half_away", "-o", other)
        refused("another golden", ["other.json", "half_away"], "certify", good, "--program", other)
        passes("half_away", "certify", good, "--variant", "two_step.seqlast.precise.half_away", "--program", other)

        # What provenance.json must say, and goldens that cannot be read.
        for name, words, spoil in (
                ("no_provenance", ["steps.npz", "provenance.json", "missing"], lambda b: (b / GOLDEN / "provenance.json").unlink()),
                ("empty", ["provenance.json"], lambda b: (b / GOLDEN / "provenance.json").write_text("")),
                ("array", ["provenance.json"], lambda b: (b / GOLDEN / "provenance.json").write_text("[1]")),
                ("no_hashes", ["steps.npz"], lambda b: (b / GOLDEN / "provenance.json").write_text(
                    json.dumps({"variant": bundles.TWO_STEP, "device": "x"}))),
                ("misnamed", ["provenance.json", "variant"], lambda b: (
                    shutil.rmtree(b / GOLDEN), shutil.copytree(b / "golden" / fused, b / GOLDEN))),
                ("dangling", ["steps.npz"], lambda b: ((b / GOLDEN / "steps.npz").unlink(), (b / GOLDEN / "steps.npz").symlink_to("nowhere"))),
                ("looped", ["steps.npz"], lambda b: ((b / GOLDEN / "steps.npz").unlink(), (b / GOLDEN / "steps.npz").symlink_to("steps.npz")))):
            bundle = spoilt(name, spoil)
            for verb in ("run", "compile", "certify", "explain"):
                refused(name, words, verb, bundle)
            shutil.rmtree(bundle)
        for name, spoil in (("dangling", "nowhere"), ("looped", "conv1d_output_int8.npy")):
            bundle = spoilt(name, lambda b, spoil=spoil: ((b / GOLDEN / "conv1d_output_int8.npy").unlink(),
                                                          (b / GOLDEN / "conv1d_output_int8.npy").symlink_to(spoil)))
            for verb, *rest in by_tensors:
                refused(name, ["conv1d_output_int8.npy"], verb, bundle, *rest)
            shutil.rmtree(bundle)

        # From before parameters were written down: the bytes of layer.json count.
        bundle = spoilt("old", lambda b: None)
        file = bundle / GOLDEN / "provenance.json"
        file.write_text(json.dumps({k: v for k, v in json.loads(file.read_text()).items() if k != "layer_parameters"}))
        passes("an old golden", "certify", bundle)
        edit(bundle, output_scale=0.5)
        refused("an old golden", ["steps.npz", "stale", "layer.json"], "certify", bundle)

        # A golden that is made again speaks for nothing that was there before.
        (bundle / GOLDEN / "steps.npz").rename(d / "steps.npz")
        passes("made again", "golden", bundle, "-o", bundle / GOLDEN)
        passes("made again", "run", bundle)
        (d / "steps.npz").rename(bundle / GOLDEN / "steps.npz")
        refused("a table of another layer", ["steps.npz", "stale"], "golden", bundle, "-o", bundle / GOLDEN)
        beside = spoilt("beside", lambda b: None)
        refused("a table of another device", ["steps.npz", "CPU twin"], "golden", beside, "-o", beside / GOLDEN)
    return exit_code(120)


sys.exit(main())
