"""The unit's RTL with a program as constants: the project's own files, in which each place that a constant takes is replaced.

The files stay what they are elsewhere; a place that is not found exactly as often as it must be is an error of this program."""

import re

from ..registers import CONSTANT

NOTE = "// Written by quasim emit-rtl: the program of {name} as constants.\n"


class Changed(RuntimeError):
    """The RTL is no longer what these replacements are for."""


def upper(name):
    """A constant's name in the package."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).upper()


def replaced(text, old, new, count=1):
    if text.count(old) != count:
        raise Changed(f"expected {count} times in the RTL: {old.strip().splitlines()[0]}")
    return text.replace(old, new)


def literal(value, bits):
    """A number as SystemVerilog takes it, two's complement."""
    return f"{bits}'h{value & ((1 << bits) - 1):X}"


def packed(values, bits):
    """Values side by side, the first lowest."""
    word = 0
    for index, value in enumerate(values):
        word |= (value & ((1 << bits) - 1)) << (index * bits)
    return literal(word, bits * len(values))


def fixed_ports(text, constants):
    """A module whose inputs are replaced by constants {port: (bits, value)}; the ports stay and do nothing."""
    head, body = text.split("\n);\n", 1)
    lines = [""]
    for port, (bits, value) in constants.items():
        if len(re.findall(rf"\binput\b.*\b{port}\b", head)) != 1:
            raise Changed(f"expected an input {port}")
        name = "Fixed" + "".join(word.capitalize() for word in port.removesuffix("_i").split("_"))
        body, times = re.subn(rf"\b{port}\b", name, body)
        if times == 0:
            raise Changed(f"expected {port} to be used")
        lines.append(f"  localparam logic [{bits - 1}:0] {name} = {literal(value, bits)};")
    lines += ["  logic unused_fixed;", "", f"  assign unused_fixed = &{{1'b0, {', '.join(constants)}}};", ""]
    return head + "\n);\n" + "\n".join(lines) + body


def signed_digits(value):
    """[(weight, sign)] of the non-adjacent form: the fewest powers of two that add up to a number."""
    digits, weight = [], 0
    while value:
        if value & 1:
            sign = 2 - (value & 3)
            digits.append((weight, sign))
            value -= sign
        value >>= 1
        weight += 1
    return digits


def multiply_add(program, text):
    """p = M*acc + B with M as a sum of powers of two."""
    head = text.split("\n);\n", 1)[0]
    head = "module" + head.split("\nmodule", 1)[1]
    terms = "".join(f"\n               {'+' if sign > 0 else '-'} (acc <<< {weight})" for weight, sign in signed_digits(program.multiplier))
    return f"""// p = M*acc + B, exact, with M = {program.multiplier} as the fewest powers of two that make it.
//
// Deliberately absent: any register; the multiplier's port does nothing.
// Registered: nothing.

{head}
);

  logic signed [OutBits-1:0] acc;
  logic                      unused_multiplier;

  assign acc = OutBits'(acc_i);
  assign p_o = OutBits'(bias_i){terms};

  assign unused_multiplier = &{{1'b0, multiplier_i}};

endmodule
"""


def table_port(content, rows, bits, text):
    """A lane's read port with the table's content; the other ports do nothing."""
    head = "module" + text.split("\n);\n", 1)[0].split("\nmodule", 1)[1]
    return f"""// A lane's read port of the table, which is a constant.
//
// Deliberately absent: any storage; the ports of the rows and of the window do nothing.
// Registered: nothing.

{head}
);

  localparam logic [{rows * bits - 1}:0] Content = {content};

  logic unused_ports;

  assign value_o      = Content[index_i*Width+:Width];
  assign unused_ports = &{{1'b0, clk_i, wen_i, windex_i, wdata_i, rows_i}};

  if (Rows != {rows} || Width != {bits}) begin : gen_other_table
    Folded_ConvBits_and_Dataflows_must_be_the_program_s illegal_parameter ();
  end

endmodule
"""


