"""docs/mutation.md: the table of planted faults, made from the results of a measurement."""
import collections
import json
import sys

HEAD = """# Planted faults

How many small faults do the checks find? `scripts/mutation.sh` plants them one at a time, of the kinds that a designer makes: a constant one off, a
comparison turned round, a condition dropped, a wrong bit, a wrong reset value, a signal one cycle early, a neighbour's name, a statement
forgotten. Each runs through the fast checks of its room until one finds it:

| room | sources | checks, in this order |
|---|---|---|
| rtl | `rtl/*.sv`, `rtl/generated/quasim_regs.sv` | smoke bench in Icarus at several widths (`rtl.tools.smoke`), Verilator's lint |
| cpp | `model/stages`, `exact`, `compile`, `prove`, `spec` | the programs `stages_tests`, `exact_tests`, `compile_tests`, `prove_tests`, `round_clamp_test`, `spec_tests`, then `exact.oracle.equals_an_independent_one` |

A fault that changes nothing is no fault: where Yosys proves that the faulty module equals the original (SAT, induction over its registers), or where a
reason is given below, it counts as equivalent. Faults that do not compile are replaced by others. The score is found / (found + survived).

"""
TAIL = """
Made by `scripts/mutation.sh --page` from `docs/mutation/*.json`, which hold every fault with what found it. A measurement takes an hour of a
core, so it is not repeated with every edit; `mutation.page.is_current` checks that this page is what the files say.
"""


def table(rows, head):
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    return "\n".join(lines + ["| " + " | ".join(str(cell) for cell in row) + " |" for row in rows]) + "\n"


def counted(mutants, key):
    """Rows of name, found, equivalent, survived."""
    groups = collections.defaultdict(collections.Counter)
    for mutant in mutants:
        groups[key(mutant)][mutant["status"]] += 1
    return [(name, c["killed"], c["equivalent"], c["survived"]) for name, c in sorted(groups.items())]


def code(text):
    return "`" + text.replace("|", "\\|") + "`"


def text_of(results):
    parts = [HEAD, "## Score\n\n"]
    rows = []
    for result in results:
        count = collections.Counter(m["status"] for m in result["mutants"])
        tried = count["killed"] + count["survived"]
        command = f"`scripts/mutation.sh --room {result['room']} --count {result['count']} --seed {result['seed']}`"
        rows.append((result["room"], command + ("" if result.get("complete") else ", stopped before its end"), result["date"], tried + count["equivalent"], count["equivalent"], tried, count["killed"],
                     count["survived"], f"{100 * count['killed'] / max(tried, 1):.1f} %"))
    parts.append(table(rows, ("room", "command", "date", "faults", "equivalent", "remaining", "found", "survived", "score")))
    for result in results:
        mutants = [m for m in result["mutants"] if m["status"] != "invalid"]
        parts.append(f"\n## {result['room']}: by kind and by file\n\n")
        parts.append(table(counted(mutants, lambda m: m["kind"]), ("kind", "found", "equivalent", "survived")))
        parts.append("\n" + table(counted(mutants, lambda m: f"`{m['file']}`"), ("file", "found", "equivalent", "survived")))
        first = collections.Counter(m["by"].split(": ")[0].split(",")[0] if m["by"].startswith("smoke") is False else m["by"].split(": ")[0]
                                    for m in mutants if m["status"] == "killed")
        parts.append("\n" + table(first.most_common(), ("found first by", "faults")))
        left = [m for m in mutants if m["status"] == "survived"]
        if left:
            parts.append("\nSurvived:\n\n" + table([(f"`{m['file']}:{m['line']}`", code(m["before"]), code(m["after"])) for m in left],
                                                   ("where", "original", "fault")))
        equal = [m for m in mutants if m["status"] == "equivalent"]
        if equal:
            parts.append("\nEquivalent:\n\n" + table([(f"`{m['file']}:{m['line']}`", code(m["before"]), code(m["after"]), m["by"].replace("|", "\\|"))
                                                      for m in equal], ("where", "original", "fault", "why")))
    parts.append(TAIL)
    return "".join(parts)


def make(path, files, check):
    results = [json.loads(file.read_text()) for file in files]
    if not results or not all(result["mutants"] for result in results):
        print("mutation: expected results with faults in them", file=sys.stderr)
        return 2
    text = text_of(results)
    if check:
        if path.read_text() != text:
            print(f"mutation: {path} is not what the results say; run scripts/mutation.sh --page", file=sys.stderr)
            return 1
        print(f"mutation: {path.name} is current: {sum(len(r['mutants']) for r in results)} faults")
        return 0
    path.write_text(text)
    return 0
