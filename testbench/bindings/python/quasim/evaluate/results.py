"""The table of runs: as text, Markdown and a page."""

import html
import json
import pathlib

from ..importer.files import read_json
from ..refusal import Refusal
from .runs import FORMAT, write_whole

COLLECTION = "quasim.evaluations/1"
COLLECTION_FILE = "results.json"
PAGE_FILE = "index.html"
SPEED_FILE = "speed.json"


def collect(folder, names):
    """The documents of a folder's runs in the order of names, as one document."""
    folder = pathlib.Path(folder)
    runs = []
    for name in names:
        document = read_json(folder / f"{name}.json")
        if document.get("format") != FORMAT:
            raise Refusal(folder / f"{name}.json", "format", FORMAT, document.get("format"))
        runs.append({key: value for key, value in document.items() if key not in ("format", "settings")})
        settings = document["settings"]
    collection = {"format": COLLECTION, "settings": settings, "runs": runs}
    if (folder / SPEED_FILE).exists():
        collection["speed"] = read_json(folder / SPEED_FILE)["timings"]
    return collection


def write(folder, collection):
    """Writes results.json and index.html."""
    folder = pathlib.Path(folder)
    text = json.dumps(collection, indent=1) + "\n"
    write_whole(folder / COLLECTION_FILE, lambda file: file.write(text.encode()))
    write_whole(folder / PAGE_FILE, lambda file: file.write(page(collection).encode()))


def read(path):
    """A results.json. Raises Refusal."""
    collection = read_json(path)
    if collection.get("format") != COLLECTION or not collection.get("runs"):
        raise Refusal(path, "format", COLLECTION + " with runs", collection.get("format"))
    return collection


def percent(value, digits=2):
    return f"{100 * value:.{digits}f}%"


def share_text(measures, name):
    one = measures.get(name)
    return "-" if one is None else f"{percent(one['value'])} ({percent(one['low'])} to {percent(one['high'])})"


def loss_text(measures):
    one = measures["loss"]
    return f"{one['value']:.4f}"


def change_of_loss(change):
    loss = change["loss"]
    return f"{loss['value']:+.4f} ({loss['low']:+.4f} to {loss['high']:+.4f})" + (", noise" if loss["noise"] else "")


def change_of_share(change, name):
    one = change.get(name)
    if one is None:
        return "-"
    return f"{100 * one['value']:+.2f} (p {p_text(one['p'])})" + (", noise" if one["noise"] else "")


def p_text(p):
    return "< 1e-9" if p < 1e-9 else f"{p:.2g}"


MEASURES = ("row", "name", "loss", "next token right", "agrees with fp32", "LAMBADA")
CHANGES = ("row", "against", "loss", "next token right, points", "LAMBADA, points", "choices that differ")


def measure_rows(collection):
    return [(run["configuration"]["title"], run["configuration"]["name"], loss_text(run["measures"]), share_text(run["measures"], "top1"),
             share_text(run["measures"], "agreement"), share_text(run["measures"], "lambada")) for run in collection["runs"]]


def change_rows(collection):
    return [(run["configuration"]["name"], other, change_of_loss(change), change_of_share(change, "top1"), change_of_share(change, "lambada"),
             f"{change['choices_differ']:,} of {change['choices']:,}")
            for run in collection["runs"] for other, change in run["against"].items()]


def program_rows(collection):
    return [(run["configuration"]["name"], f"{run['points_unlike_golden']:,}") for run in collection["runs"]
            if run["configuration"]["mult_bits"] is not None]


def markdown_table(head, rows):
    line = lambda cells: "| " + " | ".join(cells) + " |"
    return "\n".join([line(head), line(["---"] * len(head)), *(line([f"`{row[i]}`" if head[i] in ("name", "against") or (i == 0 and head is not MEASURES)
                                                                     else row[i] for i in range(len(row))]) for row in rows)])


def speed_rows(speed):
    own = speed["model_seconds"]["own"], speed["layer_seconds"]["own"]
    return [(name, f"{1000 * seconds:.2f}", f"{seconds / own[0]:.3f}", f"{1e6 * speed['layer_seconds'][name]:.0f}",
             f"{speed['layer_seconds'][name] / own[1]:.2f}") for name, seconds in speed["model_seconds"].items()]


SPEED = ("convolution", "model, ms", "time : own", "convolution and SiLU of one layer, us", "time : own")