def bias_memory(program, lanes, depth):
    """The bias words of each lane in place of a memory."""
    bits = program.bias_bits
    lines = []
    for lane in range(lanes):
        words = [program.bias_words[index] if index < program.channels else 0 for index in range(lane, depth * lanes, lanes)]
        lines.append(f"      (Lane == {lane}) ? {packed(words, bits)} :")
    return f"""// The bias words of a lane, with the ports and the timing of quasim_ram_1r1w.
//
// Deliberately absent: storage; a write does nothing.
// Registered: rdata_o.

module quasim_bias_rom #(
  parameter int Lane     = 0,
  parameter int Width    = {bits},
  parameter int Depth    = {depth},
  parameter int AddrBits = (Depth > 1) ? $clog2(Depth) : 1
) (
  input  logic                clk_i,
  input  logic                wen_i,
  input  logic [AddrBits-1:0] waddr_i,
  input  logic [Width-1:0]    wdata_i,
  input  logic                ren_i,
  input  logic [AddrBits-1:0] raddr_i,
  output logic [Width-1:0]    rdata_o
);

  localparam logic [{depth * bits - 1}:0] Content =
{chr(10).join(lines)}
      '0;

  logic signed [{bits - 1}:0] word;
  logic [Width-1:0] rdata_q;
  logic             unused_write;

  assign word = Content[raddr_i*{bits}+:{bits}];

  always_ff @(posedge clk_i) begin
    if (ren_i) rdata_q <= Width'(word);
  end

  assign rdata_o      = rdata_q;
  assign unused_write = &{{1'b0, wen_i, waddr_i, wdata_i}};

  if (Width < {bits} || Depth != {depth} || Lane >= {lanes}) begin : gen_other_memory
    BiasBits_LANES_and_MaxChannels_must_be_the_program_s illegal_parameter ();
  end

endmodule
"""


TABLE_WRITE = """  always_ff @(posedge clk_i) begin
    if (table_wen_i) begin
      for (int w = 0; w < Words; w++) begin
        if (windex == PlaceBits'(w)) rows_q[w*32+:32] <= table_wdata_i;
      end
    end
  end
"""


def files(rtl, program, lanes):
    """{name: text} of the unit's folder."""
    depth = -(-program.channels // lanes)
    fold = program.folded_table()
    defaults = {"Lanes": lanes, "MaxChannels": depth * lanes, "ConvBits": program.conv_bits, "MultBits": program.mult_bits, "BiasBits": program.bias_bits,
                "Dataflows": 1, "Folded": int(fold is not None)}
    if fold is not None:
        rows, width, content = len(fold), CONSTANT["FoldBits"], packed(fold, CONSTANT["FoldBits"])
        stored = max(rows * width, 32)
    else:
        rows, width, content = len(program.table) // 2, 16, packed(program.table, 8)
        stored = rows * width
    texts = {path.name: path.read_text() for path in sorted(rtl.glob("quasim_*.sv"))}
    texts["asic/quasim_dot4.sv"] = (rtl / "asic/quasim_dot4.sv").read_text()
    package = (rtl / "generated/quasim_pkg.sv").read_text()
    for name, value in defaults.items():
        package, times = re.subn(rf"(parameter int {upper(name)}_DEFAULT = )\d+;", rf"\g<1>{value};", package)
        if times != 1:
            raise Changed(f"expected {upper(name)}_DEFAULT once")
    texts["generated/quasim_pkg.sv"] = package
    texts["generated/quasim_regs.sv"] = (rtl / "generated/quasim_regs.sv").read_text()
    texts["generated/quasim_map_pkg.sv"] = (rtl / "generated/quasim_map_pkg.sv").read_text()
    texts["quasim.sdc"] = (rtl / "quasim.sdc").read_text()

    requant = fixed_ports(texts["quasim_requant.sv"], {"shift_i": (CONSTANT["ShiftBits"], program.shift), "half_away_i": (1, int(program.half_away)),
                                                       "cut_mask_i": (CONSTANT["ProductBits"], (1 << program.shift) - 1)})
    requant = replaced(requant, "  quasim_ram_1r1w #(\n", "  quasim_bias_rom #(\n    .Lane(Lane),\n")
    texts["quasim_requant.sv"] = replaced(requant, "module quasim_requant #(\n", "module quasim_requant #(\n  parameter int Lane      = 0,\n")
    texts["quasim_top.sv"] = replaced(texts["quasim_top.sv"], "    quasim_requant #(\n", "    quasim_requant #(\n      .Lane(i),\n")
    texts["quasim_multiply_add.sv"] = multiply_add(program, texts["quasim_multiply_add.sv"])
    texts["quasim_table_port.sv"] = table_port(content, rows, width, texts["quasim_table_port.sv"])
    texts["quasim_silu.sv"] = replaced(texts["quasim_silu.sv"], TABLE_WRITE, f"""  logic unused_table_write;

  assign rows_q             = {stored}'({content});
  assign unused_table_write = &{{1'b0, table_wen_i, windex, table_wdata_i}};
""")
    texts["quasim_bias_rom.sv"] = bias_memory(program, lanes, depth)
    note = NOTE.format(name=re.sub(r"[^ -~]", "?", program.name))
    return {name: (note + text if name.endswith(".sv") else text) for name, text in texts.items()}, defaults
