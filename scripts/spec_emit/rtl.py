"""The SystemVerilog package and the register file."""
import re

from spec_emit.spec import (NOTE, base_of, bytes_of, entries, field_name, lower, offset, upper)

REGS_HEADER = """\
//
// The register file: parameter limits, address decode, fields and read-back.
//
// A write is judged in the cycle in which it executes. It is taken when its register may be written now and no bit outside the
// fields is set; otherwise nothing changes and write_okay_o is 0. A read has no side effect but counter_read_o.
// Parameters outside their range stop elaboration by naming the rule as a module that does not exist.
// Deliberately absent: the bus and byte strobes (quasim_axil), the memories behind the windows (quasim_window), the counters
// (quasim_counter).
// Registered: every field output."""

PORTS = """\
  input  logic clk_i,
  input  logic rst_ni,
  // no beat is inside and none is accepted: what may be written only then is writable
  input  logic idle_i,
  // a write that executes in this cycle
  input  logic write_i,
  input  logic [quasim_pkg::AXIL_ADDR_BITS-1:0] waddr_i,
  input  logic [quasim_pkg::AXIL_DATA_BITS-1:0] wdata_i,
  output logic write_okay_o,
  // a read that is answered in this cycle, where read_i is 1
  input  logic read_i,
  input  logic [quasim_pkg::AXIL_ADDR_BITS-1:0] raddr_i,
  output logic [quasim_pkg::AXIL_DATA_BITS-1:0] read_data_o,
  output logic read_okay_o,
  // windows, a bit each, and the number of the unit in its window
  output logic [quasim_pkg::WINDOWS-1:0] window_write_o,
  output logic [quasim_pkg::WINDOW_INDEX_BITS-1:0] window_windex_o,
  output logic [quasim_pkg::WINDOWS-1:0] window_read_o,
  output logic [quasim_pkg::WINDOW_INDEX_BITS-1:0] window_rindex_o,
  // counters, a bit or a word each; counter_read_o: the low half is being read
  output logic [quasim_pkg::COUNTERS-1:0] counter_read_o,
  input  logic [quasim_pkg::COUNTERS*32-1:0] counter_low_i,
  input  logic [quasim_pkg::COUNTERS*32-1:0] counter_high_i,
  // fields"""


def emit_package(spec):
    out = [f"// {NOTE}", "", "package quasim_pkg;"]
    for name, value, doc, address in entries(spec):
        if address:
            out.append(f"  parameter logic [31:0] {upper(name)} = 32'h{value:08X};  // {doc}")
        else:
            out.append(f"  parameter int {upper(name)} = {value};  // {doc}")
    out.append(f"  parameter int COUNTERS = {len(spec.counters)};  // 64-bit counters; each has its number")
    for number, name in enumerate(spec.counters):
        out.append(f"  parameter int COUNTER_{upper(name)} = {number};")
    wide = sum(1 << i for i, w in enumerate(spec.windows) if w["unit_bytes"] == 8)
    out.append(f"  parameter int WINDOWS = {len(spec.windows)};  // memory windows; each has its number")
    for number, window in enumerate(spec.windows):
        out.append(f"  parameter int WINDOW_{upper(window['name'])} = {number};")
    out.append(f"  parameter int WINDOW_INDEX_BITS = {spec.index_bits()};  // the number of a unit within its window")
    out.append(f"  parameter logic [{len(spec.windows) - 1}:0] WINDOW_PAIRS = {len(spec.windows)}'b{wide:0{len(spec.windows)}b};"
               "  // bit n: a unit of window n is two words, written with the high one")
    out += ["endpackage", ""]
    return "\n".join(out)


def module_parameter(spec, name):
    """A parameter's name inside the unit."""
    return spec.parameter[name]["limits"]


