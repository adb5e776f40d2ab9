"""The report in a real browser: every figure of every layer drawn, no console message, no request, usable by keyboard.

usage: report_browser_test.py QUASIM VECTORS_DIR OUT_DIR
Fails where Chromium is not installed (scripts/setup.sh --tests). Screenshots are left in OUT_DIR.
"""
import json
import pathlib
import subprocess
import sys

from browser import Page, find_chromium

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
import bundles as test_bundles  # noqa: E402

LARGEST_REPORT_BYTES = 10 << 20
FIGURES_AT_LEAST = 11  # five stages, percentiles, range, channels, differences, steps, sweep

# A canvas counts as drawn when it shows more than a background: at least three colours.
DRAWN = """(() => [...document.querySelectorAll('#layer figure[data-title]')].map((figure) => {
  const canvas = figure.querySelector('canvas');
  const pixels = new Uint32Array(canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data.buffer);
  return { title: figure.dataset.title, colours: new Set(pixels).size };
}))()"""


# Tick labels of horizontal axes that touch their neighbour, figure by figure.
OVERLAPPING = """(() => [...document.querySelectorAll('#layer figure[data-title] canvas')].flatMap((canvas) => {
  const chart = Chart.getChart(canvas);
  if (!chart) return [];
  return Object.values(chart.scales).filter((scale) => scale.isHorizontal()).flatMap((scale) => {
    const context = chart.ctx;
    context.font = Chart.helpers.toFont(scale.options.ticks.font || {}).string || '12px sans-serif';
    let end = -Infinity;
    return scale.ticks.flatMap((tick, i) => {
      const length = context.measureText(String(tick.label ?? '')).width, turned = scale.labelRotation * Math.PI / 180;
      const width = turned > 0 ? Math.min(length, 12 / Math.sin(turned)) : length, middle = scale.getPixelForTick(i);
      const touches = width > 0 && middle - width / 2 < end;
      if (width > 0) end = middle + width / 2;
      return touches ? [canvas.getAttribute('aria-label') + ': ' + tick.label] : [];
    });
  });
}))()"""


def make_cosim_record(layer, bundle):
    """A record in the form of `quasim cosim --json`, with the optional timeline."""
    valid, ready = "1101" * 64, "1110" * 64
    return {"format": "quasim.cosim/1", "verb": "cosim", "layers": [{
        "name": layer, "elements": 262144, "lanes": 16, "agrees": True, "compared": 786432, "cycles": 20000, "latency_cycles": 6,
        "input_stalls": 1800, "output_stalls": 1790,
        "hashes": test_bundles.hashes(bundle), "layer_parameters": test_bundles.layer_parameters(bundle),
        "timeline": {"s_valid": valid, "s_ready": ready, "m_valid": valid, "m_ready": ready}}]}


class Checks:
    def __init__(self):
        self.count = 0
        self.failed = []

    def expect(self, good, what):
        self.count += 1
        if not good:
            self.failed.append(what)
            print("FAILED: " + what)


def check_layers(page, checks, layers):
    for layer in range(layers):
        page.evaluate(f"document.getElementById('layer-choice').value = {layer};"
                      "document.getElementById('layer-choice').dispatchEvent(new Event('change'))")
        figures = page.evaluate(DRAWN)
        checks.expect(len(figures) >= FIGURES_AT_LEAST, f"layer {layer}: {len(figures)} figures")
        for figure in figures:
            checks.expect(figure["colours"] >= 3, f"layer {layer}: {figure['title']} is not drawn")


def check_narrow(page, checks, report):
    """A telephone: nothing is wider than the screen, and no tick label touches the next one, there and on a wide screen."""
    for width in (390, 1280):
        page.set_size(width, 900)
        page.open(report)
        wide = page.evaluate("document.documentElement.scrollWidth")
        checks.expect(wide <= width, f"the page is {wide} pixels wide on a screen of {width}")
        touching = page.evaluate(OVERLAPPING)
        checks.expect(touching == [], f"tick labels touch on a screen of {width}: {touching[:3]}")
    page.evaluate("(() => { const chart = Chart.getChart(document.querySelector('figure[data-title=\"conv1d_raw\"] canvas'));"
                  "chart.options.scales.x.ticks = { autoSkip: false, maxRotation: 0, stepSize: .05, maxTicksLimit: 1000 }; chart.update('none'); })()")
    checks.expect(page.evaluate(OVERLAPPING) != [], "planted: tick labels that touch are noticed")
    page.open(report)


def check_summary(page, checks, layers):
    text = page.evaluate("document.getElementById('summary').textContent")
    headline = page.evaluate("document.querySelector('#summary .headline').textContent")
    checks.expect(headline.startswith(f"{layers} layers: "), f"the summary begins with '{headline}'")
    checks.expect("signal-to-noise" in text, f"the summary says what int8 costs: '{text}'")


