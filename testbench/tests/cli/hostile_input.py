#!/usr/bin/env python3
"""Feeds the quasim command broken bundles and programs: the answer is one line on stderr that names the file, and exit code 2.

  hostile_input.py QUASIM VECTORS
"""
import json
import pathlib
import shutil
import struct
import subprocess
import sys
import tempfile

import numpy as np

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
import checks  # noqa: E402
from checks import exit_code, expect  # noqa: E402

quasim, vectors = pathlib.Path(sys.argv[1]).resolve(), pathlib.Path(sys.argv[2]).resolve()


def run(*arguments):
    return subprocess.run([str(quasim), *map(str, arguments)], capture_output=True, text=True, timeout=120, check=False)


def expect_refusal(name, names, *arguments):
    checks.refused(run(*arguments), names, name)


def copy_bundle(directory, name):
    target = pathlib.Path(directory) / name
    shutil.copytree(vectors / "bookmamba/layer01", target)
    return target


def edit_json(bundle, **changes):
    file = bundle / "layer.json"
    layer = json.loads(file.read_text())
    for key, value in changes.items():
        if value is None:
            layer.pop(key, None)
        else:
            layer[key] = value
    file.write_text(json.dumps(layer))


def npy_with_header(text, data=b""):
    header = text.encode() + b"\n"
    header = header[:-1] + b" " * (-(10 + len(header)) % 64) + b"\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header + data


