"""Constants for C++ and C."""
from spec_emit.spec import NOTE, entries, upper


def emit_cpp(spec):
    out = [f"// {NOTE}", "#pragma once", "", "#include <cstdint>", "", "namespace quasim::spec {", ""]
    for name, value, doc, address in entries(spec):
        if address:
            out.append(f"inline constexpr std::uint32_t k{name} = 0x{value:08X}u;  // {doc}")
        else:
            out.append(f"inline constexpr int k{name} = {value};  // {doc}")
    out += ["", "}  // namespace quasim::spec", ""]
    return "\n".join(out)


def emit_c(spec):
    out = [f"/* {NOTE} */", "#ifndef QUASIM_REGS_H_", "#define QUASIM_REGS_H_", ""]
    for name, value, doc, address in entries(spec):
        text = f"0x{value:08X}u" if address else f"{value}"
        out.append(f"#define QUASIM_{upper(name)} {text} /* {doc} */")
    out += ["", "#endif /* QUASIM_REGS_H_ */", ""]
    return "\n".join(out)