def markdown(collection):
    """What the docs hold between their marks."""
    parts = [markdown_table(MEASURES, measure_rows(collection)), markdown_table(CHANGES, change_rows(collection))]
    if program_rows(collection):
        parts.append(markdown_table(("program", "points (acc, bias) unlike the golden"), program_rows(collection)))
    for speed in collection.get("speed", []):
        parts.append(f"{speed['device']}, {speed['dtype']}, batch {' x '.join(map(str, speed['batch']))}, own convolution: "
                     f"{speed['own_convolution']}; medians of {speed['rounds']} rounds:\n\n" + markdown_table(SPEED, speed_rows(speed)))
    return "\n\n".join(parts) + "\n"


def text(collection):
    """The table for a terminal."""
    rows = [MEASURES[1:], *(row[1:] for row in measure_rows(collection))]
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    lines = ["  ".join(cell.rjust(width) if i else cell.ljust(width) for i, (cell, width) in enumerate(zip(row, widths))).rstrip() for row in rows]
    return "\n".join([lines[0], "-" * max(map(len, lines)), *lines[1:]])


# (question, row, the row that it is compared with)
QUESTIONS = (
    ("Two roundings in place of one", "two_step", "fused"),
    ("Two roundings in place of one, at the percentile scale", "two_step_percentile", "fused_percentile"),
    ("The deployed kernels' fast math", "deployed", "fused"),
    ("An output scale 1.75 times as large, two_step", "two_step_larger", "two_step"),
    ("An output scale 1.75 times as large, fused", "fused_larger", "fused"),
    ("The percentile scale 1.75 times as large, two_step", "two_step_percentile_larger", "two_step_percentile"),
    ("The percentile scale 1.75 times as large, fused", "fused_percentile_larger", "fused_percentile"),
    ("That against the largest magnitude's scale, fused", "fused_percentile_larger", "fused"),
)


def reversed_change(change):
    """The change the other way round."""
    turned = {"loss": {**change["loss"], "value": -change["loss"]["value"], "low": -change["loss"]["high"], "high": -change["loss"]["low"]}}
    for name in ("top1", "lambada"):
        if name in change:
            turned[name] = {**change[name], "value": -change[name]["value"]}
    return turned


def change_between(collection, row, other):
    """The change from `other` to `row`, whichever of the two was compared with the other; None where neither was."""
    against = {run["configuration"]["name"]: run["against"] for run in collection["runs"]}
    if other in against.get(row, {}):
        return against[row][other]
    return reversed_change(against[other][row]) if row in against.get(other, {}) else None


def verdict(change):
    loss = change["loss"]
    if loss["noise"]:
        return "costs nothing that can be told from chance"
    return "costs" if loss["value"] > 0 else "gains"


def answers(collection):
    """The questions that the rows decide, each with its numbers."""
    lines = []
    against = {run["configuration"]["name"]: run["against"] for run in collection["runs"]}
    modes = [(name, flow, against[name][flow]) for flow in ("two_step", "fused") for name in (f"{flow}_mode1", f"{flow}_mode2")
             if flow in against.get(name, {})]
    if modes:
        differ, total = sum(change["choices_differ"] for *_, change in modes), sum(change["choices"] for *_, change in modes)
        lines.append(f"- Modes 0, 1 and 2 predict the same: {differ:,} of {total:,} first choices differ ({', '.join(f'`{name}`' for name, *_ in modes)}).")
    for question, row, other in QUESTIONS:
        change = change_between(collection, row, other)
        if change is not None:
            lines.append(f"- {question} {verdict(change)}: loss {change_of_loss(change)}, next token {change_of_share(change, 'top1')}, "
                         f"LAMBADA {change_of_share(change, 'lambada')} (`{row}` against `{other}`).")
    return "\n".join(lines) + "\n"


def document(collection):
    """What the docs say of a collection: what was run, what it decides, and its tables."""
    return f"{sentence_of(collection['settings'])}.\n\n" + answers(collection) + "\n" + markdown(collection)


STYLE = """
:root { color-scheme: light dark; --page: #ffffff; --panel: #f6f7f9; --line: #d5d9e0; --text: #1b1f24; --muted: #5a6472; --c0: #0072b2; }
@media (prefers-color-scheme: dark) { :root { --page: #14171c; --panel: #1d2229; --line: #39414d; --text: #e6e9ee; --muted: #a0aab8; --c0: #56b4e9; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--page); color: var(--text); font: 15px/1.5 system-ui, sans-serif; }
header { padding: .5rem 1.25rem; border-bottom: 1px solid var(--line); }
h1 { font-size: 1.15rem; margin: 0; } h2 { font-size: 1.1rem; margin: 1.75rem 0 .5rem; }
main { max-width: 1400px; margin: 0 auto; padding: .5rem 1.25rem 3rem; }
.note { color: var(--muted); font-size: .85rem; } .scroll { overflow-x: auto; }
table { border-collapse: collapse; font-size: .85rem; font-variant-numeric: tabular-nums; }
th, td { padding: .15rem .6rem; text-align: right; border-bottom: 1px solid var(--line); white-space: nowrap; }
th:first-child, td:first-child { text-align: left; }
figure { margin: 0; padding: .75rem; background: var(--panel); border: 1px solid var(--line); border-radius: 8px; }
svg { width: 100%; height: auto; font: 12px system-ui, sans-serif; fill: var(--text); }
"""


