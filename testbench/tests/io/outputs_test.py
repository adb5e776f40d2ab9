#!/usr/bin/env python3
"""Where outputs of the quasim command may go, and what happens where they cannot.

  outputs_test.py GROUP QUASIM VECTORS

places    devices, FIFOs, sockets, links, standard output, empty names, directories, for every verb that has -o
inputs    an output that the command reads is refused, by whatever name; two outputs of one name are refused
absent    files that are there and cannot be read are errors and never "there is none"
streams   standard output that is full, closed, or a pipe that nobody reads
signals   SIGINT, SIGTERM, SIGHUP: nothing temporary stays; leftovers of killed runs go with the next run; live ones stay
disk      a full disk: a small file system where that can be mounted, a limit of the file size everywhere; the waveform
shrinking inputs that become shorter while they are read
bytes     paths that are not UTF-8
"""
import contextlib
import json
import os
import pathlib
import pwd
import resource
import shutil
import signal
import socket
import stat
import subprocess
import sys
import tempfile
import threading
import time

import numpy as np

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
import checks  # noqa: E402
from checks import exit_code, expect  # noqa: E402

GROUP, QUASIM, VECTORS = sys.argv[1], pathlib.Path(sys.argv[2]).resolve(), pathlib.Path(sys.argv[3]).resolve()
VARIANT = "two_step.seqlast.precise.half_even"


def run(*arguments, **options):
    options.setdefault("stdout", subprocess.PIPE)
    return subprocess.run([str(options.pop("program", QUASIM)), *map(str, arguments)], stderr=subprocess.PIPE, text=options.pop("text", True), timeout=120,
                          check=False, **options)


def refused(name, done, *words):
    checks.refused(done, words, name)
    expect(done.stderr.startswith("quasim: "), f"{name}: the line does not begin with the program's name: {done.stderr[:300]!r}")


def cut_layer(target, layer="layer01", channels=4, steps=6, golden=True):
    source = VECTORS / "bookmamba" / layer
    target.mkdir(parents=True)
    params = {**json.loads((source / "layer.json").read_text()), "channels": channels}
    (target / "layer.json").write_text(json.dumps(params))
    for name, cut in (("weight", np.s_[:channels]), ("bias", np.s_[:channels]), ("input", np.s_[:, :channels, :steps])):
        np.save(target / f"conv1d_{name}.npy", np.load(source / f"conv1d_{name}.npy")[cut].copy())
    if golden:
        done = run("golden", target, "-o", target / "golden" / VARIANT)
        assert done.returncode == 0, done.stderr
    return target


def temporaries(root):
    return [str(p) for p in pathlib.Path(root).rglob("*") if ".tmp.quasim-" in p.name or ".old.quasim-" in p.name]


def file_verbs(d, layer):
    """Verbs whose -o is a file."""
    tensor = layer / "conv1d_input.npy"
    return {"certify": ("certify", layer), "compile": ("compile", layer), "report": ("report", layer), "sweep": ("sweep", layer),
            "compare": ("compare", tensor, tensor), "outliers": ("outliers", tensor), "modes": ("modes", layer)}


def directory_verbs(layer):
    return {"golden": ("golden", layer), "run": ("run", layer),
            "export": ("export", layer, "--format", "hex", "--stages", "x", "--no-directed")}


