"""What a regression came to: summary.json, junit.xml and index.html. Nothing in summary.json depends on who ran what and when."""

import html
import json
import pathlib
import xml.sax.saxutils

from . import bins, runs
from ..refusal import Refusal

FORMAT = "quasim.regress/1"


def read_runs(folder, planned):
    """The documents of a folder. planned: {file name: (unit, seed, sequences)} of every run that may be there. Raises Refusal for others."""
    documents = []
    for path in sorted((folder / "runs").glob("*.json")):
        try:
            document = json.loads(path.read_text())
        except (ValueError, UnicodeDecodeError) as error:
            raise Refusal(str(path), "", "a run's JSON", error) from None
        if not isinstance(document, dict) or document.get("format") != runs.FORMAT:
            raise Refusal(str(path), "format", runs.FORMAT, document.get("format") if isinstance(document, dict) else "no object")
        run = planned.get(path.name)
        if run is None or [document.get(key) for key in ("unit", "seed", "sequences")] != list(run):
            raise Refusal(str(path), "", "a run of this regression", "another")
        if not isinstance(document.get("passed"), bool) or not isinstance(document.get("seconds"), (int, float)):
            raise Refusal(str(path), "passed", "true or false, with seconds", document.get("passed"))
        if not document["passed"] and not isinstance(document.get("failure"), dict):
            raise Refusal(str(path), "failure", "what failed", document.get("failure"))
        documents.append(document)
    return sorted(documents, key=lambda document: (document["seed"], document["unit"]))


def made(plan, documents, planned):
    total = bins.merged(documents)
    units = {}
    for document in documents:
        unit = units.setdefault(document["unit"], {"runs": 0, "failed": 0, "sequences": 0, **dict.fromkeys(runs.NUMBERS, 0)})
        unit["runs"] += 1
        unit["failed"] += not document["passed"]
        unit["sequences"] += document["sequences"]
        for name in runs.NUMBERS:
            unit[name] += document.get(name, 0)
    rows = bins.groups(total)
    return {"format": FORMAT, "plan": plan, "runs_planned": planned, "runs": len(documents), "complete": len(documents) == planned,
            "failed": sum(not document["passed"] for document in documents), "sequences": sum(document["sequences"] for document in documents),
            "units": units, "failures": [{key: value for key, value in document.items() if key not in ("seconds", "format")}
                                         for document in documents if not document["passed"]],
            "coverage": {"bins": sum(row["bins"] for row in rows), "met": sum(row["met"] for row in rows),
                         "missing": [name for row in rows for name in row["missing"]], "groups": rows}, "bins": total}


def junit(summary, documents):
    quoted = xml.sax.saxutils.quoteattr
    lines = ['<?xml version="1.0" encoding="UTF-8"?>',
             f'<testsuite name="quasim regress" tests="{len(documents)}" failures="{summary["failed"]}" errors="0" '
             f'time="{sum(document["seconds"] for document in documents):.2f}">']
    for document in documents:
        name = f'seeds {document["seed"]} to {document["seed"] + document["sequences"] - 1}'
        lines.append(f'  <testcase classname={quoted("regress." + document["unit"])} name={quoted(name)} time="{document["seconds"]:.2f}">')
        if not document["passed"]:
            failure = document["failure"]
            lines.append(f'    <failure message={quoted(failure["message"])}>{xml.sax.saxutils.escape(failure.get("reproduce", ""))}</failure>')
        lines.append("  </testcase>")
    return "\n".join([*lines, "</testsuite>", ""])


def table(rows, head):
    cells = ["<tr>" + "".join(f"<th>{html.escape(str(cell))}</th>" for cell in head) + "</tr>"]
    cells += ["<tr>" + "".join(f"<td>{html.escape(str(cell))}</td>" for cell in row) + "</tr>" for row in rows]
    return '<div class="scroll"><table>' + "".join(cells) + "</table></div>"


STYLE = """:root { --page: #fff; --text: #1b1f24; --muted: #5a6472; --line: #d5d9e0; --good: #00734f; --bad: #b3261e; }
@media (prefers-color-scheme: dark) { :root { --page: #14171c; --text: #e6e9ee; --muted: #a0aab8; --line: #39414d; --good: #4ad6a7; --bad: #ff8a80; } }
body { margin: 0 auto; max-width: 1400px; padding: .5rem 1.25rem 3rem; background: var(--page); color: var(--text); font: 15px/1.5 system-ui, sans-serif; }
h1 { font-size: 1.15rem; } h2 { font-size: 1.1rem; margin: 1.75rem 0 .5rem; } .note { color: var(--muted); font-size: .85rem; }
table { border-collapse: collapse; font-size: .85rem; font-variant-numeric: tabular-nums; } .scroll { overflow-x: auto; }
th, td { padding: .15rem .6rem; text-align: right; border-bottom: 1px solid var(--line); } th:first-child, td:first-child, td:last-child { text-align: left; }
.good { color: var(--good); font-weight: 600; } .bad { color: var(--bad); font-weight: 600; } pre { white-space: pre-wrap; overflow-wrap: anywhere; }"""


def page(summary):
    good = summary["failed"] == 0 and summary["complete"]
    coverage = summary["coverage"]
    parts = [f'<p class="{"good" if good else "bad"}">{html.escape(headline(summary))}</p>',
             "<h2>Units</h2>", table([(name, unit["runs"], unit["failed"], unit["sequences"], *(f'{unit[key]:,}' for key in runs.NUMBERS), parameters(summary, name))
                                      for name, unit in sorted(summary["units"].items())],
                                     ("unit", "runs", "failed", "sequences", *(key.replace("_", " ") for key in runs.NUMBERS), "parameters")),
             "<h2>Functional coverage</h2>", table([(row["group"], row["bins"], row["met"], row["excepted"], ", ".join(row["missing"][:20]) or "-", row["meaning"])
                                                    for row in coverage["groups"]], ("group", "bins", "met", "excepted", "missing", "meaning"))]
    for name, why in bins.EXCEPTIONS.items():
        parts.append(f'<p class="note">Excepted: {html.escape(name)}: {html.escape(why)}</p>')
    if summary["failures"]:
        parts.append("<h2>Failures</h2>")
        for failure in summary["failures"]:
            parts.append(f'<pre>{html.escape(failure["failure"]["message"])}\n{html.escape(failure["failure"].get("reproduce", ""))}</pre>')
    return ('<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
            f"<title>quasim regress</title><style>{STYLE}</style></head><body><h1>quasim regress</h1>" + "\n".join(parts) + "</body></html>\n")


def parameters(summary, unit):
    return " ".join(f"{name}={value}" for name, value in summary["plan"]["units"].get(unit, {}).items())


def headline(summary):
    coverage = summary["coverage"]
    checks, cycles = (sum(unit[key] for unit in summary["units"].values()) for key in ("checks", "cycles"))
    return (f'{summary["sequences"]:,} sequences in {summary["runs"]} of {summary["runs_planned"]} runs: {summary["failed"]} failed; {checks:,} comparisons in '
            f'{cycles:,} cycles; {coverage["met"]} of {coverage["bins"]} functional bins met')


def write(folder, plan, planned, runs_of_plan):
    documents = read_runs(folder, runs_of_plan)
    summary = made(plan, documents, planned)
    runs.write_json(folder / "summary.json", summary)
    for name, text in (("junit.xml", junit(summary, documents)), ("index.html", page(summary))):
        (folder / f".{name}").write_text(text)
        (folder / f".{name}").replace(folder / name)
    return summary