def page_table(head, rows):
    cells = lambda row, tag: "<tr>" + "".join(f"<{tag}>{html.escape(cell)}</{tag}>" for cell in row) + "</tr>"
    return f'<div class="scroll"><table><thead>{cells(head, "th")}</thead><tbody>{"".join(cells(row, "td") for row in rows)}</tbody></table></div>'


def loss_figure(collection):
    """Change of the loss against fp32, row by row, with its interval."""
    rows = [(run["configuration"]["name"], run["against"]["fp32"]["loss"]) for run in collection["runs"] if "fp32" in run["against"]]
    if not rows:
        return ""
    low, high = min(0.0, *(one["low"] for _, one in rows)), max(0.0, *(one["high"] for _, one in rows))
    at = lambda value: 260 + 660 * (value - low) / ((high - low) or 1.0)
    marks = [f'<line x1="{at(0):.1f}" x2="{at(0):.1f}" y1="0" y2="{20 * len(rows)}" stroke="var(--muted)"/>']
    for number, (name, one) in enumerate(rows):
        y = 20 * number + 10
        marks.append(f'<text x="250" y="{y + 4}" text-anchor="end">{html.escape(name)}</text>'
                     f'<line x1="{at(one["low"]):.1f}" x2="{at(one["high"]):.1f}" y1="{y}" y2="{y}" stroke="var(--c0)" stroke-width="2"/>'
                     f'<circle cx="{at(one["value"]):.1f}" cy="{y}" r="4" fill="var(--c0)"><title>{html.escape(change_of_loss({"loss": one}))}</title></circle>')
    return (f'<figure><svg viewBox="0 0 940 {20 * len(rows) + 20}" role="img" aria-label="Change of the loss against fp32">{"".join(marks)}'
            f'<text x="260" y="{20 * len(rows) + 16}">{low:+.4f}</text><text x="920" y="{20 * len(rows) + 16}" text-anchor="end">{high:+.4f}</text></svg></figure>')


def page(collection):
    """One file without anything from outside."""
    settings = collection["settings"]
    parts = [f'<p class="note">{html.escape(sentence_of(settings))}</p>', "<ul>" + "".join(f"<li>{html.escape(line[2:].replace('`', ''))}</li>" for line in answers(collection).splitlines()) + "</ul>",
             "<h2>Loss against fp32, with 95% intervals</h2>", loss_figure(collection),
             "<h2>Measures</h2>", page_table(MEASURES, measure_rows(collection)), "<h2>Changes</h2>",
             '<p class="note">Loss: bootstrap over sequences. Shares: McNemar&#8217;s exact test on the same tokens. "noise": p above 0.01.</p>',
             page_table(CHANGES, change_rows(collection))]
    if program_rows(collection):
        parts += ["<h2>Programs</h2>", page_table(("program", "points (acc, bias) unlike the golden"), program_rows(collection))]
    for speed in collection.get("speed", []):
        parts += [f"<h2>Speed: {html.escape(speed['device'])}, {speed['dtype']}</h2>", page_table(SPEED, speed_rows(speed))]
    return (f'<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n<meta name="viewport" content="width=device-width, initial-scale=1">\n'
            f'<meta http-equiv="Content-Security-Policy" content="default-src \'none\'; style-src \'unsafe-inline\'">\n<title>quasim evaluate</title>\n'
            f"<style>{STYLE}</style>\n</head>\n<body>\n<header><h1>quasim evaluate: {html.escape(settings['model'])}</h1></header>\n<main>\n"
            + "\n".join(parts) + "\n</main>\n</body>\n</html>\n")


def sentence_of(settings):
    """What was run, for the page and the docs."""
    lambada = f", {settings['passages']:,} passages" if settings["passages"] else ""
    return (f"{settings['sequences']:,} sequences of {settings['tokens']} tokens{lambada}; {settings['device']}, {settings['dtype']}, "
            f"torch {settings['torch']}; scales by recipe {settings['recipe']}")