def test_places(d):
    layer = cut_layer(d / "layer")
    for verb, command in file_verbs(d, layer).items():
        plain = run(*command, "-o", d / verb)
        expect(plain.returncode == 0 and (d / verb).stat().st_size > 0, f"{verb} -o FILE: exit {plain.returncode}: {plain.stderr}")
        # a character device is written through
        done = run(*command, "-o", "/dev/null")
        expect(done.returncode == 0 and stat.S_ISCHR(os.stat("/dev/null").st_mode), f"{verb} -o /dev/null: exit {done.returncode}: {done.stderr}")
        refused(f"{verb} -o /dev/full", run(*command, "-o", "/dev/full"), "/dev/full", "No space left")
        # a FIFO too
        fifo, got = d / f"{verb}.fifo", []
        os.mkfifo(fifo)
        reader = threading.Thread(target=lambda: got.append(fifo.read_bytes()))
        reader.start()
        done = run(*command, "-o", fifo)
        if done.returncode != 0:
            os.close(os.open(fifo, os.O_WRONLY | os.O_NONBLOCK))
        reader.join()
        expect(done.returncode == 0 and got and got[0] and stat.S_ISFIFO(fifo.stat().st_mode), f"{verb} -o FIFO: exit {done.returncode}: {done.stderr}")
        # a socket is no place
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(str(d / f"{verb}.socket"))
            refused(f"{verb} -o SOCKET", run(*command, "-o", d / f"{verb}.socket"), "socket")
            expect(stat.S_ISSOCK((d / f"{verb}.socket").lstat().st_mode), f"{verb}: the socket is gone")
        # links are followed and stay
        (d / f"{verb}.real").write_text("old")
        (d / f"{verb}.link").symlink_to(f"{verb}.real")
        (d / f"{verb}.link2").symlink_to(d / f"{verb}.link")
        (d / f"{verb}.dangling").symlink_to(f"{verb}.later")
        (d / f"{verb}.loop").symlink_to(f"{verb}.loop")
        done = run(*command, "-o", d / f"{verb}.link2")
        expect(done.returncode == 0 and (d / f"{verb}.link2").is_symlink() and (d / f"{verb}.link").is_symlink() and
               (d / f"{verb}.real").read_text() != "old", f"{verb} -o LINK: exit {done.returncode}: {done.stderr}")
        done = run(*command, "-o", d / f"{verb}.dangling")
        expect(done.returncode == 0 and (d / f"{verb}.dangling").is_symlink() and (d / f"{verb}.later").is_file(),
               f"{verb} -o DANGLING: exit {done.returncode}: {done.stderr}")
        refused(f"{verb} -o LOOP", run(*command, "-o", d / f"{verb}.loop"), "loop")
        # standard output, by its sign and by its names
        dash = run(*command, "-o", "-")
        expect(dash.returncode == 0 and dash.stdout and not (layer.parent / "-").exists() and not pathlib.Path("-").exists(), f"{verb} -o -: exit {dash.returncode}: {dash.stderr}")
        if verb in ("compile", "report"):
            refused(f"{verb} -o - --json", run(*command, "-o", "-", "--json"), "--json")
        if verb in ("certify", "compile"):
            json.loads(dash.stdout)  # the document alone; the table is on stderr
            expect("layer" in dash.stderr, f"{verb} -o -: no table on stderr")
        if verb == "report":
            expect(dash.stdout.lower().startswith("<!doctype html>") and dash.stdout.rstrip().endswith("</html>"), "report -o -: not the page alone")
        named = run(*command, "-o", "/dev/stdout")
        # a certificate says how long it took
        expect(named.returncode == 0 and (verb == "certify" or len(named.stdout) == len(dash.stdout)), f"{verb} -o /dev/stdout: exit {named.returncode}: {named.stderr}")
        with open(d / f"{verb}.stdout", "wb") as file:
            done = run(*command, "-o", d / f"{verb}.stdout", stdout=file)
        expect(done.returncode == 0 and (d / f"{verb}.stdout").stat().st_size > 0, f"{verb} -o what stdout is: exit {done.returncode}")
        # what cannot be a file is said before the work
        refused(f"{verb} -o ''", run(*command, "-o", ""), "output", "empty")
        (d / f"{verb}.dir").mkdir()
        refused(f"{verb} -o DIRECTORY", run(*command, "-o", d / f"{verb}.dir"), "is a directory")
        refused(f"{verb} -o FILE/x", run(*command, "-o", d / verb / "x"), "Not a directory")
        refused(f"{verb} -o x/", run(*command, "-o", str(d / "nowhere") + "/"), "nowhere")
        expect(not (d / "nowhere").exists(), f"{verb}: made a directory for nothing")
        # permissions of a file that is replaced stay; a new one gets what the caller's mask leaves
        (d / f"{verb}.real").chmod(0o640)
        run(*command, "-o", d / f"{verb}.real")
        expect(stat.S_IMODE((d / f"{verb}.real").stat().st_mode) == 0o640, f"{verb}: the permissions of a replaced file changed")
        run(*command, "-o", d / f"{verb}.masked", preexec_fn=lambda: os.umask(0o077))
        expect(stat.S_IMODE((d / f"{verb}.masked").stat().st_mode) == 0o600, f"{verb}: a new file ignores the mask")
    for verb, command in directory_verbs(layer).items():
        refused(f"{verb} -o ''", run(*command, "-o", ""), "output")
        refused(f"{verb} -o -", run(*command, "-o", "-"), "output")
        refused(f"{verb} -o /dev/null", run(*command, "-o", "/dev/null"), "/dev/null", "directory")
        refused(f"{verb} -o FILE", run(*command, "-o", d / "certify"), "directory")
        done = run(*command, "-o", str(d / f"{verb}.tree/deep") + "/")
        expect(done.returncode == 0 and any((d / f"{verb}.tree/deep").iterdir()), f"{verb} -o x/: exit {done.returncode}: {done.stderr}")
        (d / f"{verb}.link").symlink_to(f"{verb}.tree/deep")
        done = run(*command, "-o", d / f"{verb}.link")
        if verb == "export":
            expect(done.returncode == 2, "export replaced what a link leads to")
        else:
            expect(done.returncode == 0 and (d / f"{verb}.link").is_symlink(), f"{verb} -o LINK: exit {done.returncode}: {done.stderr}")
        # into the directory that the caller stands in: it stays that directory
        stand = d / f"{verb}.stand"
        stand.mkdir()
        inode = stand.stat().st_ino
        done = run(*command, "-o", ".", cwd=stand)
        expect(stand.stat().st_ino == inode, f"{verb} -o .: another directory stands there")
        if verb == "export":
            refused("export -o .", done, "not a kit")
            expect(not any(stand.iterdir()), "export -o .: left something in a directory that is no kit")
        else:
            expect(done.returncode == 0 and any(stand.iterdir()), f"{verb} -o .: exit {done.returncode}: {done.stderr}")
    # a directory with files of others keeps them, and its identity
    mine = d / "mine"
    (mine / "sub").mkdir(parents=True)
    (mine / "thesis.txt").write_text("years")
    (mine / "conv1d_q.npy").write_bytes(b"old")
    inode = mine.stat().st_ino
    done = run("golden", layer, "-o", mine)
    expect(done.returncode == 0 and (mine / "thesis.txt").read_text() == "years" and (mine / "sub").is_dir() and mine.stat().st_ino == inode and
           (mine / "provenance.json").exists() and (mine / "conv1d_q.npy").read_bytes() != b"old", f"golden into a directory of others: {done.stderr}")
    # a sweep beside the tensors stays, the same file, while the directory around it is replaced
    swept = d / "swept"
    expect(run("golden", layer, "-o", swept).returncode == 0, "golden -o")
    (swept / "steps.npz").write_bytes(b"a sweep")
    provenance = json.loads((swept / "provenance.json").read_text())  # as a GPU writes it: of tensors and sweep alike
    (swept / "provenance.json").write_text(json.dumps({**provenance, "files": [*provenance["files"], "steps.npz"]}))
    inodes = [(swept / "steps.npz").stat().st_ino, swept.stat().st_ino]
    done = run("golden", layer, "-o", swept)
    expect(done.returncode == 0 and (swept / "steps.npz").read_bytes() == b"a sweep" and (swept / "steps.npz").stat().st_ino == inodes[0] and
           swept.stat().st_ino != inodes[1], f"golden beside a sweep: exit {done.returncode}: {done.stderr}")
    (d / "trap/conv1d_q.npy").mkdir(parents=True)
    refused("golden over a directory", run("golden", layer, "-o", d / "trap"), "conv1d_q.npy")
    for name, words in (("", ["--trace", "empty"]), ("-", ["output"]), ("/dev/null", ["/dev/null"]), (d, ["directory"]), (d / "certify.fifo", ["fifo"]),
                        (layer / "layer.json", ["layer.json", "read"])):
        refused(f"cosim --trace {name}", run("cosim", layer, "--trace", name), *words)
    done = run("cosim", layer, "--trace", d / "waves.fst")
    expect(done.returncode == 0 and (d / "waves.fst").stat().st_size > 329, f"cosim --trace: exit {done.returncode}: {done.stderr}")
    expect(temporaries(d) == [], f"left: {temporaries(d)}")
    places_of_applied(d)