def check_use(page, checks):
    chosen = "document.getElementById('layer-choice').value"
    before = page.evaluate(chosen)
    page.press("j")
    checks.expect(page.evaluate(chosen) != before, "key j switches the layer")
    page.press("k")
    checks.expect(page.evaluate(chosen) == before, "key k switches back")
    theme = "document.documentElement.dataset.theme"
    before = page.evaluate(theme)
    page.press("t")
    checks.expect(page.evaluate(theme) != before, "key t switches the theme")
    checks.expect(all(f["colours"] >= 3 for f in page.evaluate(DRAWN)), "figures are drawn in the other theme")
    page.press("t")
    tip = """(() => { const canvas = document.querySelector('figure[data-title="conv1d_input"] canvas');
      canvas.focus(); return Chart.getChart(canvas).tooltip.getActiveElements().length; })()"""
    checks.expect(page.evaluate(tip) == 0, "no tooltip before a key")
    page.press("ArrowRight")
    checks.expect(page.evaluate(tip) == 1, "arrow keys move the tooltip of a chart")
    page.evaluate("document.querySelector('canvas.map').focus()")
    page.press("ArrowRight")
    page.press("ArrowDown")
    readout = page.evaluate("document.querySelector('canvas.map').parentElement.querySelector('[aria-live]').textContent")
    checks.expect(readout.startswith("channel 1, time 1:"), f"arrow keys walk the mismatch map; it says '{readout}'")


def take_screenshots(page, out):
    for theme in ("light", "dark"):
        page.prefer(theme)
        page.open(out / "report.html")
        page.screenshot(out / f"report-{theme}.png")
    page.prefer("light")
    page.open(out / "report.html")
    for name, title in (("steps", "Step function of exact arithmetic, and where the golden differs"), ("map", "Mismatch map"),
                        ("sweep", "Error against intermediate width and scale")):
        page.screenshot(out / f"report-{name}.png", f'figure[data-title="{title}"]')


def find_problems(executable, path):
    with Page(executable) as page:
        page.open(path)
        return page.problems


def main():
    quasim, vectors, out = sys.argv[1], pathlib.Path(sys.argv[2]), pathlib.Path(sys.argv[3])
    executable = find_chromium()
    if executable is None:
        sys.exit("report_browser_test: no Chromium (package chromium; scripts/setup.sh --tests installs it)")
    out.mkdir(parents=True, exist_ok=True)
    bundles = sorted(str(path.parent) for path in vectors.glob("bookmamba/*/layer.json"))
    name = json.loads(pathlib.Path(bundles[0], "layer.json").read_text())["name"]
    (out / "cosim.json").write_text(json.dumps(make_cosim_record(name, bundles[0])))
    report = out / "report.html"
    subprocess.run([quasim, "report", *bundles, "--cosim", str(out / "cosim.json"), "-o", str(report)], check=True)

    checks = Checks()
    checks.expect(report.stat().st_size < LARGEST_REPORT_BYTES, f"{report.stat().st_size} bytes")
    with Page(executable) as page:
        page.prefer("light")
        page.open(report)
        check_layers(page, checks, len(bundles))
        page.evaluate("document.getElementById('layer-choice').value = 0;"
                      "document.getElementById('layer-choice').dispatchEvent(new Event('change'))")
        checks.expect(any(f["title"] == "Co-simulation timeline" for f in page.evaluate(DRAWN)), "a timeline is drawn where given")
        check_use(page, checks)
        check_summary(page, checks, len(bundles))
        check_narrow(page, checks, report)
        page.pdf(out / "report.pdf")
        checks.expect((out / "report.pdf").stat().st_size > 50_000, "the printed page has content")
        take_screenshots(page, out)
        checks.expect(page.problems == [], f"console: {page.problems[:3]}")
        checks.expect(all(url.startswith(("file://", "data:", "about:")) for url in page.requests), f"requests: {page.requests[:3]}")

    # Planted faults: the checks above must be able to fail.
    with Page(executable) as page:
        page.open(report)
        page.evaluate("const blank = document.querySelector('figure[data-title] canvas'); blank.width = blank.width")
        checks.expect(page.evaluate(DRAWN)[0]["colours"] < 3, "a blank figure is noticed")
    broken = out / "broken.html"
    broken.write_text(report.read_text().replace('"magnitude_percentiles"', '"something_else"'))
    checks.expect(find_problems(executable, broken) != [], "a report with a missing field is noticed")
    broken.write_text(report.read_text().replace("<main>", '<main><img src="https://example.invalid/x.png">'))
    checks.expect(find_problems(executable, broken) != [], "a report that wants the network is noticed")
    broken.unlink()

    print(f"{checks.count} checks on {len(bundles)} layers, {len(checks.failed)} failed; screenshots in {out}")
    return 1 if checks.failed or checks.count == 0 else 0


if __name__ == "__main__":
    sys.exit(main())
