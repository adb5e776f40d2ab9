"""Markdown."""
from spec_emit.spec import NOTE, bits_of, version_text

RULES = """\
AXI4-Lite, 32-bit data, byte addresses. Version {version}.

Configuration registers and windows may be written, and windows read, only while `Control.Enable` is 0 and `Status.Busy` is 0;
otherwise the access has no effect and answers SLVERR. `Control` may always be written and registers always be read.

A write has no effect and answers SLVERR as well when

- its address is no register or window, or the register is read-only;
- one of its four byte strobes is 0, in any pattern;
- a bit outside the fields of a register is 1, which includes bits of `Multiplier` at and above the unit's MultBits;
- it sets `Control.Enable` while a field is outside its legal range (`Status.ConfigError` tells).

A read of an address that is no register or window answers SLVERR and 0. `ClearCounters` reads 0. The two low address bits are
ignored."""


def emit_parameters(spec):
    """The table of quasim_top's parameters."""
    out = ["| parameter | legal | default | meaning |", "|---|---|---|---|"]
    for name, entry in spec.parameter.items():
        low, high, default = spec.range_of(name)
        legal = f"{entry['multiple_of']} … {high}, a multiple of {entry['multiple_of']}" if "multiple_of" in entry else f"{low} … {high}"
        out.append(f"| `{name}` | {legal} | {default} | {entry['doc']} |")
    return "\n".join(out) + "\n"


def emit_register_map(spec):
    out = ["# Register map", "", f"*{NOTE}*", "", RULES.format(version=version_text(spec)), "",
           "## Registers", "", "| offset | name | access | reset | field | bits | meaning |", "|---|---|---|---|---|---|---|"]
    for r in spec.registers:
        out.append(f"| `{r['offset']}` | **{r['name']}** | {r['access']} | {r['reset']} | | | {r['doc']} |")
        for f in r["fields"]:
            out.append(f"| | | | | {f['name']} | {bits_of(f)} | {f['doc']} |")
    out += ["", "## Memory windows", "",
            "A window answers up to the end that the unit's parameters give it; above that, SLVERR.", "",
            "| base | bytes | end | name | contents |", "|---|---|---|---|---|"]
    for w in spec.windows:
        out.append(f"| `{w['base']}` | `{w['bytes']}` | {w['elaborated_bytes']} | **{w['name']}** | {w['doc']} |")
    free = ", ".join(f"`0x{first:05X}`" if first == last else f"`0x{first:05X}` to `0x{last:05X}`" for first, last in spec.free_space())
    out += ["", f"Free for what comes: {free}.", "",
            "## Widths and limits", "", "| constant | value | meaning |", "|---|---|---|"]
    for c in spec.constants:
        out.append(f"| {c['name']} | {c['value']} | {c['doc']} |")
    return "\n".join(out) + "\n"