APPLY = ("--conv-bits", "8", "--apply", "1", "-o")


def with_floats(layer):
    (layer / "float").mkdir()
    for name in ("weight", "input"):
        np.save(layer / "float" / f"conv1d_{name}.npy", np.load(layer / f"conv1d_{name}.npy").astype(np.float32))
    return layer


def is_applied(path):
    files = {"layer.json", "conv1d_weight.npy", "conv1d_bias.npy", "conv1d_input.npy", "float/conv1d_weight.npy", "float/conv1d_input.npy"}
    return set(tree(path)) == files


def places_of_applied(d):
    """sweep --apply writes a bundle, folders and all, where nothing was before."""
    layer = with_floats(cut_layer(d / "floats"))
    command = ("sweep", layer, *APPLY)
    before = tree(layer)
    for name, target, words in (("an empty name", "", ["-o", "empty"]), ("-", "-", ["--apply", "-o"]), ("a device", "/dev/null", ["/dev/null", "not a directory"]),
                                ("a FIFO", d / "sweep.fifo", ["sweep.fifo", "not a directory"]), ("a file", d / "certify", ["certify", "not a directory"]),
                                ("below a file", d / "certify/x", ["certify", "Not a directory"]), ("a loop", d / "sweep.loop", ["loop"]),
                                ("a directory that holds something", d / "mine", ["mine", "new or an empty directory"]),
                                ("the bundle", layer, ["empty directory"]), ("a folder of the bundle", layer / "golden/other", ["is inside of what this command reads"]),
                                ("a new folder of it", layer / "x/y", ["is inside of what this command reads"])):
        refused(f"sweep --apply, {name}", run(*command, target), *words)
        expect(tree(layer) == before and not (layer / "x").exists(), f"sweep --apply, {name}: the bundle changed")
    refused("sweep --apply, inside of the bundle, by cwd", run("sweep", ".", *APPLY, "new", cwd=layer), "is inside of what this command reads")
    for name, target in (("new", "ap.tree/deep/"), ("with a point", "ap.point/."), ("empty", "ap.empty"), ("link", "ap.link"), ("dangling", "ap.dangling")):
        if name == "empty":
            (d / target).mkdir(0o700)
        if name in ("link", "dangling"):
            (d / target).symlink_to(f"{target}.to")
        if name == "link":
            (d / f"{target}.to").mkdir()
        done = run(*command, f"{d}/{target}")
        expect(done.returncode == 0 and is_applied(d / target), f"sweep --apply, {name}: exit {done.returncode}: {done.stderr}")
        expect((d / target).is_symlink() == (name in ("link", "dangling")), f"sweep --apply, {name}: the link did not stay")
        refused(f"sweep --apply again, {name}", run(*command, f"{d}/{target}"), "empty directory")
    expect(stat.S_IMODE((d / "ap.empty").stat().st_mode) == 0o700, "sweep --apply: the permissions of an empty directory changed")
    (d / "ap.stand").mkdir()
    inode = (d / "ap.stand").stat().st_ino
    done = run(*command, ".", cwd=d / "ap.stand")
    expect(done.returncode == 0 and is_applied(d / "ap.stand") and (d / "ap.stand").stat().st_ino == inode, f"sweep --apply -o .: exit {done.returncode}: {done.stderr}")
    # several at a time into one place, rows of different widths: one is there, whole, and the others say so
    for place, cwd in ((d / "ap.race", d), (".", d / "ap.stood")):
        cwd.mkdir(exist_ok=True)
        running = [subprocess.Popen([str(QUASIM), "sweep", str(layer), "--conv-bits", str(bits), "--apply", "1", "-o", str(place)], cwd=cwd, text=True,
                                    stdout=subprocess.PIPE, stderr=subprocess.PIPE) for bits in (8, 9, 10, 11)]
        ends = [(process.communicate(), process.returncode) for process in running]
        winners = [8 + i for i, (_, code) in enumerate(ends) if code == 0]
        made = cwd if place == "." else place
        width = json.loads((made / "layer.json").read_text()).get("conv_bits", 8) if (made / "layer.json").exists() else None
        expect(winners == [width] and is_applied(made), f"sweep --apply of four into {place}: {winners} ended well, {width} is there: {ends}")
        expect(all(code == 0 or (code == 2 and len(error.splitlines()) == 1) for (_, error), code in ends), f"sweep --apply of four: {ends}")
    expect(temporaries(d) == [], f"sweep --apply left: {temporaries(d)}")


