"""The register map as tables for testbenches: a SystemVerilog package, and constants for Python."""
import textwrap

from spec_emit.spec import NOTE, base_of, lower, mask_of, offset, upper, version_word

PACKAGE_HEADER = """\
//
// The register map as tables, for testbenches and register models; no part of the unit. Entry n of a table belongs to register,
// range or window n. What depends on the unit takes its parameters.

package quasim_map_pkg;"""


def argument(spec, name):
    """A parameter of quasim_top as the argument of a function."""
    return lower(spec.parameter[name]["limits"])


def snake(spec, expression):
    """An expression in terms of quasim_top's parameters, for a function that has them as arguments."""
    for name in spec.parameter:
        expression = expression.replace(name, argument(spec, name))
    return expression


def table(name, result, values, spec=None):
    """A function from an index to a value, and from the parameters of a spec that is given. The most frequent value is the default."""
    texts = [str(value) for value in values]
    usual = max(texts, key=texts.count)
    arguments = ["input int index", *(f"input int {argument(spec, name)}" for name in (spec.parameter if spec else ()))]
    lines = textwrap.wrap(", ".join(arguments).replace("input int ", "input_int_"), 120)  # kept whole at the ends of lines
    arguments = arguments[0] if spec is None else "".join("\n    " + line for line in lines).replace("input_int_", "input int ")
    out = [f"  function automatic {result} {name}({arguments});", "    case (index)"]
    out += [f"      {index}: {name} = {text};" for index, text in enumerate(texts) if text != usual]
    return out + [f"      default: {name} = {usual};", "    endcase", "  endfunction", ""]


def constant_text(spec, field):
    """A constant field's value as an expression."""
    value = field["value"]
    if value == "IdWord":
        return f"32'h{int(spec.identification['id'], 0):08X}"
    if value in spec.identification:
        return str(spec.identification[value])
    return snake(spec, value) if value in spec.parameter else str(spec.value[value])


def reset_text(spec, register):
    if register["reset"].startswith("0x"):
        return f"32'h{int(register['reset'], 0):08X}"
    return " | ".join(f"(32'({constant_text(spec, f)}) << {f['lsb']})" for f in register["fields"]).replace(" << 0)", ")")


def mask_text(spec, register):
    """The bits that a write may set."""
    if register["access"] == "ro":
        return "32'h00000000"
    if all("width_of" not in f for f in register["fields"]):
        return f"32'h{sum(mask_of(f) for f in register['fields']):08X}"
    return " | ".join(f"(((32'd1 << {snake(spec, f['width_of']) if 'width_of' in f else f['width']}) - 32'd1) << {f['lsb']})"
                      for f in register["fields"]).replace(" << 0)", ")")


def counter_numbers(spec):
    """The number of the counter that a register shows a half of, or -1."""
    numbers = {r["name"]: spec.counters.index(f["counter"]) for r, f in spec.fields("counter")}
    return [numbers.get(r["name"], -1) for r in spec.registers]


def ranges(spec):
    """[(register number, field, least, greatest)] of the stored fields, texts."""
    out = []
    for number, register in enumerate(spec.registers):
        for field in register["fields"]:
            if field["kind"] == "stored" and "max" in field:
                high = field["max"]
                high = snake(spec, high) if high in spec.parameter else str(spec.number(high))
                out.append((number, field, str(spec.number(field["min"])), high))
    return out


