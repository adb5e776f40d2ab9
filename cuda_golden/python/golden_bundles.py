#!/usr/bin/env python3
"""Remakes the goldens of layer bundles on the GPU.

  golden_bundles.py BUNDLE… [--variant NAME[:TENSOR,…]] [--steps NAME] [--taps-of BUNDLE_NAME] [--check]

Each --variant writes BUNDLE/golden/NAME/ with the named tensors (default conv1d_output_int8) and provenance.json; each
--steps adds steps.npz, swept on the GPU, after checking that the sweep and the kernel agree on the bundle's own input. Of a layer of
several groups the tensors are made in one launch, and each group's steps are its own, in BUNDLE/golden/NAME/GROUP/.
--check writes nothing and compares with what is there: exit 1 when anything differs. docs/golden.md describes the files.
"""
import argparse
import hashlib
import json
import os
import pathlib
import subprocess
import sys
import zipfile

import numpy as np

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import quasim_golden as qg  # noqa: E402

SOURCE_DIRECTORY = pathlib.Path(__file__).resolve().parent.parent


def sha256(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


def source_hashes():
    files = sorted(p for d in ("include", "src") for p in (SOURCE_DIRECTORY / d).rglob("*") if p.is_file())
    return {str(p.relative_to(SOURCE_DIRECTORY)): sha256(p) for p in files}


def driver_version():
    try:
        out = subprocess.run(["nvidia-smi", "--query-gpu=driver_version", "--format=csv,noheader"], capture_output=True,
                             text=True, check=True)
        return out.stdout.split()[0]
    except (OSError, subprocess.CalledProcessError, IndexError):
        return "unknown"


def atomic_write(path, data):
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(path.name + ".tmp")
    try:
        temporary.write_bytes(data)
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def npy_bytes(array):
    import io
    buffer = io.BytesIO()
    np.save(buffer, array)
    return buffer.getvalue()


def npz_bytes(arrays):
    """A deflated .npz whose bytes depend on the arrays alone (fixed time stamps)."""
    import io
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for name, array in arrays.items():
            archive.writestr(zipfile.ZipInfo(name + ".npy", (1980, 1, 1, 0, 0, 0)), npy_bytes(array), zipfile.ZIP_DEFLATED, 9)
    return buffer.getvalue()


SCALES = ("input_scale", "weight_scale", "bias_scale", "conv_scale", "output_scale")


class Group:
    """Channels of a bundle that share their scales, as a layer of their own. name is None where the layer has one group."""

    def __init__(self, bundle, name, meta, channels):
        self.path, self.name, self.meta, self.channels = bundle.path, name, meta, channels
        self.x, self.w = np.ascontiguousarray(bundle.x[:, channels]), np.ascontiguousarray(bundle.w[channels])
        self.b = None if bundle.b is None else np.ascontiguousarray(bundle.b[channels])

    def scales(self):
        """As the fp32 numbers that are used; conv_scale is there even where it equals output_scale."""
        scales = {key: self.meta.get(key) for key in SCALES}
        scales["conv_scale"] = scales["conv_scale"] or self.meta["output_scale"]
        return {key: float(np.float32(value)) for key, value in scales.items() if value is not None}

    def layer_parameters(self):
        """What identifies the layer besides its tensors."""
        return {"channels": len(self.channels), "taps": self.meta["taps"], **self.scales(), **common_parameters(self.meta)}


def common_parameters(meta):
    activation = meta.get("activation", "silu")
    return {"conv_bits": meta.get("conv_bits", 8), **({"activation": activation} if activation != "silu" else {})}


class Bundle:
    def __init__(self, path):
        self.path = pathlib.Path(path)
        self.meta = json.loads((self.path / "layer.json").read_text())
        self.x = np.load(self.path / "conv1d_input.npy")
        self.w = np.load(self.path / "conv1d_weight.npy")
        self.b = np.load(self.path / "conv1d_bias.npy") if qg.has_bias(self.meta) else None
        if self.b is None and os.path.lexists(self.path / "conv1d_bias.npy"):
            raise qg.GoldenError(f"{self.path}: conv1d_bias.npy exists, and layer.json says that there is none")
        self.channel_group = np.zeros(self.w.shape[0], np.uint16)
        if "groups" in self.meta:
            self.channel_group = np.load(self.path / "channel_group.npy")
        named = self.meta.get("groups", [{}])
        self.groups = [Group(self, group.get("name") if len(named) > 1 else None, {**self.meta, **group}, np.flatnonzero(self.channel_group == g))
                       for g, group in enumerate(named)]

    def params(self, variant):
        """The parameters of each group."""
        return [qg.Params.from_layer(group.meta, variant) for group in self.groups]

    def layer_parameters(self):
        """What identifies the layer besides its tensors."""
        if len(self.groups) == 1:
            return self.groups[0].layer_parameters()
        return {"channels": self.meta["channels"], "taps": self.meta["taps"],
                "groups": [{"name": group.name, **group.scales()} for group in self.groups], **common_parameters(self.meta)}

    def hashes(self):
        names = ["layer.json", "conv1d_input.npy", "conv1d_weight.npy"] + (["conv1d_bias.npy"] if self.b is not None else [])
        names += ["channel_group.npy"] if "groups" in self.meta else []
        return {name: sha256(self.path / name) for name in names}


def require_all_remade(bundle, pending):
    """The new provenance.json will speak for all that lies beside it: nothing there may be of another layer."""
    for directory in {file.parent for file in pending}:
        provenance = directory / "provenance.json"
        rest = [f for f in sorted(directory.glob("*.np[yz]")) if f not in pending]
        if not rest or (provenance.exists() and json.loads(provenance.read_text()).get("inputs_sha256") == bundle.hashes()):
            continue
        raise qg.GoldenError(f"{rest[0]}: made from another layer than the bundle holds now, and not asked for; remove it first")


def accumulators(bundle):
    x = np.pad(bundle.x.astype(np.int32), ((0, 0), (0, 0), (bundle.w.shape[1] - 1, 0)))
    length = bundle.x.shape[2]
    return sum(bundle.w[None, :, k, None].astype(np.int32) * x[:, :, k:k + length] for k in range(bundle.w.shape[1]))


def make_steps(golden, bundle, params):
    """(arrays, comparisons): the step arrays, and how many real-data values were compared between sweep and kernel."""
    limit = params.taps * 16384
    q, out = golden.sweep(params)
    arrays = {"acc_min": np.array([-limit], np.int32), "acc_max": np.array([limit], np.int32),
              "bias": np.arange(-128, 128, dtype=np.int16)}
    acc = accumulators(bundle)
    bias = np.zeros(bundle.w.shape[0], np.int64) if bundle.b is None else bundle.b.astype(np.int64)
    rows = np.broadcast_to(bias[None, :, None] + 128, acc.shape)
    compared = 0
    stages = {"out": (out, "conv1d_output_int8")}
    if q is not None:
        stages = {"q": (q, "conv1d_q16"), **stages}
    for stage, (values, tensor) in stages.items():
        kernel = golden.run(params, bundle.x, bundle.w, bundle.b, want=(tensor,))[tensor]
        swept = values[rows, acc + limit]
        if not np.array_equal(swept, kernel):
            raise qg.GoldenError(f"{bundle.path} {params.variant}: sweep and kernel differ in {np.count_nonzero(swept != kernel)} values of {tensor}")
        compared += kernel.size
        first, offset, step_acc, step_value = qg.steps_of(values, -limit)
        if not np.array_equal(qg.expand_steps(first, offset, step_acc, step_value, -limit, limit), values):
            raise qg.GoldenError(f"{bundle.path} {params.variant}: the step form of {stage} does not expand to the sweep")
        compared += values.size
        arrays.update({f"{stage}_first": first, f"{stage}_offset": offset, f"{stage}_acc": step_acc, f"{stage}_value": step_value})
    return arrays, compared


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("bundles", nargs="+", type=pathlib.Path)
    parser.add_argument("--library", dest="shared_object", type=pathlib.Path)
    parser.add_argument("--variant", action="append", default=[], metavar="NAME[:TENSOR,…]")
    parser.add_argument("--steps", action="append", default=[], metavar="NAME")
    parser.add_argument("--taps-of", default="", metavar="NAME", help="bundle directory name that also gets the fp32 tensors")
    parser.add_argument("--check", action="store_true")
    options = parser.parse_args()
    golden = qg.Golden(options.shared_object)
    machine = {**golden.provenance(), "driver": driver_version(), "kernel_sources_sha256": source_hashes()}
    differing = compared = 0
    for path in options.bundles:
        bundle = Bundle(path)
        pending = {}  # path -> bytes

        def provenance_bytes(variant, hashes=bundle.hashes(), parameters=bundle.layer_parameters()):
            return (json.dumps({"variant": variant, "inputs_sha256": hashes, "layer_parameters": parameters, **machine}, indent=1) + "\n").encode()

        for spec in options.variant:
            name, _, names = spec.partition(":")
            tensors = names.split(",") if names else ["conv1d_output_int8"]
            of_groups = bundle.params(name)
            params = of_groups[0]
            if options.taps_of == path.name and params.math == "precise":
                tensors += ["conv1d_raw", "silu_raw"] + (["conv1d_int8simulated"] if params.dataflow == "two_step" else [])
            results = golden.run_groups(of_groups, bundle.channel_group, bundle.x, bundle.w, bundle.b, want=tuple(tensors))
            directory = path / "golden" / name
            for tensor, value in results.items():
                pending[directory / f"{tensor}.npy"] = npy_bytes(value)
                compared += value.size
            pending[directory / "provenance.json"] = provenance_bytes(name)
        for name in options.steps:
            for group, params in zip(bundle.groups, bundle.params(name)):
                arrays, checked = make_steps(golden, group, params)
                compared += checked
                directory = path / "golden" / name / (group.name or "")
                pending[directory / "steps.npz"] = npz_bytes(arrays)
                pending[directory / "provenance.json"] = provenance_bytes(name, parameters=group.layer_parameters())
                print(f"{directory}: {len(arrays['out_acc'])} steps of out, sweep = kernel and expansion = sweep in {checked} values",
                      file=sys.stderr)
        # A provenance stands for the files beside it: it goes before they change and comes back after.
        is_provenance = {file: file.name == "provenance.json" for file in pending}
        if not options.check:
            require_all_remade(bundle, pending)
            for file in pending:
                if is_provenance[file]:
                    file.unlink(missing_ok=True)
        for file, data in sorted(pending.items(), key=lambda item: is_provenance[item[0]]):
            if not options.check:
                atomic_write(file, data)
            elif file.name != "provenance.json" and (not file.exists() or file.read_bytes() != data):
                print(f"{file}: differs", file=sys.stderr)
                differing += 1
        print(f"{path}: {len(pending)} files {'checked' if options.check else 'written'}", file=sys.stderr)
    print(json.dumps({"bundles": len(options.bundles), "values": compared, "differing_files": differing}))
    return 1 if differing or not compared else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except (qg.GoldenError, OSError, ValueError) as error:
        sys.exit(f"golden_bundles.py: {error}")