def tree(root):
    return {str(p.relative_to(root)): p.read_bytes() for p in sorted(root.rglob("*")) if p.is_file()}


def test_inputs(d):
    layer, other = with_floats(cut_layer(d / "a/layer")), cut_layer(d / "b/layer", "layer03")
    program = d / "program.json"
    run("compile", layer, "-o", program)
    np.save(d / "t.npy", np.zeros((2, 3), np.int8))
    os.link(d / "t.npy", d / "hard.npy")
    (d / "soft.npy").symlink_to("t.npy")
    certificate = d / "c.json"
    run("certify", layer, "-o", certificate)
    run("certify", layer, "-o", layer / "golden/certificate.json")
    before = tree(d)
    golden = layer / "golden" / VARIANT
    cases = [("compare", d / "t.npy", d / "t.npy", "-o", d / "t.npy"), ("compare", d / "t.npy", d / "hard.npy", "-o", d / "a/../hard.npy"),
             ("compare", d / "t.npy", d / "t.npy", "-o", d / "soft.npy"), ("compare", layer, layer, "-o", golden / "conv1d_q.npy"),
             ("outliers", d / "t.npy", "-o", d / "t.npy"), ("outliers", layer, "-o", layer / "layer.json"),
             ("certify", layer, "-o", layer / "conv1d_weight.npy"), ("certify", layer, "--program", program, "-o", program),
             ("certify", layer, other, "-o", other / "layer.json"),
             ("report", layer, "-o", layer / "conv1d_bias.npy"), ("report", layer, "--certificate", certificate, "-o", certificate),
             ("report", layer, "-o", layer / "golden/certificate.json"), ("report", layer, "-o", golden / "provenance.json"),
             ("report", layer, "--model", golden, "-o", golden / "conv1d_output_int8.npy"),
             ("sweep", layer, "-o", layer / "layer.json"), ("sweep", layer, "-o", layer / "float/conv1d_weight.npy"),
             ("report", layer, "-o", layer / "float/conv1d_input.npy"), ("modes", layer, "-o", layer / "conv1d_input.npy"),
             ("cosim", layer, "--program", program, "--trace", program), ("run", layer, "-o", golden),
             ("golden", layer, "--dataflow", "fused", "-o", golden)]
    cases += [("compile", layer, "-o", layer / name) for name in ("layer.json", "conv1d_weight.npy", "conv1d_input.npy")]
    for case in cases:
        if case[0] == "golden":
            continue
        refused(" ".join(map(str, case)), run(*case), "read")
        expect(tree(d) == before, f"{case}: a file changed")
    refused("golden of another variant", run(*cases[[c[0] for c in cases].index("golden")]), "read")
    expect(tree(d) == before, "golden: a file of another variant changed")
    expect(run("golden", layer, "-o", golden).returncode == 0, "golden may not remake its own golden")
    expect(run("certify", layer, "-o", layer / "golden/certificate.json").returncode == 0, "a certificate may not be made again")
    expect(run("compile", layer, "-o", layer / "program.json").returncode == 0 and run("compile", layer, "-o", layer / "program.json").returncode == 0,
           "a program may not be made again")
    kit = d / "kit"
    quick = ("--format", "hex", "--stages", "x", "--no-directed")
    expect(run("export", layer, "-o", kit, *quick).returncode == 0, "export")
    before = tree(kit)
    refused("export over its program", run("export", layer, "--program", kit / "program/program.json", "-o", kit, *quick), "read")
    expect(tree(kit) == before, "export: the kit changed")
    # one name twice
    (d / "same").symlink_to("a/layer")
    for verb, extra in (("golden", ()), ("run", ()), ("compile", ())):
        out = d / f"two.{verb}"
        for first, second in ((layer, other), (str(layer) + "/", str(other) + "//"), (layer / "../layer", other), (layer, layer)):
            refused(f"{verb} of two layers of one name", run(verb, first, second, "-o", out, *extra), "layer", str(out))
            expect(not out.exists(), f"{verb}: {out} was made")
        done = run(verb, d / "same/.", other / "../layer/.", "-o", out)
        expect(done.returncode == 0 and {p.name.removesuffix(".json") for p in out.iterdir()} == {"same", "layer"},
               f"{verb} of two layers: exit {done.returncode}: {done.stderr}")
    environment = {**os.environ, "SAVE_INTERMEDIATE_VALUES": "1", "INTERMEDIATE_VALUES_DIR": str(d / "saved")}
    refused("modes of two layers of one name", run("modes", layer, other, env=environment), "layer")
    expect(not (d / "saved").exists(), "modes saved one of two layers of one name")
    done = run("golden", "..", "-o", d / "outside/in", cwd=layer / "golden")
    expect(done.returncode == 0 and (d / "outside/in/provenance.json").exists(), f"golden ..: {done.stderr}")
    done = run("golden", "..", d / "same", "-o", d / "outside/two", cwd=layer / "golden")
    expect(done.returncode == 0 and {p.name for p in (d / "outside/two").iterdir()} == {"layer", "same"} and
           {p.name for p in (d / "outside").iterdir()} == {"in", "two"}, f"golden .. of two: {done.stderr}")
    refused("a bundle without a name", run("golden", "/", layer, "-o", d / "outside/three"), "/")