def aligned(ports):
    """Port lines with their names in one column; comments stay."""
    rows = []
    for line in ports:
        words = line.strip().rstrip(",").split()
        if not words or words[0] == "//":
            rows.append((line, None))
        else:
            rows.append((" ".join(words[:-1]).replace("input logic", "input  logic", 1), words[-1]))
    column = max(len(left) for left, name in rows if name is not None)
    last = max(i for i, (_, name) in enumerate(rows) if name is not None)
    return [left if name is None else f"  {left:<{column}} {name}{'' if i == last else ','}" for i, (left, name) in enumerate(rows)]


def columns(lines, sign):
    """Lines of LEFT sign RIGHT with their signs in one column."""
    pairs = [line.split(f" {sign} ", 1) for line in lines]
    column = max(len(left) for left, _ in pairs)
    return [f"{left:<{column}} {sign} {right}" for left, right in pairs]


def declarations(rows):
    """logic declarations of [(bits, name)] with the names in one column."""
    ranges = [width(bits) for bits, _ in rows]
    column = max(map(len, ranges))
    return [f"  logic {text:<{column}}{name};" for text, (_, name) in zip(ranges, rows)]


def width(bits):
    return f"[{bits}-1:0] " if not isinstance(bits, int) else f"[{bits - 1}:0] " if bits > 1 else ""


def bits_of(spec, field):
    """The width of a stored field as it is built."""
    return module_parameter(spec, field["width_of"]) if "width_of" in field else field["width"]


def zero_extended(parts):
    """A 32-bit concatenation of [(lsb, width, text)], from the low end up."""
    out, at = [], 0
    for lsb, bits, text in sorted(parts):
        if lsb > at:
            out.insert(0, f"{lsb - at}'d0")
        out.insert(0, text)
        at = lsb + bits
    if at < 32:
        out.insert(0, f"{32 - at}'d0")
    return out[0] if len(out) == 1 else "{" + ", ".join(out) + "}"


def rule_name(spec, name):
    """What refuses an illegal value of a parameter."""
    entry, (low, high, _) = spec.parameter[name], spec.range_of(name)
    if "multiple_of" in entry:
        return f"{name}_must_be_{entry['multiple_of']}_to_{high}_and_a_multiple_of_{entry['multiple_of']}"
    return f"{name}_must_be_{low}_to_{high}"


def unmet_rule_name(spec, name):
    """What refuses a parameter that needs others to be otherwise."""
    return f"{name}_must_be_{spec.parameter[name]['otherwise']}"


def needs_text(spec, name):
    """What a parameter needs, in terms of the unit's parameters and the package."""
    text = spec.parameter[name]["needs"]
    for constant in spec.value:
        text = re.sub(rf"\b{constant}\b", f"quasim_pkg::{upper(constant)}", text)
    return text


