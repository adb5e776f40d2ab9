"""The register map for register tools: SystemRDL and IP-XACT."""
from xml.sax.saxutils import escape

from spec_emit.spec import NOTE, base_of, offset, version_text

VENDOR, LIBRARY, NAME = "quasim", "unit", "quasim_top"

# What software may do with a field, and what the hardware does, by access and kind.
RDL_SW = {"ro": "r", "rw": "rw", "wo": "w"}
RDL_HW = {"constant": "na", "stored": "r", "input": "w", "sticky": "w", "pulse": "r", "counter": "w"}
XML_ACCESS = {"ro": "read-only", "rw": "read-write", "wo": "write-only"}


def text_of(doc):
    return doc.replace("\\", "\\\\").replace('"', '\\"')


def reset_of(spec, register, field, parameters):
    """A field's value after reset; None where the hardware drives it."""
    if field["kind"] == "constant":
        return spec.constant_of(field, parameters)
    if field["kind"] in ("stored", "pulse", "sticky"):
        return spec.reset_of(register, parameters) >> field["lsb"] & ((1 << field["width"]) - 1)
    return None


def emit_rdl(spec):
    """SystemRDL 2.0, the unit's parameters as parameters of the address map."""
    parameters = ", ".join(f"longint unsigned {name} = {value}" for name, value in spec.defaults().items())
    out = [f"// {NOTE}", "", f"addrmap {NAME} #({parameters}) {{",
           f'  name = "quasim"; desc = "Register map {version_text(spec)}: causal conv1d, round, SiLU, round in int8.";',
           "  default regwidth = 32; default accesswidth = 32; addressing = regalign; littleendian; lsb0;", ""]
    for register in spec.registers:
        out += ["  reg {", f'    desc = "{text_of(register["doc"])}";']
        for field in register["fields"]:
            out.append("    field {")
            out.append(f'      desc = "{text_of(field["doc"])}"; sw = {RDL_SW[register["access"]]}; hw = {RDL_HW[field["kind"]]};')
            if field["kind"] == "pulse":
                out.append("      singlepulse;")
            if field["kind"] == "constant" and field["value"] in spec.parameter:
                reset = f" = {field['value']}"
            else:
                value = reset_of(spec, register, field, spec.defaults())
                reset = "" if value is None else f" = 0x{value:X}"
            out.append(f"    }} {field['name']}[{field['lsb'] + field['width'] - 1}:{field['lsb']}]{reset};")
        out.append(f"  }} {register['name']} @ {register['offset']};")
    out.append("")
    for window in spec.windows:
        entries = f"({window['elaborated_bytes']}) / 4"
        out += ["  external mem {", f'    desc = "{text_of(window["doc"])}"; mementries = {entries}; memwidth = 32; sw = rw;',
                f"  }} {window['name']} @ {window['base']};"]
    return "\n".join(out + ["};", ""])


def xml(tag, text):
    return f"<ipxact:{tag}>{escape(str(text))}</ipxact:{tag}>"


def xml_field(spec, register, field):
    out = ["          <ipxact:field>", f"            {xml('name', field['name'])}", f"            {xml('description', field['doc'])}",
           f"            {xml('bitOffset', field['lsb'])}"]
    value = reset_of(spec, register, field, spec.defaults())
    if value is not None:
        out += ["            <ipxact:resets>", "              <ipxact:reset>", f"                {xml('value', hex(value))}",
                "              </ipxact:reset>", "            </ipxact:resets>"]
    out += [f"            {xml('bitWidth', field['width'])}"]
    if field["kind"] in ("input", "sticky", "counter"):
        out.append(f"            {xml('volatile', 'true')}")
    out += [f"            {xml('access', XML_ACCESS[register['access']])}", "          </ipxact:field>"]
    return out


def emit_ipxact(spec):
    """IP-XACT (IEEE 1685-2014): the memory map of a unit with the default parameters."""
    out = ['<?xml version="1.0" encoding="UTF-8"?>', f"<!-- {NOTE} -->",
           '<ipxact:component xmlns:ipxact="http://www.accellera.org/XMLSchema/IPXACT/1685-2014"'
           ' xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"'
           ' xsi:schemaLocation="http://www.accellera.org/XMLSchema/IPXACT/1685-2014'
           ' http://www.accellera.org/XMLSchema/IPXACT/1685-2014/index.xsd">',
           f"  {xml('vendor', VENDOR)}", f"  {xml('library', LIBRARY)}", f"  {xml('name', NAME)}", f"  {xml('version', version_text(spec))}",
           "  <ipxact:memoryMaps>", "    <ipxact:memoryMap>", f"      {xml('name', 's_axil')}",
           "      <ipxact:addressBlock>", f"        {xml('name', 'registers')}", f"        {xml('baseAddress', '0x0')}",
           f"        {xml('range', hex(max(map(offset, spec.registers)) + 4))}", f"        {xml('width', 32)}", f"        {xml('usage', 'register')}"]
    for register in spec.registers:
        out += ["        <ipxact:register>", f"          {xml('name', register['name'])}", f"          {xml('description', register['doc'])}",
                f"          {xml('addressOffset', hex(offset(register)))}", f"          {xml('size', 32)}"]
        for field in register["fields"]:
            out += xml_field(spec, register, field)
        out.append("        </ipxact:register>")
    out.append("      </ipxact:addressBlock>")
    for window in spec.windows:
        out += ["      <ipxact:addressBlock>", f"        {xml('name', window['name'])}", f"        {xml('description', window['doc'])}",
                f"        {xml('baseAddress', hex(base_of(window)))}", f"        {xml('range', hex(spec.window_bytes(window, spec.defaults())))}",
                f"        {xml('width', 32)}", f"        {xml('usage', 'memory')}", f"        {xml('access', 'read-write')}",
                "      </ipxact:addressBlock>"]
    return "\n".join(out + [f"      {xml('addressUnitBits', 8)}", "    </ipxact:memoryMap>", "  </ipxact:memoryMaps>", "</ipxact:component>", ""])