def as_nobody():
    """Root reads everything; an ordinary user does not."""
    if os.geteuid() == 0:
        nobody = pwd.getpwnam("nobody")
        os.setgroups([])
        os.setgid(nobody.pw_gid)
        os.setuid(nobody.pw_uid)


def test_absent(d):
    d.chmod(0o755)
    verbs = (("certify",), ("explain",), ("compile",), ("report", "-o", "/dev/null"), ("outliers",), ("run",), ("golden",), ("modes",), ("sweep",), ("cosim",),
             ("export", "-o", d / "kit", "--format", "hex", "--stages", "x", "--no-directed"))

    def spoilt(name, spoil):
        layer = d / name
        shutil.copytree(good, layer)
        spoil(layer)
        return layer

    def edit(layer, **changes):
        params = json.loads((layer / "layer.json").read_text())
        params.update(changes)
        (layer / "layer.json").write_text(json.dumps({k: v for k, v in params.items() if v is not None}))

    def relink(path, to):
        path.unlink(missing_ok=True)
        path.symlink_to(to)

    def pipe(path):
        path.unlink()
        os.mkfifo(path)

    good = cut_layer(d / "good", golden=False)
    bias = "conv1d_bias.npy"
    cases = {"missing": (lambda b: (b / bias).unlink(), [bias, "missing"]),
             "dangling": (lambda b: relink(b / bias, "nowhere"), [bias, "nowhere"]),
             "dangling, said not to be": (lambda b: (edit(b, bias=False), relink(b / bias, "nowhere")), [bias]),
             "looped": (lambda b: relink(b / bias, bias), [bias]),
             "said to be and missing": (lambda b: (edit(b, bias=True), (b / bias).unlink()), [bias, "missing"]),
             "said to be, without scale": (lambda b: edit(b, bias=True, bias_scale=None), ["layer.json", "bias_scale"]),
             "said not to be": (lambda b: edit(b, bias=False), ["layer.json", "bias"]),
             "a word": (lambda b: edit(b, bias="no"), ["layer.json", "bias"]),
             "that waits for a writer": (lambda b: pipe(b / bias), [bias, "regular file"]),
             "that waits for a writer: input": (lambda b: pipe(b / "conv1d_input.npy"), ["conv1d_input.npy", "regular file"]),
             "that waits for a writer: layer": (lambda b: pipe(b / "layer.json"), ["layer.json", "regular file"]),
             "dangling input": (lambda b: relink(b / "conv1d_input.npy", "nowhere"), ["conv1d_input.npy"])}
    for name, (spoil, words) in cases.items():
        layer = spoilt(name, spoil)
        for verb in verbs:
            if verb[0] == "export" and name == "dangling input":
                continue
            refused(f"bias {name}: {verb[0]}", run(verb[0], layer, *verb[1:]), *words)
    # what has no bias and says so is read, and so is an older layer.json that has no bias_scale
    for name, spoil in {"none": lambda b: (edit(b, bias=False), (b / bias).unlink()),
                        "none, no scale": lambda b: (edit(b, bias=False, bias_scale=None), (b / bias).unlink()),
                        "none, older": lambda b: (edit(b, bias_scale=None), (b / bias).unlink())}.items():
        layer = spoilt(name, spoil)
        for verb in (("certify",), ("compile",), ("golden", "-o", d / "out"), ("outliers",)):
            done = run(verb[0], layer, *verb[1:])
            expect(done.returncode == 0, f"bias {name}: {verb[0]}: exit {done.returncode}: {done.stderr}")
    # goldens
    layer = cut_layer(d / "with golden")
    golden = layer / "golden" / VARIANT
    for file, verbs_of_file in (("conv1d_output_int8.npy", ("run", "cosim", "golden", "outliers", "report", "export")), ("steps.npz", ("certify", "compile", "run"))):
        for how, to in (("dangling", "nowhere"), ("looped", file)):
            saved = (golden / file).read_bytes() if (golden / file).exists() else None
            relink(golden / file, to)
            for verb in verbs_of_file:
                extra = {"report": ("-o", "/dev/null"), "export": ("-o", d / "kit", "--no-directed")}.get(verb, ())
                refused(f"{how} {file}: {verb}", run(verb, layer, *extra), file)
            (golden / file).unlink()
            if saved:
                (golden / file).write_bytes(saved)
    shutil.copytree(good, d / "locked")
    program = shutil.copy(QUASIM, d / "quasim")  # an ordinary user may not reach the build, below root's home for one
    for name in (bias, "conv1d_input.npy", "layer.json"):
        (d / "locked" / name).chmod(0)
        refused(f"unreadable {name}", run("compile", d / "locked", program=program, preexec_fn=as_nobody), name, "Permission denied")
        (d / "locked" / name).chmod(0o644)
    golden.chmod(0)
    refused("an unreadable golden", run("run", layer, program=program, preexec_fn=as_nobody), VARIANT, "Permission denied")
    golden.chmod(0o755)


