"""The RTL and its checkers as Yosys 0.23 can read them.

It parses `bind` without obeying it, knows no action blocks of assertions, and no hierarchical names. So each bind statement becomes an
instance at the end of its target, `else $error(...)` goes, a name below becomes a wire that `flatten` connects, and quasim_any
becomes a constant that the solver chooses. Lines stay where they are, so that a failed property is found in the checker.
"""
import functools
import hashlib
import pathlib
import re

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
PACKAGES = ["rtl/generated/quasim_pkg.sv", "rtl/generated/quasim_map_pkg.sv"]
BIND = re.compile(r"^bind\s+(\w+)\s+(\w+)\s*(#\s*\((.*?)\n?\))?\s*(\w+)\s*\((.*?)\n?\);", re.DOTALL | re.MULTILINE)
CONNECTION = re.compile(r"\.(\w+)\s*\(")
ELSE = re.compile(r"\s*\belse\s+\$error\(\"[^\"]*\"\)")
HIERARCHICAL = re.compile(r"^\w+(\[\w+\])?(\.\w+(\[\w+\])?)+$")
ANY = re.compile(r"(?<![.\w\\])u_any\w*\.value_q\b")


def sources():
    return PACKAGES + sorted(str(p.relative_to(ROOT)) for pattern in ("rtl/generated/quasim_regs.sv", "rtl/quasim_*.sv", "rtl/checkers/*.sv")
                             for p in ROOT.glob(pattern) if p.name != "quasim_any.sv")


def names():
    return [pathlib.Path(path).name for path in sources()]


def without_comments(text):
    return re.sub(r"//[^\n]*", "", text)


def connections(text):
    """.name(expression) pairs of a port or parameter list."""
    found = {}
    position = 0
    while match := CONNECTION.search(text, position):
        depth, end = 1, match.end()
        while depth:
            depth += {"(": 1, ")": -1}.get(text[end], 0)
            end += 1
        found[match.group(1)] = text[match.end():end - 1].strip()
        position = end
    return found


def blank(text):
    """The newlines of a text."""
    return "\n" * text.count("\n")


@functools.lru_cache(maxsize=None)
def original(path):
    return (ROOT / path).read_text()


def port_width(module, port, parameters, files):
    """The packed range of a checker's port, with the bind's parameters in it."""
    for text in files.values():
        found = re.search(rf"module {module}\b.*?\);", text, re.DOTALL)
        if found:
            declared = re.search(rf"input\s+logic\s*(\[[^\]]*\])?\s*{port}\b", found.group(0))
            width = declared.group(1) or ""
            for name, value in parameters.items():
                width = re.sub(rf"\b{name}\b", f"({value})", width)
            return width
    raise ValueError(f"no module {module} for bind")


def escaped(text):
    """quasim_any is not instantiated; its value has a wire of the same name."""
    return ANY.sub(lambda match: f"\\{match.group(0)} ", text)


def instance(match, files):
    checker, parameters, name, ports = match.group(2), match.group(4) or "", match.group(5), match.group(6)
    if checker == "quasim_any":
        return f" (* anyconst *) logic [{connections(parameters)['Width']}-1:0] \\{name}.value_q ;"
    values = connections(parameters)
    text = ""
    for port, expression in connections(ports).items():
        if HIERARCHICAL.match(expression) and not ANY.match(expression):
            width = port_width(checker, port, values, files)
            text += f" (* hierconn *) wire {width} \\{expression} ;"
            ports = ports.replace(f"({expression})", f"(\\{expression} )")
        elif ANY.search(expression) and not ANY.fullmatch(expression):  # a word of a memory: Yosys wants a wire of its width
            text += f" wire {port_width(checker, port, values, files)} \\{name}.{port} = {escaped(expression)};"
            ports = ports.replace(f"({expression})", f"(\\{name}.{port} )")
    ports = escaped(ports)
    parameter_list = f"#({parameters}) ".replace("\n", " ") if parameters else ""
    return f"{text} {checker} {parameter_list}{name} ({ports.replace(chr(10), ' ')});"


