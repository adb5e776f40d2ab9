"use strict";
document.addEventListener("DOMContentLoaded", () => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const state = { layer: 0, theme: matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light" };
  const charts = [];   // live Chart objects of the layer on show
  const redraws = [];  // functions that draw plain canvases again after a change of theme

  // --- small helpers -----------------------------------------------------------------------------------------------

  function element(tag, attributes, ...children) {
    const node = document.createElement(tag);
    for (const [key, value] of Object.entries(attributes || {})) {
      if (key.startsWith("on")) node.addEventListener(key.slice(2), value);
      else if (value !== null && value !== undefined) node.setAttribute(key, value);
    }
    node.append(...children.filter((child) => child !== null && child !== undefined));
    return node;
  }
  const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue("--" + name).trim();
  const palette = (index) => colour("c" + index % 6);
  const integer = (value) => Number(value).toLocaleString("en-US");
  function number(value) {
    if (value === null || value === undefined) return "–";
    if (Number.isInteger(value)) return integer(value);
    const magnitude = Math.abs(value);
    return magnitude >= 1e5 || magnitude < 1e-3 ? value.toExponential(3) : String(Number(value.toPrecision(5)));
  }
  const decibel = (value) => value === null ? "∞" : number(value);
  const percent = (share) => number(100 * share) + " %";
  const share = (part, whole) => percent(whole ? part / whole : 0);

  function table(head, rows) {
    return element("div", { class: "scroll" }, element("table", {},
      element("thead", {}, element("tr", {}, ...head.map((text) => element("th", { scope: "col" }, text)))),
      element("tbody", {}, ...rows.map((cells) => element("tr", {}, ...cells.map((cell) =>
        cell instanceof Node && cell.nodeName === "TD" ? cell : element("td", {}, cell)))))));
  }
  const verdict = (good, text) => element("span", { class: good ? "good" : "bad" }, text);
  function section(title, ...children) {
    return element("section", {}, element("h2", {}, title), ...children.filter(Boolean));
  }
  const note = (text) => element("p", { class: "note" }, text);
  const grid = (...children) => element("div", { class: "grid" }, ...children);

  // --- charts ------------------------------------------------------------------------------------------------------

  const countAxis = (title) => {
    const axis = { title: { display: true, text: title }, grid: { color: colour("line") } };
    if (!document.getElementById("logarithmic").checked) return { ...axis, type: "linear", min: 0 };
    return { ...axis, type: "logarithmic", min: .7, ticks: { callback: (value) => Number.isInteger(Math.log10(value)) ? integer(value) : "" } };
  };
  const plainAxis = (title, more) => ({ title: { display: true, text: title }, grid: { color: colour("line") }, ...more });

  /** Left and right arrows walk the tooltip through the points of a chart. */
  function walkWithKeys(canvas, chart) {
    let at = -1;
    canvas.addEventListener("keydown", (event) => {
      const step = { ArrowRight: 1, ArrowLeft: -1, PageDown: 16, PageUp: -16 }[event.key];
      if (!step) return;
      event.preventDefault();
      event.stopPropagation();
      const length = Math.max(...chart.data.datasets.map((set) => set.data.length));
      at = Math.min(length - 1, Math.max(0, at + step));
      const active = chart.data.datasets.flatMap((set, datasetIndex) =>
        chart.isDatasetVisible(datasetIndex) && at < set.data.length ? [{ datasetIndex, index: at }] : []);
      chart.setActiveElements(active);
      chart.tooltip.setActiveElements(active, { x: 0, y: 0 });
      chart.update("none");
    });
  }

  /** A figure with a chart in it. `configuration` is called again whenever the chart has to be made anew. */
  function chartFigure(title, configuration, { wide = false, controls = [], below = [] } = {}) {
    const canvas = element("canvas", { role: "img", tabindex: "0", "aria-label": title });
    const figure = element("figure", { class: wide ? "wide" : null, "data-title": title },
      element("h3", {}, title), ...controls, element("div", { class: "plot" }, canvas), ...below);
    let chart = null;
    const draw = () => {
      if (chart) { charts.splice(charts.indexOf(chart), 1); chart.destroy(); }
      const wanted = configuration();
      wanted.options = { animation: false, maintainAspectRatio: false, interaction: { mode: "nearest", intersect: false },
        ...wanted.options };
      chart = new Chart(canvas, wanted);
      charts.push(chart);
    };
    for (const control of controls) control.addEventListener("change", draw);
    figure.draw = () => { draw(); walkWithKeys(canvas, { get data() { return chart.data; },
      get tooltip() { return chart.tooltip; }, isDatasetVisible: (i) => chart.isDatasetVisible(i),
      setActiveElements: (a) => chart.setActiveElements(a), update: (m) => chart.update(m) }); };
    return figure;
  }

  function choice(label, options) {
    return element("label", { class: "note" }, label + " ",
      element("select", {}, ...options.map(([value, text]) => element("option", { value }, text))));
  }
  const chosen = (control) => control.querySelector("select").value;

  // --- summary -------------------------------------------------------------------------------------------------------

  function summary() {
    const [headline, ...rest] = data.summary.sentences;
    document.getElementById("summary").replaceChildren(
      element("p", { class: "headline " + data.summary.status }, headline), ...rest.map((text) => element("p", {}, text)));
  }

  // --- overview ----------------------------------------------------------------------------------------------------

  const own = (layer) => layer.steps.variants.find((entry) => entry.variant === layer.variant);
  const otherDataflow = (layer) => layer.maps.find((map) => map.a === "fused" || map.a === "two_step");

  function overview() {
    const rows = data.layers.map((layer, index) => {
      const steps = own(layer), other = otherDataflow(layer);
      const baseline = layer.modes.modes.find((row) => row.mode === "baseline" && row.dataflow === layer.parameters.dataflow);
      const clipped = layer.stages.filter((stage) => stage.clip).map((stage) => stage.name).join(", ");
      return [
        element("td", {}, element("button", { type: "button", onclick: () => show(index) }, layer.name)),
        layer.shape.join(" × "), decibel(baseline.ssm_against_fp32.sqnr_db),
        share(other.differing, other.compared),
        steps ? integer(steps.differing_out) + " of " + integer(steps.points) : "–",
        layer.saturation.conv_clamp ? percent(layer.saturation.conv_clamp.share) : "–",
        percent(layer.saturation.output_clamp.share),
        layer.certificate ? String(layer.certificate.unexplained ?? "–") : "not given", clipped || "none",
      ];
    });
    document.getElementById("overview").replaceChildren(
      element("h2", { id: "overview-title" }, "Layers"),
      table(["layer", "B × C × L", "SQNR dB", "other dataflow differs", "golden ≠ exact", "conv clamp",
        "output clamp", "unexplained", "clipping suggested"], rows));
  }

  // --- one layer ---------------------------------------------------------------------------------------------------

  function header(layer) {
    const p = layer.parameters;
    const scales = ["input_scale", "weight_scale", "bias_scale", "conv_scale", "output_scale"]
      .filter((key) => key in p).map((key) => key + " " + number(p[key])).join(", ");
    return section(layer.name,
      note(`[B, C, L] = [${layer.shape.join(", ")}], K = ${p.taps}, conv_bits ${p.conv_bits}, ${p.dataflow}, ` +
        `${p.rounding}; ${scales}`));
  }

  function stageFigure(stage, index) {
    const h = stage.histogram, middle = h.width === 1 ? 0 : .5;
    const top = stage.magnitude_percentiles.map(([p, v]) => `p${p} ${number(v)}`).join(", ");
    const largest = stage.largest.slice(0, 5).map((item) => `[${item.index.join(", ")}] = ${number(item.value)}`).join("; ");
    return chartFigure(stage.name, () => ({
      type: "bar",
      data: { datasets: [{ label: "elements", data: h.counts.map((y, i) => ({ x: h.first + (i + middle) * h.width, y })),
        backgroundColor: palette(index), barPercentage: 1, categoryPercentage: 1 }] },
      options: { plugins: { legend: { display: false }, tooltip: { callbacks: { title: ([item]) => number(item.raw.x) } } },
        scales: { x: plainAxis(stage.dtype.startsWith("int") ? "code" : "value", { type: "linear", offset: false,
          grid: { color: colour("line"), offset: false }, min: h.first - (.5 - middle) * h.width, max: h.first + (h.counts.length - .5 + middle) * h.width,
          ticks: { maxTicksLimit: 7, maxRotation: 0, includeBounds: false, callback: number } }), y: countAxis("elements") } },
    }), { below: [
      note(`${stage.origin}; min ${number(stage.min)}, max ${number(stage.max)}, mean ${number(stage.mean)}, std ${number(stage.std)}, ` +
        `median ${number(stage.median)}`),
      note(`magnitude ${top}`),
      note(`outliers: mild ${share(stage.outliers.mild, stage.elements)}, extreme ${share(stage.outliers.extreme, stage.elements)}; ` +
        `positive ${share(stage.signs.positive, stage.elements)}, negative ${share(stage.signs.negative, stage.elements)}, ` +
        `zero ${share(stage.signs.zero, stage.elements)}`),
      note(`largest: ${largest}`),
      stage.clip ? element("p", { class: "note" }, verdict(false, `clipping suggested at ${number(stage.clip.value)}`),
        ` (maximum / p99.95 = ${number(stage.clip.ratio)}; scale ${number(stage.clip.scale)}` +
        (stage.clip.scale_of === "absolute" ? ")" : " of the present one)")) : null,
    ].filter(Boolean) });
  }

  function percentileFigure(layer) {
    return chartFigure("Percentiles of the magnitude", () => ({
      type: "line",
      data: { labels: layer.stages[0].magnitude_percentiles.map(([p]) => "p" + p).concat("max"),
        datasets: layer.stages.map((stage, i) => {
          const maximum = Math.max(Math.abs(stage.min), Math.abs(stage.max)) || 1;
          return { label: stage.name, data: stage.magnitude_percentiles.map(([, v]) => v / maximum).concat(1),
            borderColor: palette(i), backgroundColor: palette(i), borderDash: [[], [6, 3], [2, 2], [8, 2, 2, 2], []][i % 5] };
        }) },
      options: { interaction: { mode: "index", intersect: false },
        scales: { x: plainAxis("percentile"), y: plainAxis("share of the stage's maximum", { min: 0, max: 1 }) } },
    }));
  }

  function rangeFigure(layer) {
    const s = layer.silu_effect;
    return chartFigure("What SiLU does to the range", () => ({
      type: "bar",
      data: { labels: ["conv1d_raw", "silu_raw"], datasets: [{ label: "min to max",
        data: [[s.conv_min, s.conv_max], [s.silu_min, s.silu_max]], backgroundColor: [palette(0), palette(2)] }] },
      options: { indexAxis: "y", plugins: { legend: { display: false } }, scales: { x: plainAxis("value"), y: plainAxis("") } },
    }), { below: [note(`range kept ${percent(s.range_kept)}, std ratio ${number(s.std_ratio)}; ${percent(s.negative_share)} of ` +
      `conv1d_raw is negative, ${percent(s.rounds_to_zero_share)} of the outputs are 0`),
      note("changed by a clamp: " + Object.entries(layer.saturation).map(([clamp, c]) =>
        `${clamp.replace("_", " ")} ${integer(c.below)} below, ${integer(c.above)} above (${percent(c.share)})`).join("; "))] });
  }

  function channelFigure(layer) {
    const control = choice("stage", layer.stages.map((stage, i) => [i, stage.name]));
    return chartFigure("Largest magnitude of each channel", () => {
      const index = Number(chosen(control)), maxima = layer.stages[index].channel_maxima;
      return { type: "line",
        data: { datasets: [{ label: layer.stages[index].name, pointRadius: 0, pointHitRadius: 6, borderWidth: 1,
          borderColor: palette(index), data: maxima.values.map((y, x) => ({ x: x * maxima.channels_per_point, y })) }] },
        options: { plugins: { legend: { display: false } },
          scales: { x: plainAxis("channel", { type: "linear", max: layer.shape[1] - 1 }), y: plainAxis("largest magnitude", { min: 0 }) } } };
    }, { wide: true, controls: [control] });
  }

  function differenceFigure(layer) {
    const steps = [...new Set(layer.maps.flatMap((map) => map.histogram.map((row) => row.from)))].sort((a, b) => a - b);
    return chartFigure("Differences of the int8 output in LSB", () => ({
      type: "bar",
      data: { labels: steps.map(String), datasets: layer.maps.map((map, i) => ({ label: map.title, backgroundColor: palette(i),
        data: steps.map((step) => (map.histogram.find((row) => row.from === step) || { count: 0 }).count) })) },
      options: { interaction: { mode: "index", intersect: false }, scales: { x: plainAxis("difference in LSB"), y: countAxis("elements") } },
    }), { wide: true, below: layer.maps.map((map) => element("p", { class: "note" }, map.title + ": ",
      map.differing === 0 ? verdict(true, `0 of ${integer(map.compared)} differ`)
        : `${integer(map.differing)} of ${integer(map.compared)} differ (${share(map.differing, map.compared)})`)) });
  }

  // --- mismatch map ------------------------------------------------------------------------------------------------

  function unpack(map) {
    const bytes = atob(map.cells), codes = new Uint8Array(map.rows * map.columns);
    for (let i = 0; i < codes.length; ++i) codes[i] = bytes.charCodeAt(i >> 2) >> 2 * (i & 3) & 3;
    return codes;
  }

  function mapFigure(layer) {
    const drawable = layer.maps.filter((map) => map.cells), equal = layer.maps.filter((map) => !map.cells);
    const control = choice("tensors", drawable.map((map, i) => [i, `${map.title} (${integer(map.differing)})`]));
    const canvas = element("canvas", { class: "map", tabindex: "0", role: "img", "aria-label": "Mismatch map" });
    const readout = element("p", { class: "note", "aria-live": "polite" }, "Hover, or focus the map and use the arrow keys.");
    const key = element("p", { class: "note" }, "channel across, time down;");
    let map = null, codes = null, cursor = { row: 0, column: 0 };
    const meaning = ["equal", "+1 LSB", "−1 LSB", "further away"];
    const blob = () => map.differing / map.compared < 0.002 ? 2 : 0;  // sparse differences are drawn larger

    function draw() {
      map = drawable[Number(chosen(control))];
      codes = unpack(map);
      canvas.width = map.rows;
      canvas.height = map.columns;
      const context = canvas.getContext("2d");
      context.fillStyle = colour("page");
      context.fillRect(0, 0, canvas.width, canvas.height);
      const size = 2 * blob() + 1;
      for (let i = 0; i < codes.length; ++i) {
        if (codes[i] === 0) continue;
        context.fillStyle = colour(["", "c0", "c1", "c3"][codes[i]]);
        const channel = Math.floor(i / map.columns), time = i % map.columns;
        context.fillRect(channel - blob(), time - blob(), size, size);
      }
      key.replaceChildren("channel across, time down, sequence " + map.sequence,
        ...[1, 2, 3].flatMap((code) => [element("span", { class: "swatch", style: `background:var(--${["", "c0", "c1", "c3"][code]})` }),
          meaning[code]]));
    }
    function tell() {
      const code = codes[cursor.row * map.columns + cursor.column];
      readout.textContent = `channel ${cursor.row * map.channels_per_row}, time ${cursor.column * map.times_per_column}: ${meaning[code]}`;
    }
    canvas.addEventListener("mousemove", (event) => {
      cursor = { row: Math.min(map.rows - 1, Math.floor(event.offsetX / canvas.clientWidth * map.rows)),
        column: Math.min(map.columns - 1, Math.floor(event.offsetY / canvas.clientHeight * map.columns)) };
      tell();
    });
    canvas.addEventListener("keydown", (event) => {
      const move = { ArrowRight: [1, 0], ArrowLeft: [-1, 0], ArrowDown: [0, 1], ArrowUp: [0, -1] }[event.key];
      if (!move) return;
      event.preventDefault();
      cursor = { row: Math.min(map.rows - 1, Math.max(0, cursor.row + move[0])),
        column: Math.min(map.columns - 1, Math.max(0, cursor.column + move[1])) };
      tell();
    });
    control.addEventListener("change", draw);
    const figure = element("figure", { class: "wide", "data-title": "Mismatch map" }, element("h3", {}, "Mismatch map, channel × time"),
      control, canvas, key, readout, ...equal.map((same) => element("p", { class: "note" }, same.title + ": ", verdict(true, "no difference anywhere"))));
    figure.draw = () => { if (drawable.length) { draw(); redraws.push(draw); } };
    if (!drawable.length) { control.remove(); canvas.remove(); key.remove(); readout.remove(); delete figure.dataset.title; }
    return figure;
  }

  // --- step function -----------------------------------------------------------------------------------------------

  function stepFigure(layer) {
    const steps = layer.steps;
    const curveControl = choice("bias", steps.curves.map((curve, i) => [i, curve.bias]));
    const variantControl = choice("golden", steps.variants.map((entry, i) => [i, `${entry.variant} (${entry.origin})`]));
    const ownIndex = steps.variants.findIndex((entry) => entry.variant === layer.variant);
    if (ownIndex >= 0) variantControl.querySelector("select").value = ownIndex;
    const marked = new Set((steps.variants[ownIndex] || { listed: [] }).listed.map((point) => point.bias));
    curveControl.querySelector("select").value = Math.max(0, steps.curves.findIndex((curve) => marked.has(curve.bias)));
    const points = (curve, series) => series.acc.map((acc, i) => ({ x: acc, y: series.value[i] }))
      .concat({ x: curve.acc_max, y: series.value[series.value.length - 1] });
    const figure = chartFigure("Step function of exact arithmetic, and where the golden differs", () => {
      const curve = steps.curves[Number(chosen(curveControl))], variant = steps.variants[Number(chosen(variantControl))];
      const differing = variant.listed.filter((point) => point.bias === curve.bias).map((point) => ({ x: point.acc, y: point.golden }));
      const line = (label, series, index) => ({ label, data: points(curve, series), stepped: true, pointRadius: 0, pointHitRadius: 5,
        borderWidth: 1.5, borderColor: palette(index), backgroundColor: palette(index) });
      const sets = [line("out", curve.out, 0)];
      if (curve.q) sets.push(line("q", curve.q, 4));
      sets.push({ label: "out of " + variant.variant + " where it differs", type: "scatter", data: differing, pointRadius: 6,
        pointStyle: "crossRot", borderWidth: 2.5, borderColor: palette(1), backgroundColor: palette(1) });
      const shown = curve.q ? curve.q.acc : curve.out.acc, margin = Math.ceil((shown[shown.length - 1] - shown[1]) * .1) || 10;
      return { type: "line", data: { datasets: sets },
        options: { scales: { x: plainAxis("accumulator", { type: "linear", min: shown.length > 1 ? shown[1] - margin : curve.acc_min,
          max: shown.length > 1 ? shown[shown.length - 1] + margin : curve.acc_max }), y: plainAxis("code") } } };
    }, { wide: true, controls: [curveControl, variantControl] });
    const counts = table(["golden", "from", "points", "q differs", "out differs"], steps.variants.map((entry) =>
      [entry.variant, entry.origin, integer(entry.points), entry.differing_q === undefined ? "–" : integer(entry.differing_q),
        integer(entry.differing_out)]));
    const listed = steps.variants.flatMap((entry) => entry.listed.map((p) => [entry.variant, p.bias, integer(p.acc), p.exact, p.golden]));
    return section("Step functions, complete",
      note(`Every accumulator and every bias value: ${integer(steps.domain.points)} points for each golden, against exact arithmetic.`),
      counts, grid(figure),
      element("details", {}, element("summary", {}, `The differing points listed: ${listed.length}`),
        table(["golden", "bias", "accumulator", "exact", "golden's"], listed.map((row) => row.map(String)))));
  }

  // --- modes, sweep, certificate, co-simulation, provenance ----------------------------------------------------------

  function modesSection(layer) {
    const rows = layer.modes.modes.map((row) => {
      const differing = row.x_proj_minus_baseline.filter((bin) => bin.from !== 0).reduce((sum, bin) => sum + bin.count, 0);
      return [row.dataflow + " " + row.mode, row.x_proj_equals_baseline ? "yes" : "no", row.ssm_equals_baseline ? "yes" : "no",
        share(differing, layer.modes.elements), decibel(row.ssm_against_fp32.sqnr_db), number(row.ssm_against_fp32.rms_error),
        number(row.ssm_against_fp32.max_error), integer(row.x_proj_at_limits)];
    });
    return section("Output modes", verdict(layer.modes.identical_modes_0_1_2,
      layer.modes.identical_modes_0_1_2 ? "baseline, fp32_ssm_input and float_sim_int8 carry identical values"
        : "baseline, fp32_ssm_input and float_sim_int8 differ"),
    table(["mode", "x_proj = baseline", "SSM = baseline", "x_proj differs", "SQNR dB", "rms error", "max error", "at a limit"], rows));
  }

  function sweepSection(layer) {
    const points = layer.sweep.points, outputs = [...new Set(points.map((p) => p.output_rule))], convs = [...new Set(points.map((p) => p.conv_rule))];
    const control = choice("output scale by", outputs.map((rule) => [rule, rule]));
    control.querySelector("select").value = points.find((p) => p.pareto).output_rule;
    const figure = chartFigure("Error against intermediate width and scale", () => {
      const rule = chosen(control), fused = layer.sweep.fused.find((p) => p.output_rule === rule);
      const shown = points.filter((p) => p.output_rule === rule), bits = [...new Set(shown.map((p) => p.conv_bits))];
      const sets = convs.map((conv, i) => {
        const line = shown.filter((p) => p.conv_rule === conv);
        return { label: "s_c by " + conv, data: line.map((p) => ({ x: p.conv_bits, y: p.sqnr_db, point: p })), borderColor: palette(i),
          backgroundColor: palette(i), pointStyle: line.map((p) => p.pareto ? "star" : "circle"), pointRadius: line.map((p) => p.pareto ? 9 : 3),
          pointBorderWidth: line.map((p) => p.pareto ? 2.5 : 1) };
      });
      sets.push({ label: "fused (no intermediate)", data: bits.map((x) => ({ x, y: fused.sqnr_db, point: fused })), borderColor: colour("muted"),
        borderDash: [5, 4], pointRadius: 0, pointHitRadius: 5 });
      return { type: "line", data: { datasets: sets }, options: {
        plugins: { tooltip: { callbacks: { label: (item) => {
          const p = item.raw.point;
          return `${item.dataset.label}: ${decibel(p.sqnr_db)} dB, rms ${number(p.rms_error)}, max ${number(p.max_error)}, ` +
            `clamped: conv ${percent(p.conv_saturated)}, out ${percent(p.output_saturated)}`;
        } } } },
        scales: { x: plainAxis("conv_bits", { type: "linear", ticks: { stepSize: 1 } }), y: plainAxis("SQNR in dB against fp32") } } };
    }, { wide: true, controls: [control] });
    const rows = points.filter((p) => p.pareto).map((p) => [String(p.conv_bits), p.conv_rule, number(p.conv_scale), p.output_rule,
      number(p.output_scale), decibel(p.sqnr_db), number(p.rms_error), number(p.max_error), percent(p.conv_saturated), percent(p.output_saturated)]);
    return section("Sweep: what width and scale cost", grid(figure),
      note("★ Pareto: no other point has both as few bits and as small an rms error."),
      table(["bits", "s_c by", "s_c", "s_y by", "s_y", "SQNR dB", "rms error", "max error", "conv clamped", "out clamped"], rows));
  }

  const scalar = (value) => value === null || typeof value !== "object";
  const text = (value) => typeof value === "number" ? number(value) : String(value);

  /** Any document as nested tables of its scalars; long lists are only counted. */
  function documentTable(json) {
    const rows = [];
    (function walk(value, path) {
      if (scalar(value)) rows.push([path, text(value)]);
      else if (Array.isArray(value)) rows.push([path, value.length <= 8 && value.every(scalar) ? value.map(text).join(", ") : `${value.length} entries`]);
      else for (const [key, inner] of Object.entries(value)) walk(inner, path ? path + "." + key : key);
    })(json, "");
    return table(["field", "value"], rows);
  }

  function certificateSection(layer) {
    const c = layer.certificate;
    if (!c) return section("Certificate", note("No certificate was given: quasim certify BUNDLE --json, then quasim report --certificate FILE."));
    const { compared, differing, differing_q: differingQ, first_difference: first, causes, ...rest } = c;
    const pairs = Object.entries(differing || {}).map(([pair, count]) => [pair, number((compared || {})[pair] ?? c.points),
      number((differingQ || {})[pair]), integer(count), first && first[pair] ? `bias ${first[pair].bias}, acc ${first[pair].acc}: ${first[pair].a} and ${first[pair].b}` : ""]);
    const reasons = Object.entries(causes || {}).flatMap(([who, counts]) => Object.entries(counts).map(([cause, count]) => [who, cause, integer(count)]));
    return section("Certificate",
      verdict(c.unexplained === 0 && c.passed !== false, `${integer(c.points)} points of the ${c.domain || ""} domain, unexplained differences: ${c.unexplained}`),
      table(["pair", "points", "q differs", "out differs", "first difference"], pairs),
      reasons.length ? table(["differs from exact", "because of", "points"], reasons) : null,
      element("details", {}, element("summary", {}, "everything the certificate says"), documentTable(rest)));
  }

  function drawTimeline(canvas, timeline) {
    const rows = [["input", timeline.s_valid, timeline.s_ready], ["output", timeline.m_valid, timeline.m_ready]];
    const cycles = timeline.s_valid.length, scale = window.devicePixelRatio || 1, width = canvas.clientWidth || 1000;
    canvas.width = width * scale;
    canvas.height = 120 * scale;
    const context = canvas.getContext("2d"), left = 60, cell = (width - left) / cycles;
    context.scale(scale, scale);
    context.font = "12px system-ui, sans-serif";
    rows.forEach(([name, valid, ready], row) => {
      context.fillStyle = colour("text");
      context.fillText(name, 0, 30 + row * 50);
      for (let i = 0; i < cycles; ++i) {
        context.fillStyle = valid[i] !== "1" ? colour("line") : ready[i] === "1" ? colour("c2") : colour("c1");
        const height = valid[i] !== "1" ? 4 : 30;
        context.fillRect(left + i * cell, 40 - height + row * 50, Math.max(cell - (cell > 3 ? 1 : 0), .5), height);
      }
    });
  }

  function cosimSection(layer) {
    const c = layer.cosim;
    if (!c) return section("Co-simulation", note("No co-simulation record was given: quasim cosim BUNDLE --json, then quasim report --cosim FILE."));
    const [sequences, channels, length] = layer.shape;
    const parts = [["cycles", c.cycles], ["beats", sequences * length * Math.ceil(channels / c.lanes)], ["cycles of latency", c.latency_cycles],
      ["input stalls", c.input_stalls], ["output stalls", c.output_stalls]];
    const bar = chartFigure("Cycles of the run", () => ({ type: "bar",
      data: { labels: parts.map(([label]) => label), datasets: [{ label: "cycles", data: parts.map(([, value]) => value), backgroundColor: parts.map((_, i) => palette(i)) }] },
      options: { indexAxis: "y", plugins: { legend: { display: false } }, scales: { x: plainAxis("cycles"), y: plainAxis("") } } }));
    const children = [verdict(c.agrees, c.agrees ? "RTL, SystemC model and golden agree" : "they differ")];
    const figures = [bar];
    if (c.timeline) {
      const canvas = element("canvas", { class: "timeline", tabindex: "0", role: "img", "aria-label": "Beats and stalls, cycle by cycle" });
      const draw = () => drawTimeline(canvas, c.timeline);
      const figure = element("figure", { class: "wide", "data-title": "Co-simulation timeline" },
        element("h3", {}, `Beats and stalls of the first ${c.timeline.s_valid.length} cycles`), canvas,
        element("p", { class: "note" }, ...[["c2", "beat"], ["c1", "stall: valid, not ready"], ["line", "idle"]].flatMap(([name, label]) =>
          [element("span", { class: "swatch", style: `background:var(--${name})` }), label])));
      figure.draw = () => { draw(); redraws.push(draw); };
      figures.push(figure);
    }
    const { timeline, ...rest } = c;
    return section("Co-simulation", ...children, grid(...figures), documentTable(rest));
  }

  function provenanceSection(layer) {
    const rows = Object.entries(layer.provenance.files);
    return section("Provenance", note(`quasim ${data.version}; source: ${JSON.stringify(layer.parameters.source)}`),
      table(["file", "SHA-256"], rows), ...layer.provenance.goldens.map((golden) =>
        element("details", {}, element("summary", {}, "golden " + golden.variant), documentTable(golden))));
  }

  // --- life --------------------------------------------------------------------------------------------------------

  function draw() {
    for (const chart of charts.splice(0)) chart.destroy();
    redraws.length = 0;
    Chart.defaults.color = colour("text");
    Chart.defaults.borderColor = colour("line");
    document.querySelectorAll("#layer figure").forEach((figure) => figure.draw());
  }

  function show(index) {
    state.layer = (index + data.layers.length) % data.layers.length;
    const layer = data.layers[state.layer];
    document.getElementById("layer-choice").value = state.layer;
    document.querySelectorAll("#overview tbody tr").forEach((row, i) => row.classList.toggle("selected", i === state.layer));
    document.getElementById("layer").replaceChildren(
      header(layer),
      section("Distribution of each stage", grid(...layer.stages.map(stageFigure)),
        grid(percentileFigure(layer), rangeFigure(layer)), grid(channelFigure(layer))),
      section("Differences", grid(differenceFigure(layer), mapFigure(layer))),
      stepFigure(layer), modesSection(layer), sweepSection(layer), certificateSection(layer), cosimSection(layer), provenanceSection(layer));
    draw();
  }

  function setTheme(theme) {
    state.theme = theme;
    document.documentElement.dataset.theme = theme;
  }

  const layerChoice = document.getElementById("layer-choice");
  data.layers.forEach((layer, i) => layerChoice.append(element("option", { value: i }, layer.name)));
  layerChoice.addEventListener("change", () => show(Number(layerChoice.value)));
  document.getElementById("previous").addEventListener("click", () => show(state.layer - 1));
  document.getElementById("next").addEventListener("click", () => show(state.layer + 1));
  document.getElementById("logarithmic").addEventListener("change", draw);
  const switchTheme = () => { setTheme(state.theme === "dark" ? "light" : "dark"); draw(); };
  document.getElementById("theme").addEventListener("click", switchTheme);
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.target.nodeName === "SELECT") return;
    const action = { j: () => show(state.layer + 1), k: () => show(state.layer - 1), t: switchTheme,
      l: () => document.getElementById("logarithmic").click() }[event.key];
    if (action) action();
  });
  let themeOnScreen = null;
  addEventListener("beforeprint", () => { themeOnScreen = state.theme; setTheme("light"); draw(); charts.forEach((chart) => chart.resize()); });
  addEventListener("afterprint", () => { setTheme(themeOnScreen); draw(); });

  setTheme(state.theme);
  summary();
  overview();
  show(0);
});