def emit_package(spec):
    registers, windows, legal = spec.registers, spec.windows, ranges(spec)
    high = {r["name"] for r, f in spec.fields("counter") if f["half"] == "high"}
    out = [f"// {NOTE}", PACKAGE_HEADER, "", f"  parameter int REGISTERS = {len(registers)};"]
    out += [f"  parameter int REGISTER_{upper(r['name'])} = {number};" for number, r in enumerate(registers)]
    out += [f"  parameter int RANGES = {len(legal)};  // legal ranges of stored fields", "",
            "  parameter int ACCESS_RO = 0, ACCESS_RW = 1, ACCESS_WO = 2;", ""]
    out += table("register_offset", "logic [31:0]", [f"32'h{offset(r):08X}" for r in registers])
    out += table("register_access", "int", [f"ACCESS_{r['access'].upper()}" for r in registers])
    out += ["  // 1: may be written while the unit runs"]
    out += table("register_always", "int", [int(r.get("write_when") == "always") for r in registers])
    out += ["  // the bits that a write may set"]
    out += table("register_mask", "logic [31:0]", [mask_text(spec, r) for r in registers], spec)
    out += table("register_reset", "logic [31:0]", [reset_text(spec, r) for r in registers], spec)
    out += ["  // the counter that a register shows a half of, or -1"]
    out += table("register_counter", "int", counter_numbers(spec))
    out += table("register_is_high", "int", [int(r["name"] in high) for r in registers])
    out += table("range_register", "int", [number for number, _, _, _ in legal])
    out += table("range_lsb", "int", [f["lsb"] for _, f, _, _ in legal])
    out += table("range_width", "int", [f["width"] for _, f, _, _ in legal])
    out += table("range_least", "int", [low for _, _, low, _ in legal])
    out += table("range_greatest", "int", [text for _, _, _, text in legal], spec)
    out += table("window_base", "logic [31:0]", [f"32'h{base_of(w):08X}" for w in windows])
    out += ["  // bytes that answer"]
    out += table("window_bytes", "int", [snake(spec, w["elaborated_bytes"]) for w in windows], spec)
    out += table("window_unit_bytes", "int", [w["unit_bytes"] for w in windows])
    out += ["  // bits of a unit that are stored; the others read 0, or the sign of a signed unit"]
    out += table("window_bits", "int", [snake(spec, str(w["bits"])) for w in windows], spec)
    out += table("window_signed", "int", [int(w.get("signed", False)) for w in windows])
    return "\n".join(out + ["endpackage", ""])


def emit_python(spec):
    """Constants for cocotb and other Python testbenches; nothing to import."""
    parameters = spec.defaults()
    out = [f'"""Register constants of quasim_top. {NOTE}"""', ""]
    out += [f"{upper(c['name'])} = {c['value']}  # {c['doc']}" for c in spec.constants]
    out += [f"ID_WORD = 0x{int(spec.identification['id'], 0):08X}", f"VERSION_WORD = 0x{version_word(spec):08X}", ""]
    for register in spec.registers:
        out.append(f"REG_{upper(register['name'])} = 0x{offset(register):05X}  # {register['doc']}")
        for field in register["fields"]:
            name = f"{upper(register['name'])}_{upper(field['name'])}"
            out.append(f"{name}_LSB, {name}_MASK = {field['lsb']}, 0x{mask_of(field):08X}  # {field['doc']}")
    out.append("")
    for window in spec.windows:
        out.append(f"{upper(window['name'])}_BASE = 0x{base_of(window):05X}  # {window['doc']}")
    out += ["", "# name: (offset, access, writable bits, value after reset), of a unit with the default parameters", "REGISTERS = {"]
    for register in spec.registers:
        out.append(f'    "{register["name"]}": (0x{offset(register):05X}, "{register["access"]}", '
                   f"0x{spec.writable_mask(register, parameters):08X}, 0x{spec.reset_of(register, parameters):08X}),")
    out += ["}", "", "# (register, lsb, width, least, greatest) of the fields that have a legal range, likewise", "RANGES = ["]
    for register, field in spec.fields("stored"):
        if "max" in field:
            high = parameters[field["max"]] if field["max"] in parameters else spec.number(field["max"])
            out.append(f'    ("{register["name"]}", {field["lsb"]}, {field["width"]}, {spec.number(field["min"])}, {high}),')
    out += ["]", "", "# name: (base, bytes that answer, bytes of a unit, stored bits of a unit, signed), likewise", "WINDOWS = {"]
    for window in spec.windows:
        bits = parameters.get(window["bits"], window["bits"])
        out.append(f'    "{window["name"]}": (0x{base_of(window):05X}, 0x{spec.window_bytes(window, parameters):05X}, '
                   f"{window['unit_bytes']}, {bits}, {window.get('signed', False)}),")
    return "\n".join(out + ["}", ""])