def test_streams(d):
    layer = cut_layer(d / "layer")
    tensor = layer / "conv1d_input.npy"
    run("export", layer, "-o", d / "kit", "--format", "hex", "--stages", "x", "--no-directed")
    commands = [*file_verbs(d, layer).values(), ("golden", layer), ("run", layer), ("cosim", layer), ("explain", layer), ("export", "--check", d / "kit"),
                ("export", layer, "-o", d / "kit2", "--format", "hex", "--stages", "x", "--no-directed"), ("compile", layer, "--sweep"),
                ("--help",), ("--version",), ("run", "--help"), ("compare", tensor, tensor, "-o", "-")]
    for command in [*commands, *((*c, "--json") for c in commands[:11] if c[0] != "report")]:
        name = " ".join(map(str, command))
        command = (*command, "-o", d / "page.html") if command[0] == "report" else command
        with open("/dev/full", "wb") as full:
            refused(f"{name} > /dev/full", run(*command, stdout=full), "standard output", "No space left")
        read, write = os.pipe()
        os.close(read)
        refused(f"{name} | nobody", run(*command, stdout=write), "standard output", "Broken pipe")
        os.close(write)
        refused(f"{name} >&-", run(*command, stdout=None, preexec_fn=lambda: os.close(1)), "standard output")
        expect(subprocess.run([QUASIM, *map(str, command)], stdout=subprocess.DEVNULL, preexec_fn=lambda: (os.close(0), os.close(2)), check=False).returncode == 0,
               f"{name}: fails without stdin and stderr")
    refused("bad input and full stdout", run("run", d / "nowhere", stdout=open("/dev/full", "wb")), "nowhere")


def wait_for(condition, seconds=60):
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(0.005)
    return True