def corners(spec):
    """Parameter sets at the ends of the ranges, and one beyond each end with the rule that refuses it."""
    multiples = [name for name, entry in spec.parameter.items() if "multiple_of" in entry]
    out = []
    for end in (0, 1):
        out.append(" ".join(f"{name}={value}" for name, value in spec.ends(end).items()))
    for name in spec.parameter:
        low, high, default = spec.range_of(name)
        if name in multiples:
            of = spec.parameter[name]["multiple_of"]
            step = spec.range_of(of)[2]
            out += [f"{name}={value}:{rule_name(spec, name)}" for value in (0, step + step // 2, high + step)]
            continue
        for value in (low - 1, high + 1) if low > 0 else (high + 1,):
            rest = "".join(f" {m}={2 * value}" for m in multiples if spec.parameter[m]["multiple_of"] == name and value > 0)
            out.append(f"{name}={value}{rest}:{rule_name(spec, name)}")
        if "needs" in spec.parameter[name]:
            assert not spec.needs_met(name, spec.defaults()), f"{name}: the default unit meets its needs"
            out.append(f"{name}={high}:{unmet_rule_name(spec, name)}")
    return out


def limit_checks(spec):
    out = ["  // ---- legal parameters ----"]
    for name, entry in spec.parameter.items():
        inside, prefix = module_parameter(spec, name), f"quasim_pkg::{upper(entry['limits'])}"
        if "multiple_of" in entry:
            of = module_parameter(spec, entry["multiple_of"])
            condition = (f"{of} >= 1 && ({inside} < {of} || {inside} > {prefix}_MAX\n"
                         f"      || {inside} != ({inside} / (({of} < 1) ? 1 : {of})) * {of})")
        else:
            condition = f"{inside} < {prefix}_MIN || {inside} > {prefix}_MAX"
        out += [f"  if ({condition}) begin : gen_illegal_{lower(name)}", f"    {rule_name(spec, name)} illegal_parameter ();"]
        if "needs" in entry:
            out += [f"  end else if ({inside} != {prefix}_MIN && !({needs_text(spec, name)})) begin : gen_unmet_{lower(name)}",
                    f"    {unmet_rule_name(spec, name)} illegal_parameter ();"]
        out.append("  end")
    return out


def addresses(spec):
    out = ["  // ---- addresses, and the bits of a register that a write may set ----"]
    out += columns([f"  localparam logic [AddrBits-1:0] {register['name']}Addr = {spec.addr_bits}'h{offset(register):05X};"
                    for register in spec.registers], "=")
    out.append("")
    masks = []
    for register in spec.registers:
        if register["access"] == "ro":
            continue
        parts = []
        for field in register["fields"]:
            bits = bits_of(spec, field)
            parts.append((field["lsb"], bits, field))
        if any(not isinstance(bits, int) for _, bits, _ in parts):
            text = " | ".join(f"((32'd1 << {bits}) - 32'd1) << {lsb}" if lsb else f"(32'd1 << {bits}) - 32'd1"
                              for lsb, bits, _ in parts)
        else:
            text = f"32'h{sum(((1 << bits) - 1) << lsb for lsb, bits, _ in parts):08X}"
        masks.append(f"  localparam logic [31:0] {register['name']}Mask = {text};")
    return out + columns(masks, "=")


def windows(spec):
    top = spec.addr_bits - 1
    out = ["  // ---- windows: each is as long as the unit's parameters make it ----"]
    ends = []
    for window in spec.windows:
        bits = bytes_of(window).bit_length() - 1
        ends.append(f"  localparam logic [{bits}:0] {window['name']}End = {bits + 1}'({window['elaborated_bytes']});")
    out += columns(ends, "=")
    out += ["", "  function automatic logic [quasim_pkg::WINDOWS-1:0] window_of(input logic [AddrBits-1:0] addr);", "    window_of = {"]
    rows = []
    for window in reversed(spec.windows):
        bits = bytes_of(window).bit_length() - 1
        rows.append(f"      (addr[{top}:{bits}] == {top - bits + 1}'h{base_of(window) >> bits:X})"
                    f" & ({{1'b0, addr[{bits - 1}:0]}} < {window['name']}End)")
    out += [",\n".join(rows), "    };", "  endfunction", ""]
    out += ["  logic [quasim_pkg::WINDOWS-1:0] window_hit;", "",
            "  assign window_hit     = window_of(waddr_i);",
            "  assign window_write_o = window_hit & {quasim_pkg::WINDOWS{write_i & idle_i}};",
            "  assign window_read_o  = window_of(raddr_i);", ""]
    for port, hit, addr in (("window_windex_o", "window_hit", "waddr_i"), ("window_rindex_o", "window_read_o", "raddr_i")):
        rows = []
        for window in spec.windows:
            bits, low = bytes_of(window).bit_length() - 1, window["unit_bytes"].bit_length() - 1
            unit = f"{addr}[{bits - 1}:{low}]"
            if bits - low < spec.index_bits():
                unit = f"IndexBits'({unit})"
            rows.append(f"({hit}[quasim_pkg::WINDOW_{upper(window['name'])}] ? {unit} : '0)")
        out.append(f"  assign {port} = " + "\n                         | ".join(columns(rows, "?")) + ";")
    return out


def legality(spec):
    """The conjunction of every stored field's legal range."""
    terms = []
    for register, field in spec.fields("stored"):
        name, bits = field_name(register, field) + "_q", field["width"]
        for bound, sign in (("min", ">="), ("max", "<=")):
            limit = field.get(bound)
            if limit is None or limit == 0:
                continue
            if limit in spec.parameter:
                value = f"{bits}'({module_parameter(spec, limit)})"
            elif isinstance(limit, int):
                value = f"{bits}'d{limit}"
            else:
                value = f"{bits}'(quasim_pkg::{upper(limit)})"
            terms.append(f"({name} {sign} {value})")
        if "within" in field:
            # without an inverse: Yosys 0.23 takes ~2'(X) for 32'(X)
            among = f"{bits}'({module_parameter(spec, field['within'])})"
            terms.append(f"(({name} | {among}) == {among})")
    return terms


def fields(spec):
    out = ["  // ---- fields ----"]
    storage = [(r, f) for r in spec.registers for f in r["fields"] if f["kind"] in ("stored", "sticky", "pulse")]
    writable = [r for r in spec.registers if r["access"] != "ro"]
    guarded = [r for r in writable if any(f.get("needs_legal") for f in r["fields"])]
    out += declarations([(bits_of(spec, f), field_name(r, f) + "_q") for r, f in storage])
    out += ["  logic legal, refused_enable;",
            "  logic " + ", ".join([f"{lower(r['name'])}_judged" for r in guarded] + [f"{lower(r['name'])}_write" for r in writable]) + ";", "",
            "  assign legal = " + "\n               & ".join(legality(spec)) + ";", ""]
    refused, judgements = [], []
    for register in writable:
        name = lower(register["name"])
        when = " & idle_i" if register["write_when"] == "idle" else ""
        judged = f"write_i & (waddr_i == {register['name']}Addr){when} & ((wdata_i & ~{register['name']}Mask) == '0)"
        if register in guarded:
            bits = " & ".join(f"~wdata_i[{f['lsb']}]" for f in register["fields"] if f.get("needs_legal"))
            judgements.append(f"  assign {name}_judged = {judged};")
            judgements.append(f"  assign {name}_write = {name}_judged & (legal | {bits});")
            refused.append(f"{name}_judged & ~{name}_write")
        else:
            judgements.append(f"  assign {name}_write = {judged};")
    judgements.append(f"  assign refused_enable = {refused[0] if len(refused) == 1 else ' | '.join(f'({r})' for r in refused)};")
    out += columns(judgements, "=")
    out.append("")
    names = [f"{lower(r['name'])}_write" for r in writable]
    rows = [" | ".join(names[i:i + 4]) for i in range(0, len(names), 4)] + ["(window_write_o != '0)"]
    out.append("  assign write_okay_o = " + "\n                      | ".join(rows) + ";")
    (pulse_register, pulse_field), = spec.fields("pulse")
    pulse = field_name(pulse_register, pulse_field) + "_q"
    out += ["", "  always_ff @(posedge clk_i or negedge rst_ni) begin", "    if (!rst_ni) begin"]
    resets = []
    for register, field in storage:
        bits = bits_of(spec, field)
        reset = spec.reset_of(register, spec.defaults()) >> field["lsb"] & ((1 << field["width"]) - 1)
        value = f"{bits}'d{reset}" if isinstance(bits, int) else f"{bits}'({reset})" if reset else "'0"
        resets.append(f"      {field_name(register, field)}_q <= {value};")
    out += columns(resets, "<=") + ["    end else begin"]
    for register, field in storage:
        name, write = field_name(register, field) + "_q", f"{lower(register['name'])}_write"
        bits, lsb = bits_of(spec, field), field["lsb"]
        data = f"wdata_i[{lsb}]" if bits == 1 else f"wdata_i[{lsb + bits - 1}:{lsb}]" if isinstance(bits, int) else f"wdata_i[{lsb}+:{bits}]"
        if field["kind"] == "stored":
            out.append(f"      if ({write}) {name} <= {data};")
        elif field["kind"] == "pulse":
            out.append(f"      {name} <= {write} & {data};")
        else:
            event = "refused_enable" if field["set_by"] == "refused_enable" else field_name(register, field) + "_i"
            out.append(f"      {name} <= ({name} | {event}) & ~{pulse};")
    out += ["    end", "  end", ""]
    return out + columns([f"  assign {field_name(r, f)}_o = {field_name(r, f)}_q;" for r, f in storage if f["kind"] in ("stored", "pulse")], "=")


def word_of(spec, register):
    """The 32 bits that a read of a register gives."""
    parts = []
    for field in register["fields"]:
        name, kind = field_name(register, field), field["kind"]
        if kind == "constant":
            value = field["value"]
            if value == "IdWord":
                text = "quasim_pkg::ID_WORD"
            elif value in spec.identification:
                text = f"quasim_pkg::VERSION_WORD[{field['lsb'] + field['width'] - 1}:{field['lsb']}]"
            elif value in spec.parameter:
                text = f"{field['width']}'({module_parameter(spec, value)})"
            else:
                text = f"{field['width']}'(quasim_pkg::{upper(value)})"
        elif kind == "counter":
            text = f"{lower(register['name'])}_count"
        elif kind == "pulse":
            text = f"{field['width']}'d0"
        elif kind == "input":
            text = f"{name}_i"
        else:
            text = f"{field['width']}'({name}_q)" if "width_of" in field else f"{name}_q"
        parts.append((field["lsb"], field["width"], text))
    return zero_extended(parts) if register["access"] != "wo" else "'0"


def read_back(spec):
    out = ["  // ---- read-back ----"]
    halves = [(register, field, f"quasim_pkg::COUNTER_{upper(field['counter'])}") for register, field in spec.fields("counter")]
    out += declarations([(32, lower(register["name"]) + "_count") for register, _, _ in halves])
    out += [""] + columns([f"  assign {lower(register['name'])}_count = counter_{field['half']}_i[{number}*32+:32];"
                           for register, field, number in halves], "=")
    out += [""] + columns([f"  assign counter_read_o[{number}] = read_i & (raddr_i == {register['name']}Addr);"
                           for register, field, number in halves if field["half"] == "low"], "=")
    out += ["", "  always_comb begin", "    read_okay_o = 1'b1;", "    case (raddr_i)"]
    column = max(len(r["name"]) for r in spec.registers) + len("Addr:")
    for register in spec.registers:
        out.append(f"      {register['name'] + 'Addr:':<{column}} read_data_o = {word_of(spec, register)};")
    out += ["      default: begin", "        read_data_o = '0;", "        read_okay_o = 1'b0;", "      end", "    endcase", "  end"]
    return out


def field_ports(spec):
    out = []
    for register in spec.registers:
        for field in register["fields"]:
            name, bits = field_name(register, field), bits_of(spec, field)
            if field["kind"] == "stored" or field["kind"] == "pulse":
                out.append(f"  output logic {width(bits)}{name}_o,")
            elif field["kind"] == "input":
                out.append(f"  input  logic {width(bits)}{name}_i,")
            elif field["kind"] == "sticky" and field["set_by"] == "hardware":
                out.append(f"  input  logic {width(bits)}{name}_i,")
    return out


def emit_regs(spec):
    parameters = columns([f"  parameter int {module_parameter(spec, name)} = quasim_pkg::{upper(entry['limits'])}_DEFAULT"
                          for name, entry in spec.parameter.items()], "=")
    out = [f"// {NOTE}", REGS_HEADER, "", "module quasim_regs #(", ",\n".join(parameters), ") ("]
    out += aligned(PORTS.split("\n") + field_ports(spec))
    out += [");", ""] + limit_checks(spec)
    out += ["", "  localparam int AddrBits  = quasim_pkg::AXIL_ADDR_BITS;",
                                            "  localparam int IndexBits = quasim_pkg::WINDOW_INDEX_BITS;", ""]
    for part in (addresses, windows, fields, read_back):
        out += part(spec) + [""]
    return "\n".join(out + ["endmodule", ""])
