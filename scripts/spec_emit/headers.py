"""Constants for C++ and C."""
from spec_emit.spec import NOTE, entries, upper


def emit_cpp(spec):
    out = [f"// {NOTE}", "#pragma once", "", "#include <cstdint>", "", "namespace quasim::spec {", ""]
    for name, value, doc, address in entries(spec):
        if address:
            out.append(f"inline constexpr std::uint32_t k{name} = 0x{value:08X}u;  // {doc}")
        else:
            out.append(f"inline constexpr int k{name} = {value};  // {doc}")
    changing = {"input", "sticky", "counter"}
    steady = [f"kReg{r['name']}" for r in spec.registers if not changing & {f["kind"] for f in r["fields"]}]
    halves = [f"kReg{register['name']}" for register, _ in spec.fields("counter")]
    pairs = [f"{{{low}, {high}}}" for low, high in zip(halves[::2], halves[1::2])]
    bases = [f"k{window['name']}Base" for window in spec.windows]
    fixed = [f"kReg{r['name']}" for r in spec.registers if r["access"] == "ro"]
    written = [f"kReg{r['name']}" for r in spec.registers if r["access"] != "ro"]
    out += ["// Registers that no write changes, and the others; those that change by a write alone; counters, low and high half; windows.",
            f"inline constexpr std::uint32_t kReadOnlyRegisters[] = {{{', '.join(fixed)}}};",
            f"inline constexpr std::uint32_t kWritableRegisters[] = {{{', '.join(written)}}};",
            f"inline constexpr std::uint32_t kSteadyRegisters[] = {{{', '.join(steady)}}};",
            f"inline constexpr std::uint32_t kCounterRegisters[][2] = {{{', '.join(pairs)}}};",
            f"inline constexpr std::uint32_t kWindowBases[] = {{{', '.join(bases)}}};"]
    out += ["", "}  // namespace quasim::spec", ""]
    return "\n".join(out)


def emit_c(spec):
    out = [f"/* {NOTE} */", "#ifndef QUASIM_REGS_H_", "#define QUASIM_REGS_H_", ""]
    for name, value, doc, address in entries(spec):
        text = f"0x{value:08X}u" if address else f"{value}"
        out.append(f"#define QUASIM_{upper(name)} {text} /* {doc} */")
    out += ["", "#endif /* QUASIM_REGS_H_ */", ""]
    return "\n".join(out)