def main():
    with tempfile.TemporaryDirectory() as directory:
        layer01 = vectors / "bookmamba/layer01"
        expect_refusal("bench of two", ("expected one bundle", "2"), "bench", layer01, layer01)
        expect_refusal("a scale that no fp32 holds", ("1e-60", "normal fp32"), "sweep", layer01, "--conv-bits", 8, "--conv-scale", "1e-60", "--output-scale", "layer",
                       "--apply", 1, "-o", pathlib.Path(directory) / "applied")

        def case(name, names, spoil):
            bundle = copy_bundle(directory, name)
            spoil(bundle)
            expect_refusal(name, names, "run", bundle)
            shutil.rmtree(bundle)

        expect_refusal("no bundle", ["nowhere"], "run", pathlib.Path(directory) / "nowhere")
        expect_refusal("a file as bundle", ["layer.json"], "run", vectors / "bookmamba/layer01/layer.json")

        # layer.json
        def text(value):
            return lambda b: (b / "layer.json").write_text(value)

        def raw(key, value):
            def spoil(bundle):
                file = bundle / "layer.json"
                layer = json.loads(file.read_text())
                layer[key] = "@@"
                file.write_text(json.dumps(layer).replace('"@@"', value))
            return spoil

        case("json_missing", ["layer.json"], lambda b: (b / "layer.json").unlink())
        case("json_empty", ["layer.json", "JSON"], text(""))
        case("json_text", ["layer.json", "JSON"], text("not json\n\nat all"))
        case("json_array", ["layer.json", "object"], text("[1, 2]"))
        case("json_truncated", ["layer.json", "JSON"], text('{"format": "quasim.layer/1", "name": "x'))
        case("json_deep", ["layer.json"], text("[" * 100000))
        case("json_duplicate", ["layer.json", "taps", "twice"], text('{"taps": 4, "taps": 3}'))
        case("json_binary", ["layer.json", "JSON"], lambda b: (b / "layer.json").write_bytes(bytes(range(256)) * 16))
        case("format_other", ["layer.json", "format"], lambda b: edit_json(b, format="quasim.layer/3"))
        case("key_unknown", ["layer.json", "conv_scales", "unknown"], lambda b: edit_json(b, conv_scales=1.0))
        for key in ("format", "name", "channels", "taps", "input_scale", "weight_scale", "output_scale"):
            case(f"missing_{key}", ["layer.json", key], lambda b, key=key: edit_json(b, **{key: None}))
        case("missing_bias_scale", ["layer.json", "bias_scale"], lambda b: edit_json(b, bias_scale=None))
        for key in ("input_scale", "weight_scale", "bias_scale", "output_scale", "conv_scale"):
            for value in ("0", "-1.0", "0.0", "-0.0", "1e-60", "1e-40", "1e39", "1e400", "NaN", "Infinity", '"1.0"', "null",
                          "true", "[1.0]"):
                case(f"{key}={value}", ["layer.json"], raw(key, value))
        for value in ("1", "5", "0", "-4", "4.5", '"4"', "99999999999999999999", "null"):
            case(f"taps={value}", ["layer.json"], raw("taps", value))
        for value in ("0", "-1", "1023", "1025", "1e3", "18446744073709551615", "4294968320"):
            case(f"channels={value}", [".json" if value in ("0", "-1", "1e3") else ""], raw("channels", value))
        for value in ("1", "13", "8.0", "-8"):
            case(f"conv_bits={value}", ["layer.json", "conv_bits"], raw("conv_bits", value))
        case("dataflow", ["layer.json", "dataflow"], lambda b: edit_json(b, dataflow="threestep"))
        case("rounding", ["layer.json", "rounding"], lambda b: edit_json(b, rounding="half_up"))

        # tensors
        shapes = {"conv1d_weight.npy": (1024, 4), "conv1d_bias.npy": (1024,), "conv1d_input.npy": (1, 1024, 256)}
        for name, shape in shapes.items():
            good = (vectors / "bookmamba/layer01" / name).read_bytes()

            def content(data, name=name):
                return lambda b: (b / name).write_bytes(data)

            def array(value, name=name):
                return lambda b: np.save(b / name, value)

            def declared(descr, fortran, extents):
                return npy_with_header(f"{{'descr': '{descr}', 'fortran_order': {fortran}, 'shape': {extents}, }}",
                                       bytes(int(np.prod(shape))))

            if name != "conv1d_bias.npy":
                case(f"{name}_missing", [name], lambda b, name=name: (b / name).unlink())
            case(f"{name}_empty", [name], content(b""))
            case(f"{name}_text", [name], content(b"hello world, this is no array\n" * 10))
            case(f"{name}_truncated", [name], content(good[:-1]))
            case(f"{name}_header_only", [name], content(good[:64]))
            case(f"{name}_header_cut", [name], content(good[:40]))
            case(f"{name}_oversized", [name], content(good + b"\x00"))
            case(f"{name}_int16", [name, "int8"], array(np.zeros(shape, np.int16)))
            case(f"{name}_uint8", [name, "int8"], array(np.zeros(shape, np.uint8)))
            case(f"{name}_float", [name, "int8"], array(np.zeros(shape, np.float32)))
            case(f"{name}_big_endian", [name, "dtype"], array(np.zeros(shape, ">i2")))
            case(f"{name}_rank", [name, "axes"], array(np.zeros((*shape, 1), np.int8)))
            case(f"{name}_shape", [name, "shape"], array(np.zeros((*shape[:-1], shape[-1] + 1), np.int8))
                 if name != "conv1d_input.npy" else array(np.zeros((1, 1023, 256), np.int8)))
            case(f"{name}_fortran", [name, "fortran_order"], content(declared("|i1", True, shape)))
            case(f"{name}_huge", [name], content(declared("|i1", False, (2**40, 2**40, 2**40))))
            case(f"{name}_digits", [name], content(declared("|i1", False, "(" + "9" * 30 + ",)")))
            case(f"{name}_negative", [name], content(declared("|i1", False, "(-1,)")))
            case(f"{name}_object", [name], content(declared("|O", False, shape)))
            case(f"{name}_python", [name], content(npy_with_header("__import__('os').system('true')")))
            case(f"{name}_version", [name], content(good[:6] + b"\x09\x00" + good[8:]))
            case(f"{name}_directory", [name], lambda b, name=name: ((b / name).unlink(), (b / name).mkdir()))
        case("input_no_time", ["conv1d_input.npy"], lambda b: np.save(b / "conv1d_input.npy", np.zeros((1, 1024, 0), np.int8)))
        golden = "golden/two_step.seqlast.precise.half_even/conv1d_output_int8.npy"
        case("golden_shape", ["conv1d_output_int8"], lambda b: np.save(b / golden, np.zeros((1, 1024, 255), np.int8)))
        case("golden_truncated", ["conv1d_output_int8"], lambda b: (b / golden).write_bytes((b / golden).read_bytes()[:-7]))

        # usage
        bundle = vectors / "bookmamba/layer01"
        expect_refusal("lanes", ["lanes"], "run", bundle, "--lanes", "5")
        expect_refusal("variant", ["variant"], "run", bundle, "--variant", "two_step.seqlast")
        expect_refusal("device", ["device"], "golden", bundle, "--device", "tpu")
        expect_refusal("order", ["order"], "golden", bundle, "--order", "backwards")
        expect_refusal("fast on a CPU", ["fast"], "golden", bundle, "--math", "fast")
        if shutil.which("nvidia-smi") is None:
            expect_refusal("no GPU", ["CUDA"], "golden", bundle, "--device", "cuda")
        expect_refusal("program", ["nothing.json"], "run", bundle, "--program", "nothing.json")
        for arguments in (["run"], ["nosuchverb"], ["run", bundle, "--stall-in", "2"], ["cosim", bundle, "--seed", "x"], []):
            expect(run(*arguments).returncode == 2, f"usage {arguments}: not exit code 2")

        # layer programs
        program = pathlib.Path(directory) / "program.json"
        expect(run("compile", bundle, "-o", program).returncode == 0, "compile -o failed")
        good = json.loads(program.read_text())

        def program_case(name, names, text):
            program.write_text(text if isinstance(text, str) else json.dumps(text))
            expect_refusal(f"program {name}", ["program.json", *names], "run", bundle, "--program", program)

        program_case("empty", [], "")
        program_case("truncated", [], json.dumps(good)[:2000])
        program_case("unknown key", ["extra"], {**good, "extra": 1})
        program_case("format", ["format"], {**good, "format": "quasim.program/9"})
        for key in ("taps", "weight", "bias_words", "silu_table", "multiplier", "rounding"):
            program_case(f"without {key}", [], {k: v for k, v in good.items() if k != key})
        program_case("short table", ["silu_table"], {**good, "silu_table": good["silu_table"][:-1]})
        program_case("table entry", ["silu_table"], {**good, "silu_table": [300] + good["silu_table"][1:]})
        program_case("short bias", ["bias_words"], {**good, "bias_words": good["bias_words"][1:]})
        program_case("bias width", ["bias_words"], {**good, "bias_words": [1 << 47] + good["bias_words"][1:]})
        program_case("bias float", ["bias_words"], {**good, "bias_words": [0.5] + good["bias_words"][1:]})
        program_case("multiplier width", ["multiplier"], {**good, "multiplier": 1 << 31})
        program_case("multiplier over mult_bits", ["multiplier"], {**good, "mult_bits": 4})
        program_case("shift", ["shift"], {**good, "shift": 48})
        program_case("conv_bits", ["conv_bits"], {**good, "conv_bits": 13})
        program_case("channels", [], {**good, "channels": 1 << 40})
        program_case("no channels", ["weight"], {**good, "channels": 0, "weight": [], "bias_words": []})
        program_case("other weights", ["weight"], {**good, "weight": [-w if w > -128 else w for w in good["weight"]]})

        # differences are exit code 1, and the flipped byte is named
        bundle = copy_bundle(directory, "flipped")
        data = bytearray((bundle / golden).read_bytes())
        data[128 + 256 * 77 + 19] ^= 1
        (bundle / golden).write_bytes(bytes(data))
        for verb in ("run", "cosim"):
            result = run(verb, bundle, "--json")
            report = json.loads(result.stdout)
            found = report["layers"][0]["differences"]
            where = {(d["channel"], d["time"]) for d in found}
            expected = 1 if verb == "run" else 2
            expect(result.returncode == 1 and report["mismatches"] == expected and where == {(77, 19)},
                   f"flipped golden byte, {verb}: exit {result.returncode}, {report['mismatches']} at {where}")
        result = run("golden", bundle)
        expect(result.returncode == 1, f"flipped golden byte, golden: exit {result.returncode}")
    return exit_code(100)


sys.exit(main())
