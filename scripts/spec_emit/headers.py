"""Constants for C++ and C."""
import re

from spec_emit.spec import NOTE, entries, upper
from spec_emit.tables import argument, mask_text, reset_text, snake


def register_map(spec):
    """The register map as tables, for models of the bus; what depends on the unit takes its parameters."""
    arguments = {name: argument(spec, name) for name in spec.parameter}

    def cpp(expression):
        """An expression of quasim_map_pkg in C++."""
        for name in arguments.values():
            expression = re.sub(rf"\b{name}\b", f"unit.{name}", expression)
        expression = re.sub(r"32'\(", "static_cast<std::uint32_t>(", expression)
        return re.sub(r"32'd(\d+)", r"\1U", re.sub(r"32'h([0-9A-F]+)", r"0x\1U", expression))

    def switch(name, texts):
        cases = [f"    case {index}: return {cpp(text)};" for index, text in enumerate(texts) if text != "32'h00000000"]
        return [f"constexpr std::uint32_t {name}(std::size_t index, const UnitParameters& unit) {{", "  switch (index) {", *cases,
                "    default: return 0;", "  }", "}"]
    rows = [f"    {{kReg{r['name']}, {str(r['access'] != 'ro').lower()}, {str(r.get('write_when') == 'always').lower()}}}," for r in spec.registers]
    halves = [f"kReg{register['name']}" for register, _ in spec.fields("counter")]
    pairs = [f"{{{low}, {high}}}" for low, high in zip(halves[::2], halves[1::2])]
    bases = [f"k{window['name']}Base" for window in spec.windows]
    return ["// The parameters of a unit.", "struct UnitParameters {", f"  int {', '.join(arguments.values())};", "};", "",
            "struct RegisterEntry {", "  std::uint32_t address;", "  bool writable;", "  bool always;  // may be written while the unit runs", "};",
            "// In the order of the functions below.", "inline constexpr RegisterEntry kRegisters[] = {", *rows, "};",
            "// Low and high half.", f"inline constexpr std::uint32_t kCounterRegisters[][2] = {{{', '.join(pairs)}}};",
            "// In the order of window_bytes.", f"inline constexpr std::uint32_t kWindowBases[] = {{{', '.join(bases)}}};", "",
            "// What a register holds after reset.", *switch("register_reset", [reset_text(spec, r) for r in spec.registers]), "",
            "// The bits that a write may set.", *switch("register_mask", [mask_text(spec, r) for r in spec.registers]), "",
            "// The bytes of a window that answer.",
            *switch("window_bytes", [f"32'({snake(spec, w['elaborated_bytes'])})" for w in spec.windows])]


def emit_cpp(spec):
    out = [f"// {NOTE}", "#pragma once", "", "#include <cstddef>", "#include <cstdint>", "", "namespace quasim::spec {", ""]
    for name, value, doc, address in entries(spec):
        if address:
            out.append(f"inline constexpr std::uint32_t k{name} = 0x{value:08X}u;  // {doc}")
        else:
            out.append(f"inline constexpr int k{name} = {value};  // {doc}")
    out += ["", *register_map(spec)]
    out += ["", "}  // namespace quasim::spec", ""]
    return "\n".join(out)


def emit_c(spec):
    out = [f"/* {NOTE} */", "#ifndef QUASIM_REGS_H_", "#define QUASIM_REGS_H_", ""]
    for name, value, doc, address in entries(spec):
        text = f"0x{value:08X}u" if address else f"{value}"
        out.append(f"#define QUASIM_{upper(name)} {text} /* {doc} */")
    out += ["", "#endif /* QUASIM_REGS_H_ */", ""]
    return "\n".join(out)
