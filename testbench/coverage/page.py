"""docs/coverage.md and docs/coverage.html, made from docs/coverage.json and exceptions.json."""
import html
import re

from quasim.regress import bins, summary

HEAD = """# Coverage

`scripts/coverage.sh` runs the smoke bench in Icarus, its directed tests and random sequences, in each unit below. `quasim_monitor.sv` compares every
output pin with a behavioural model in every cycle and counts the *functional bins*: how often each situation was met (`report_bins` there is
the list of them all). The pins of every cycle go through the unit as Verilator compiles it with `--coverage` too, which counts *lines, branches and
toggles* of the RTL and compares every output pin again: one traffic, two simulators, all counts together.
A bin is met where any unit met it; a line, branch or bit is covered where it was in any unit and instance.

    scripts/coverage.sh              # measures, compares with what is written here
    scripts/coverage.sh --update     # writes docs/coverage.json and this page, and the same to look at: docs/coverage.html

"""
TAIL = """
`coverage.page.is_current` checks that this page is what `docs/coverage.json` says, that all bins are met, that at least 98 % of lines and branches are
covered, and that each exception names something that exists and is not covered; the slow test `coverage.rtl.is_as_written` measures again.
Toggles are counted and have no limit: a bit of a register map's constant cannot change. docs/coverage.html names those that did not.
"""
UNITS = ("unit", "parameters", "stimulus", "cycles", "comparisons with the model", "pins compared in Verilator")
BINS = ("group", "what", "bins", "met", "met least often")
FILES = ("file", "lines", "covered", "branches", "covered", "toggles", "covered")


def unit_rows(document):
    return [(name, unit["parameters"], run["stimulus"], f"{run['cycles']:,}", f"{run['checks']:,}", f"{run['replayed']:,}")
            for name, unit in document["units"].items() for run in unit["runs"]]


def bin_rows(document):
    rows = []
    for row in bins.groups(document["bins"]):
        counts = {name: count for name, count in document["bins"].items() if bins.group_of(name) == row["group"]}
        least = min(counts, key=lambda name: (counts[name], name), default="-")
        rows.append((row["group"], row["meaning"], row["bins"], row["met"], f"{least}: {counts.get(least, 0):,}"))
    return [*rows, ("all", "", sum(row[2] for row in rows), sum(row[3] for row in rows), "")]


def share(kind):
    return "-" if kind["points"] == 0 else f"{100 * kind['covered'] / kind['points']:.1f} %"


def total(document, kind):
    return {key: sum(kinds[kind][key] for kinds in document["code"].values()) for key in ("points", "covered")}


def file_rows(document):
    rows = [(file, kinds) for file, kinds in sorted(document["code"].items())]
    rows.append(("all", {kind: total(document, kind) for kind in ("line", "branch", "toggle")}))
    return [(file, *(cell for kind in ("line", "branch", "toggle") for cell in (f"{kinds[kind]['points']:,}", share(kinds[kind])))) for file, kinds in rows]


def exception_rows(exceptions):
    return [(one["kind"], one.get("file", ""), one["text"] + (f" ({one['what']})" if "what" in one else ""), one["why"]) for one in exceptions]


def toggle_rows(document):
    """Signals with bits that did not change, by file."""
    rows = []
    for file, kinds in sorted(document["code"].items()):
        signals = {}
        for missed in kinds["toggle"]["missed"]:
            found = re.fullmatch(r"(.*?)((\[\d+\])*)", missed["what"])
            signals.setdefault(found.group(1), []).append(found.group(2).strip("[]") or "")
        rows += [(file, signal, ", ".join(sorted(places, key=lambda p: [int(n) for n in re.findall(r"\d+", p)]))) for signal, places in sorted(signals.items())]
    return rows


def headline(document):
    functional = bin_rows(document)[-1]
    return (f"{functional[3]:,} of {functional[2]:,} functional bins met; lines {share(total(document, 'line'))}, branches {share(total(document, 'branch'))}, "
            f"toggles {share(total(document, 'toggle'))} covered")


def escaped(cell):
    return str(cell).replace("|", "\\|")


def table(rows, head):
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    return "\n".join(lines + ["| " + " | ".join(escaped(cell) for cell in row) + " |" for row in rows]) + "\n"


def markdown(document, exceptions):
    files = [(f"`{row[0]}`" if row[0] != "all" else "all", *row[1:]) for row in file_rows(document)]
    named = [(kind, f"`{file}`" if file else "", f"`{text}`", why) for kind, file, text, why in exception_rows(exceptions)]
    return "".join([HEAD, f"Measured on {document['date']}: {headline(document)}.\n", "\n## Units and stimuli\n\n", table(unit_rows(document), UNITS),
                    "\n## Functional bins\n\n", table(bin_rows(document), BINS), "\n## Code\n\n", table(files, FILES), "\n## Exceptions\n\n",
                    table(named, ("kind", "file", "what", "why it cannot be covered")) if named else "None.\n", TAIL])


def html_page(document, exceptions):
    missed = [(file, kind, one["text"], one["what"]) for file, kinds in sorted(document["code"].items()) for kind in ("line", "branch") for one in kinds[kind]["missed"]]
    parts = [f'<p class="good">{html.escape(headline(document))}</p>',
             f'<p class="note">Measured on {document["date"]} by scripts/coverage.sh. docs/coverage.md says how.</p>',
             "<h2>Units and stimuli</h2>", summary.table(unit_rows(document), UNITS), "<h2>Functional bins</h2>", summary.table(bin_rows(document), BINS),
             "<details><summary>Every bin</summary>", summary.table([(name, f"{count:,}") for name, count in document["bins"].items()], ("bin", "met")), "</details>",
             "<h2>Code</h2>", summary.table(file_rows(document), FILES),
             "<h2>Exceptions</h2>", summary.table(exception_rows(exceptions), ("kind", "file", "what", "why it cannot be covered")),
             "<h2>Lines and branches that are not covered</h2>", summary.table(missed, ("file", "kind", "text", "what")),
             "<h2>Bits that did not change</h2>", "<details><summary>By file and signal</summary>",
             summary.table(toggle_rows(document), ("file", "signal", "bits")), "</details>"]
    style = summary.STYLE + "\ntd { text-align: left; } summary { cursor: pointer; margin: .5rem 0; }"
    return ('<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
            f"<title>quasim coverage</title><style>{style}</style></head><body><h1>quasim: coverage of the RTL</h1>" + "\n".join(parts) + "</body></html>\n")


def text(document):
    """For a terminal."""
    rows = [(row[0], row[2], row[3], row[4]) for row in bin_rows(document)]
    lines = [f"{'group':<10} {'bins':>5} {'met':>5}  met least often"] + [f"{a:<10} {b:>5} {c:>5}  {d}" for a, b, c, d in rows]
    files = file_rows(document)
    lines += ["", f"{'file':<34}" + "".join(f"{head:>10}" for head in FILES[1:])] + [f"{row[0]:<34}" + "".join(f"{cell:>10}" for cell in row[1:]) for row in files]
    return "\n".join([*lines, "", headline(document)])


def gone(exceptions, root):
    """Exceptions whose line is in no file any more."""
    return [f"exceptions.json: {one['file']} does not hold: {one['text']}" for one in exceptions
            if one["kind"] != "bin" and one["text"] not in [line.strip() for line in (root / one["file"]).read_text().splitlines()]]