def test_signals(d):
    layer = VECTORS / "bookmamba/layer01"
    command = [str(QUASIM), "export", str(layer), "-o", str(d / "kit")]
    traced = [str(QUASIM), "cosim", str(layer), "--trace", str(d / "waves.fst")]
    for arguments in (command, traced):
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            with subprocess.Popen(arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
                expect(wait_for(lambda: temporaries(d) != [] or process.poll() is not None) and process.poll() is None, f"{arguments[1]}: wrote nothing")
                time.sleep(0.1)
                process.send_signal(number)
                output, error = process.communicate()
            expect(process.returncode == -number and output == error == "", f"{arguments[1]}, {number.name}: exit {process.returncode}: {output}{error}")
            expect(list(d.iterdir()) == [], f"{arguments[1]}, {number.name}: left {list(d.iterdir())}")
        with subprocess.Popen(arguments, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
            wait_for(lambda: temporaries(d) != [])
            time.sleep(0.05)
            process.kill()
        expect(len(temporaries(d)) >= 1, f"{arguments[1]}: SIGKILL left nothing: the next check would show nothing")
        # a file of somebody else with a name like it, and what a running process writes, stay
        bystander = d / (pathlib.Path(arguments[-1]).name + ".tmp.backup")
        bystander.write_text("mine")
        small = cut_layer(d / "small")
        leftovers = set(d.iterdir())
        with subprocess.Popen(arguments, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as running:
            wait_for(lambda: set(d.iterdir()) - leftovers or running.poll() is not None, 5)
            time.sleep(0.05)
            living = set(d.iterdir()) - leftovers
            expect(living, f"{arguments[1]}: wrote nothing that could be taken for a leftover")
            other = ("export", small, "-o", d / "kit", "--format", "hex", "--stages", "x", "--no-directed") if arguments is command else \
                ("cosim", small, "--trace", d / "waves.fst")
            done = run(*other)
            expect(done.returncode == 0, f"a second {arguments[1]}: exit {done.returncode}: {done.stderr}")
            expect(living <= set(d.iterdir()) or running.poll() is not None, f"{arguments[1]}: removed what a running process writes")
            running.terminate()
        expect(temporaries(d) == [] and bystander.read_text() == "mine", f"{arguments[1]}: the next run left {temporaries(d)}")
        for path in list(d.iterdir()):
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    # nohup stays nohup
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_IGN)) as process:
        wait_for(lambda: temporaries(d) != [])
        process.send_signal(signal.SIGHUP)
        time.sleep(0.1)
        expect(process.poll() is None, "SIGHUP ended what runs under nohup")
        process.terminate()


@contextlib.contextmanager
def small_disk(directory, kilobytes):
    """A file system of that size, or None where none can be mounted."""
    directory.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={kilobytes}k", "tmpfs", directory], capture_output=True, check=False).returncode == 0
    try:
        yield directory if mounted else None
    finally:
        if mounted:
            subprocess.run(["umount", directory], check=True)


def test_disk(d):
    layer = cut_layer(d / "layer", channels=16, steps=32)
    commands = {**file_verbs(d, layer), **directory_verbs(layer), "cosim": ("cosim", layer)}

    def limited(size):
        return lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))

    def fails_cleanly(name, command, output, **options):
        option = "--trace" if command[0] == "cosim" else "-o"
        done = run(*command, option, output, **options)
        refused(name, done, output.name, "cannot")
        expect(not output.exists() or output.read_bytes() == b"old", f"{name}: the old output changed")
        expect(temporaries(d) == [], f"{name}: left {temporaries(d)}")

    for verb, command in commands.items():
        for size in (0, 64) if verb != "cosim" else (0, 200, 400, 2000):
            fails_cleanly(f"{verb}, at most {size} bytes a file", command, d / f"{verb}.out", preexec_fn=limited(size))
        if verb not in ("golden", "run", "export"):
            (d / f"{verb}.out").write_bytes(b"old")
            fails_cleanly(f"{verb}, at most 64 bytes a file", command, d / f"{verb}.out", preexec_fn=limited(64))
    # the bundle of a row: its float tensors are the largest files and come last
    floats = with_floats(cut_layer(d / "floats", channels=16, steps=32))
    for size in (0, 64, 1024, 2100):
        fails_cleanly(f"sweep --apply, at most {size} bytes a file", ("sweep", floats, *APPLY[:-1]), d / "applied.out", preexec_fn=limited(size))
    with small_disk(d / "disk", 64) as disk:
        if disk is None:
            print("no file system can be mounted here: the limit of the file size alone was tried")
            return
        for filler_kb in (64, 60, 52):
            (disk / "filler").write_bytes(b"x" * (filler_kb << 10))
            for verb, command in commands.items():
                output = disk / f"{verb}.out"
                option = "--trace" if verb == "cosim" else "-o"
                done = run(*command, option, output)
                if done.returncode == 0:
                    expect(output.exists(), f"{verb} on a full disk: exit 0 and no output")
                    shutil.rmtree(output) if output.is_dir() else output.unlink()
                else:
                    refused(f"{verb} on a full disk", done, output.name, "No space left")
                    expect(not output.exists(), f"{verb} on a full disk: an output")
                expect(filler_kb < 64 or done.returncode == 2, f"{verb} on a full disk: exit {done.returncode}")
                expect(temporaries(d) == [], f"{verb} on a full disk: left {temporaries(d)}")
            (disk / "filler").unlink()
    # the waveform of a whole layer on disks of some sizes: whole, or refused
    for kilobytes in (128, 1024):
        with small_disk(d / f"disk{kilobytes}", kilobytes) as disk:
            done = run("cosim", VECTORS / "bookmamba/layer01", "--trace", disk / "waves.fst")
            refused(f"a waveform on a disk of {kilobytes} kB", done, "waves.fst", "No space left")
            expect(list(disk.iterdir()) == [], f"a waveform on a disk of {kilobytes} kB: left {list(disk.iterdir())}")


