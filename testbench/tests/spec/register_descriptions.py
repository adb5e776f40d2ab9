#!/usr/bin/env python3
"""SystemRDL and IP-XACT as tools of the trade read them, against model/spec/quasim_spec.json.

Needs peakrdl and peakrdl-ipxact from PyPI, which scripts/check_registers.sh installs into a directory of its own.
Every register, field, access, reset value and window of both files is compared; then a field is moved and a register is made
writable in a copy, and both must be found.
"""
import pathlib
import sys
import tempfile
import xml.etree.ElementTree

ROOT = pathlib.Path(__file__).resolve().parents[3]
sys.path.insert(0, str(ROOT / "scripts"))
from peakrdl_ipxact.importer import IPXACTImporter  # noqa: E402
from spec_emit.descriptions import reset_of  # noqa: E402
from spec_emit.spec import base_of, load, offset  # noqa: E402
from systemrdl import RDLCompiler  # noqa: E402
from systemrdl.node import MemNode, RegNode  # noqa: E402

SW = {"ro": (True, False), "rw": (True, True), "wo": (False, True)}


def wanted(spec):
    """{(register, field): (address, lsb, width, readable, writable, reset)} and {window: (address, bytes)}."""
    defaults = spec.defaults()
    fields = {(r["name"], f["name"]): (offset(r), f["lsb"], f["width"], *SW[r["access"]], reset_of(spec, r, f, defaults))
              for r in spec.registers for f in r["fields"]}
    windows = {w["name"]: (base_of(w), spec.window_bytes(w, defaults)) for w in spec.windows}
    return fields, windows


def read(top):
    """The same, from an elaborated SystemRDL tree."""
    fields, windows = {}, {}
    for node in top.descendants():
        if isinstance(node, RegNode):
            for field in node.fields():
                fields[node.inst_name, field.inst_name] = (node.absolute_address, field.low, field.width, field.is_sw_readable,
                                                           field.is_sw_writable, field.get_property("reset"))
        elif isinstance(node, MemNode):
            windows[node.inst_name] = (node.absolute_address, node.size)
    return fields, windows


def elaborate(file):
    compiler = RDLCompiler()
    if file.suffix == ".xml":
        IPXACTImporter(compiler).import_file(str(file))
    else:
        compiler.compile_file(str(file))
    return read(compiler.elaborate().top)


def differences(file, want):
    got = elaborate(file)
    return [f"{file.name}: {name}: found {there.get(name)}, expected {here.get(name)}"
            for here, there in zip(want, got) for name in sorted(set(here) | set(there), key=str) if here.get(name) != there.get(name)]


def main():
    want = wanted(load())
    rdl, ipxact = ROOT / "rtl/generated/quasim_regs.rdl", ROOT / "rtl/generated/quasim_regs.ipxact.xml"
    xml.etree.ElementTree.parse(ipxact)
    found = differences(rdl, want) + differences(ipxact, want)
    if found:
        sys.exit("\n".join(found))
    planted = [(rdl, "} HalfAway[8:8]", "} HalfAway[9:9]"), (rdl, "} Taps[2:0] = 0x4", "} Taps[2:0] = 0x3"),
               (ipxact, "<ipxact:access>read-only</ipxact:access>", "<ipxact:access>read-write</ipxact:access>"),
               (ipxact, "<ipxact:baseAddress>0x20000</ipxact:baseAddress>", "<ipxact:baseAddress>0x30000</ipxact:baseAddress>")]
    for file, right, wrong in planted:
        text = file.read_text()
        assert right in text, right
        with tempfile.TemporaryDirectory() as directory:
            copy = pathlib.Path(directory) / file.name
            copy.write_text(text.replace(right, wrong, 1))
            if not differences(copy, want):
                sys.exit(f"planted in {file.name} and not found: {wrong}")
    print(f"register descriptions: {len(want[0])} fields and {len(want[1])} windows in each of 2 files agree; "
          f"{len(planted)} planted differences found")


main()