def transform(files, proof):
    """All files with the binds carried out; assumptions of the checkers below the proof's module become properties."""
    extra = {}
    for path, text in files.items():
        for match in BIND.finditer(text):
            if proof.checkers and match.group(1) == proof.module and match.group(2) not in proof.checkers + ("quasim_any",):
                continue
            extra.setdefault(match.group(1), []).append((match.group(2), match))
    result = {}
    for path, text in files.items():
        text = BIND.sub(lambda m: blank(m.group(0)), text)
        text = ELSE.sub(lambda m: blank(m.group(0)), text)
        result[path] = text
    for module, checkers in extra.items():
        for path, text in result.items():
            found = re.search(rf"^module {module}\b.*?^endmodule", text, re.DOTALL | re.MULTILINE)
            if found:
                body = "".join(instance(match, files) for _, match in checkers if match.group(2) == "quasim_any")
                body += "".join(instance(match, files) for _, match in checkers if match.group(2) != "quasim_any")
                if module == proof.module and re.search(r"\brst_ni\b", found.group(0)):
                    body += " always_comb if ($initstate) assume (!rst_ni);"
                result[path] = text[:found.end() - len("endmodule")] + body + " endmodule" + text[found.end():]
                break
        else:
            raise ValueError(f"bind names {module}, which is no module of the RTL")
    own = {checker for checker, _ in extra.get(proof.module, [])}
    for path, text in result.items():
        if "checkers" in path and pathlib.Path(path).stem not in own:
            result[path] = re.sub(r"\bassume\s*\(", "assert (", text)
    return result


def write(directory, proof, fault=None):
    files = {path: without_comments(original(path)) for path in sources()}
    if fault:
        path = next(p for p in files if p.endswith("/" + fault.file))
        if files[path].count(fault.match) != 1:
            raise ValueError(f"{proof.name}: fault {fault.name}: {fault.file} holds the text {files[path].count(fault.match)} times, expected once: {fault.match}")
        files[path] = files[path].replace(fault.match, fault.replacement)
    for path, text in transform(files, proof).items():
        (directory / pathlib.Path(path).name).write_text(text)


def message(name, line):
    """What a checker says of the property at a line."""
    path = next(p for p in sources() if p.endswith("/" + name))
    text = "\n".join(original(path).splitlines()[line - 1:line + 3])
    found = re.search(r"\$error\(\"([^\"]*)\"\)", text)
    return found.group(1) if found else f"{name}:{line}"


def original_line(name, line):
    path = next(p for p in sources() if p.endswith("/" + name))
    return original(path).splitlines()[line - 1].strip()


def modules_below(module, texts, found):
    """The module and all that it holds, checkers included."""
    if module in found or module not in texts:
        return found
    found.add(module)
    for other in texts:
        if other not in found and re.search(rf"\b{other}\b", texts[module]):
            modules_below(other, texts, found)
    return found


def digest(proof):
    """Of all that the proof depends on, comments and spaces apart."""
    files = {path: without_comments(original(path)) for path in sources()}
    transformed = transform(files, proof)
    texts = {}
    for path, text in transformed.items():
        if path not in PACKAGES:
            for match in re.finditer(r"^module (\w+).*?^endmodule|^module (\w+).*? endmodule", text, re.DOTALL | re.MULTILINE):
                texts[match.group(1) or match.group(2)] = match.group(0)
    parts = [repr((proof.module, sorted(proof.parameters.items()), proof.ties, proof.checkers, proof.method, proof.depth, proof.solver))]
    parts += [transformed[path] for path in PACKAGES] + [texts[name] for name in sorted(modules_below(proof.module, texts, set()))]
    return hashlib.sha256("".join("".join(part.split()) for part in parts).encode()).hexdigest()[:16]