def test_shrinking(d):
    """The file is shortened by a process that waits until it is mapped."""
    elements = 48 << 20
    for verb in ("compare", "outliers"):
        for keep in (1 << 20, 100):
            big = d / f"{verb}.npy"
            np.save(big, np.zeros(elements, np.float32))
            arguments = [str(QUASIM), verb, str(big)] + ([str(big)] if verb == "compare" else [])
            with subprocess.Popen(arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
                maps = pathlib.Path(f"/proc/{process.pid}/maps")

                def is_mapped(maps=maps, big=big, times=arguments.count(str(big))):
                    with contextlib.suppress(OSError):
                        return maps.read_text().count(str(big)) >= times
                    return False

                expect(wait_for(is_mapped, 20), f"{verb}: the file was never mapped")
                os.truncate(big, keep)
                output, error = process.communicate()
            lines = error.splitlines()
            expect(process.returncode == 2 and output == "" and len(lines) == 1 and big.name in error and ("shorter" in error or "changed" in error),
                   f"{verb}, cut to {keep} bytes: exit {process.returncode}: {error}")
    # a shorter file that ends inside the last page raises nothing: it is seen by its size
    small = d / "small.npy"
    np.save(small, np.ones(1 << 25, np.float32))
    with subprocess.Popen([str(QUASIM), "outliers", str(small)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        wait_for(lambda: str(small) in pathlib.Path(f"/proc/{process.pid}/maps").read_text(), 20)
        os.truncate(small, small.stat().st_size - 8)
        output, error = process.communicate()
    expect(process.returncode == 2 and output == "" and "changed" in error, f"outliers, cut by two elements: exit {process.returncode}: {error}")


def test_bytes(d):
    strange = os.fsencode(d) + b"/l\xff\xfeayer"
    layer = cut_layer(d / "layer")
    os.rename(os.fsencode(layer), strange)
    np.save(d / "t.npy", np.zeros((2, 3), np.int8))
    tensor = os.fsencode(d) + b"/t\xff.npy"
    os.rename(d / "t.npy", tensor)
    out = os.fsencode(d) + b"/out\xff"

    def call(*arguments):
        return subprocess.run([os.fsencode(QUASIM), *(a if isinstance(a, bytes) else os.fsencode(str(a)) for a in arguments)], capture_output=True,
                              timeout=120, check=False)

    quick = ("--format", "hex", "--stages", "x", "--no-directed")
    for arguments in (("run", strange), ("cosim", strange), ("golden", strange, "-o", out + b".g"), ("certify", strange, "-o", out + b".json"), ("compile", strange, "-o", out + b".p"),
                      ("compile", strange, "-o", out + b".program"), ("explain", strange), ("modes", strange, "-o", out + b".m.json"),
                      ("outliers", strange, tensor, "-o", out + b".o.json"), ("sweep", strange), ("report", strange, "-o", out + b".html"),
                      ("compare", tensor, tensor, "-o", out + b".c.json"), ("export", strange, "-o", out + b".kit", *quick), ("export", "--check", out + b".kit"),
                      ("certify", strange, "--program", out + b".p", "-o", out + b".again.json")):
        done = call(*arguments, "--json")
        try:
            json.loads(done.stdout.decode("utf-8"))
            valid = True
        except ValueError:
            valid = False
        expect(done.returncode == 0 and valid, f"{arguments}: exit {done.returncode}: {done.stdout[:80]!r}{done.stderr[:200]!r}")
        for file in os.listdir(os.fsencode(d)):
            if file.endswith(b".json"):
                with open(os.path.join(os.fsencode(d), file), "rb") as document:
                    json.loads(document.read().decode("utf-8"))
    expect(len(os.listdir(os.fsencode(d))) >= 10, "the outputs are not there")
    for arguments in (("run", os.fsencode(d) + b"/no\xffwhere", "--json"), ("run", os.fsencode(d) + b"/no\xffwhere")):
        done = call(*arguments)
        expect(done.returncode == 2 and len(done.stderr.splitlines()) == 1, f"{arguments}: exit {done.returncode}: {done.stderr!r}")


with tempfile.TemporaryDirectory() as directory:
    globals()["test_" + GROUP](pathlib.Path(directory))
sys.exit(exit_code(5))
