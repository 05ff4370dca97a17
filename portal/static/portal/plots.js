/* Draws every [data-plot] from the JSON element "<id>-data" with Plotly, which is fetched when the first plot comes into the page.

   contributions  {base, prediction, unit: "probability"|"points"|"raw", line?, towards: "deny", away: "grant", base_label?, items: [{title, value, contribution}]}
   lime           {towards, away, items: [{condition, weight}]}
   distribution   {axis, unit?, series: [{name, edges: [n+1], shares: [n]}] (first = reference, drawn as a line), marks?: [{at, label}]}
   timeline       {axis, unit: "percent"|"ms"|"count"|"", series: [{name, x: [time], y: [], low?: [], high?: []}], events?: [{at, label}], limit?: {at, label}, step?: true (a value holds until the next, and is a whole number)}
   rates          {axis, items: [{name, rate, low?, high?, n?}], limit?: {at, label}}

   Colours are the custom properties of app.css: --towards and --away mean the same in every plot.

   Content-Security-Policy: Plotly writes SVG style attributes as text, which `style-src 'self'` refuses. Below, SVG elements
   set them through the CSSOM instead, which needs no permission. What remains are two constant <style> texts that the
   bundle inserts while loading (empty, and MapLibre's sheet); the policy names their hashes. Nothing else is needed. */
"use strict";

(() => {
  const setAttribute = Element.prototype.setAttribute;
  SVGElement.prototype.setAttribute = function (name, value) {
    if (name === "style") this.style.cssText = value;
    else setAttribute.call(this, name, value);
  };

  const source = document.currentScript.dataset.plotly;
  let loading;
  const plotly = () => loading ??= window.Plotly ? Promise.resolve(window.Plotly) : new Promise((resolve, reject) => {
    const script = Object.assign(document.createElement("script"), { src: source, onload: () => resolve(window.Plotly), onerror: reject });
    document.head.append(script);
  });

  /* ---- words and numbers ---- */
  const real = (x, digits) => x.toFixed(digits).replace("-", "−");
  const signed = (x, digits = 2) => { const text = real(Math.abs(x), digits); return (Number(text) ? (x > 0 ? "+" : "−") : "") + text; };
  const plain = (text) => String(text).replace(/&/g, "&amp;").replace(/</g, "&lt;"); // Plotly reads a little HTML in texts
  const wrap = (text, width) => {
    const lines = [""];
    for (const word of String(text).split(" ")) {
      if (lines.at(-1) && lines.at(-1).length + word.length + 1 > width) lines.push(word);
      else lines.push([lines.pop(), word].filter(Boolean).join(" "));
    }
    return lines.map(plain).join("<br>");
  };
  const inPercent = (unit) => unit === "percent" || unit === "probability";
  const scaled = (unit, values) => (inPercent(unit) ? values?.map((v) => v * 100) : values);
  const suffix = (unit) => (inPercent(unit) ? " %" : unit === "ms" ? " ms" : "");

  /* ---- the theme, read from the page ---- */
  const PRINT_WIDTH = 660; // A4 less its margins, in CSS pixels
  const theme = (el, printed) => {
    const probe = el.appendChild(document.createElement("span"));
    if (printed) probe.style.colorScheme = "only light"; // light-dark() follows the element that uses it
    const read = (name) => { probe.style.color = `var(--${name})`; return getComputedStyle(probe).color; };
    const colours = Object.fromEntries(["ink", "soft", "sheet", "paper", "towards", "away", "accent", "plot-grid", "rule-strong"].map((n) => [n, read(n)]));
    probe.remove();
    const width = printed ? PRINT_WIDTH : el.clientWidth;
    return { width, ...colours, grid: colours["plot-grid"], line: colours["rule-strong"], family: getComputedStyle(el).fontFamily, size: width < 480 || printed ? 12 : 13, narrow: width < 480, tight: width < 640 };
  };
  const axis = (t, more) => ({ gridcolor: t.grid, linecolor: t.line, zeroline: false, tickfont: { color: t.soft, size: t.size - 1 }, title: { font: { color: t.soft, size: t.size - 1 }, standoff: 8 }, fixedrange: true, automargin: true, ...more });
  const note = (t, more) => ({ showarrow: false, font: { color: t.soft, size: t.size - 1 }, ...more });
  const rule = (t, more) => ({ type: "line", line: { color: t.line, width: 1, dash: "dot" }, layer: "below", ...more });
  const beside = (t, mark) => note(t, { text: plain(mark.label), x: mark.at, xanchor: "left", xshift: 4, yref: "paper", y: 1, yanchor: "top", bgcolor: t.paper, font: { color: t.ink, size: t.size - 1 } });
  const titled = (t, text) => ({ text: plain(text ?? ""), font: { color: t.soft, size: t.size - 1 }, standoff: 10 });

  /* Horizontal bars, one row per item, labels on the axis or, on a narrow page, above each bar. */
  const bars = (t, rows, { start, texts, range, xaxis, top = 12, shapes = [], annotations = [] }) => {
    const chars = t.tight ? 34 : 44;
    const lines = Math.max(...rows.map((row) => wrap(row.label, chars).split("<br>").length));
    const step = t.narrow ? 46 : 14 + 16 * lines; // labels of several lines need their room
    const y = rows.map((_, i) => i);
    const labels = t.narrow ? rows.map((row, i) => note(t, { text: wrap(row.label, Math.floor(t.width / 7.5)), xref: "paper", x: 0, xanchor: "left", align: "left", y: i, yanchor: "bottom", yshift: 8, bgcolor: t.paper, borderpad: 0, font: { color: t.ink, size: t.size } })) : [];
    return {
      data: [{
        type: "bar", orientation: "h", y, x: rows.map((r) => r.size), base: rows.map((_, i) => start[i]), width: t.narrow ? 0.34 : 0.62,
        marker: { color: rows.map((r) => (r.size >= 0 ? t.towards : t.away)) }, text: texts, textposition: "none",
        hovertext: rows.map((r, i) => `${plain(r.label)}: ${texts[i]}`), hoverinfo: "text",
      }],
      layout: {
        height: rows.length * step + top + 60, margin: { l: t.narrow ? 8 : 12, r: 12, t: top, b: 54 }, bargap: 0, xaxis: axis(t, { range, ...xaxis }), shapes,
        yaxis: axis(t, { range: [rows.length - 0.5, t.narrow ? -0.9 : -0.6], tickvals: t.narrow ? [] : y, ticktext: rows.map((r) => wrap(r.label, chars)), tickfont: { color: t.ink, size: t.size }, showgrid: false, ticklen: 8, tickcolor: "transparent" }),
        annotations: [...labels, ...annotations, ...rows.map((r, i) => note(t, {
          text: texts[i], x: start[i] + r.size, y: i, xanchor: r.size >= 0 ? "left" : "right", xshift: r.size >= 0 ? 4 : -4, font: { color: t.ink, size: t.size - 1 }, bgcolor: t.paper, borderpad: 0,
        }))],
      },
    };
  };
  const padded = (values, share) => {
    const low = Math.min(...values), high = Math.max(...values), room = (high - low || 1) * share;
    return [low - room, high + room];
  };
  const directions = (t, d) => [
    note(t, { text: `← towards “${plain(d.away)}”`, xref: "paper", x: 0, xanchor: "left", yref: "paper", y: 0, yanchor: "top", yshift: -30, font: { color: t.away, size: t.size - 1 } }),
    note(t, { text: `towards “${plain(d.towards)}” →`, xref: "paper", x: 1, xanchor: "right", yref: "paper", y: 0, yanchor: "top", yshift: -30, font: { color: t.towards, size: t.size - 1 } }),
  ];

  /* ---- the kinds: (theme, data) → {data, layout} ---- */
  const kinds = {
    contributions(t, d) {
      const probability = d.unit === "probability", k = probability ? 100 : 1;
      const base = d.base * k, prediction = d.prediction * k, points = d.unit === "points";
      let at = base;
      const starts = d.items.map((item) => { const start = at; at += item.contribution * k; return start; });
      const rows = d.items.map((item) => ({ size: item.contribution * k, label: item.value === undefined || item.value === null ? item.title : `${item.title}: ${item.value}` }));
      const texts = rows.map((r) => (probability ? `${signed(r.size, 1)} pt` : points ? signed(r.size, Math.abs(r.size) < 10 ? 1 : 0) : signed(r.size)));
      const show = (x) => (probability ? `${real(x, 1)} %` : points ? signed(x, 0) : real(x, 2));
      const line = d.line === undefined ? [] : [d.line * k]; // where the answer turns
      const range = padded([base, prediction, ...line, ...starts, at], t.tight ? 0.28 : 0.14);
      const head = (x, words, lift) => {
        const right = x - range[0] > (range[1] - range[0]) / 2;
        return note(t, { text: `${words} ${show(x)}`, x, yref: "paper", y: 1, yanchor: "bottom", yshift: lift, xanchor: right ? "right" : "left", xshift: right ? 3 : -3, font: { color: lift ? t.ink : t.soft, size: t.size - 1 } });
      };
      return bars(t, rows, {
        start: starts, texts, range, top: line.length ? 54 : 38, xaxis: { ticksuffix: probability ? " %" : "", nticks: t.narrow ? 4 : t.tight ? 6 : 8 },
        shapes: [base, prediction, ...line].map((x, i) => rule(t, { x0: x, x1: x, yref: "paper", y0: 0, y1: 1, line: { color: i ? t.ink : t.line, width: i === 2 ? 1.5 : 1, dash: ["dot", "solid", "dash"][i] } })),
        annotations: [head(base, d.base_label ?? "average", 0), head(prediction, "this case", 15), ...line.map((x) => head(x, "the line", 30)), ...directions(t, d)],
      });
    },
    lime(t, d) {
      const rows = d.items.map((item) => ({ size: item.weight, label: item.condition }));
      return bars(t, rows, {
        start: rows.map(() => 0), texts: rows.map((r) => signed(r.size)), range: padded([0, ...rows.map((r) => r.size)], t.tight ? 0.28 : 0.14),
        xaxis: { nticks: t.narrow ? 4 : 8 }, shapes: [rule(t, { x0: 0, x1: 0, yref: "paper", y0: 0, y1: 1, line: { color: t.ink, width: 1 } })], annotations: directions(t, d),
      });
    },
    distribution(t, d) {
      const edges = (s) => scaled(d.unit, s.edges);
      const data = d.series.map((s, i) => (i === 0 && d.series.length > 1
        ? { type: "scatter", mode: "lines", name: plain(s.name), x: edges(s).flatMap((e) => [e, e]), y: [0, ...s.shares.flatMap((v) => [v * 100, v * 100]), 0], line: { color: t.ink, width: 1.5 }, hoverinfo: "skip" }
        : { type: "bar", name: plain(s.name), x: s.shares.map((_, k) => (edges(s)[k] + edges(s)[k + 1]) / 2), width: s.shares.map((_, k) => (edges(s)[k + 1] - edges(s)[k]) * 0.94), y: scaled("percent", s.shares), marker: { color: t.accent }, opacity: 0.6, hovertemplate: "%{y:.1f} %<extra></extra>" }));
      data.push(data.shift()); // the reference line lies on top
      const marks = (d.marks ?? []).map((m) => ({ ...m, at: inPercent(d.unit) ? m.at * 100 : m.at }));
      return { data, layout: {
        height: 260, barmode: "overlay", showlegend: data.length > 1, xaxis: axis(t, { title: titled(t, d.axis), ticksuffix: suffix(d.unit), showgrid: false, showline: true }),
        yaxis: axis(t, { ticksuffix: " %", rangemode: "tozero", nticks: 5, title: titled(t, t.narrow ? "" : "share of cases") }),
        shapes: marks.map((m) => rule(t, { x0: m.at, x1: m.at, yref: "paper", y0: 0, y1: 1, layer: "above", line: { color: t.ink, width: 1.5, dash: "dash" } })),
        annotations: marks.map((m) => beside(t, m)),
      } };
    },
    timeline(t, d) {
      const colours = [t.accent, t.ink, t.soft];
      const data = d.series.flatMap((s, i) => {
        const line = { type: "scatter", mode: s.x.length < 40 ? "lines+markers" : "lines", name: plain(s.name), x: s.x, y: scaled(d.unit, s.y), line: { color: colours[i % 3], width: 2, dash: ["solid", "dash", "dot"][i % 3], shape: d.step ? "hv" : "linear" }, marker: { size: 5, symbol: ["circle", "square", "diamond"][i % 3] } };
        if (!s.low) return [line];
        const band = { type: "scatter", mode: "lines", x: s.x, line: { width: 0 }, hoverinfo: "skip", showlegend: false };
        return [{ ...band, y: scaled(d.unit, s.low) }, { ...band, y: scaled(d.unit, s.high), fill: "tonexty", fillcolor: colours[i % 3].replace(/^rgba?\(([^)]*)\)$/, "rgba($1, 0.16)") }, line];
      });
      const events = d.events ?? [];
      const limit = d.limit && { ...d.limit, at: scaled(d.unit, [d.limit.at])[0] };
      return { data, layout: {
        height: 270, hovermode: "x unified", showlegend: d.series.length > 1, xaxis: axis(t, { type: "date", showgrid: false, showline: true, nticks: t.narrow ? 4 : 8, hoverformat: "%Y-%m-%d %H:%M", showspikes: false }),
        yaxis: axis(t, { title: titled(t, d.axis), ticksuffix: suffix(d.unit), tickformat: d.unit === "count" ? ",d" : "", hoverformat: d.unit === "count" ? ",d" : ".3~g", rangemode: "tozero", nticks: 6, ...(d.step && { tickformat: ",d", dtick: Math.ceil(Math.max(...d.series.flatMap((s) => s.y)) / 8) }) }),
        shapes: [...events.map((e) => rule(t, { x0: e.at, x1: e.at, yref: "paper", y0: 0, y1: 1 })), ...(limit ? [rule(t, { xref: "paper", x0: 0, x1: 1, y0: limit.at, y1: limit.at, line: { color: t.ink, width: 1.5, dash: "dash" } })] : [])],
        annotations: [...events.map((e, i) => ({ ...beside(t, e), yshift: -16 * (i % 3) })), ...(limit ? [note(t, { text: plain(limit.label), xref: "paper", x: 1, xanchor: "right", y: limit.at, yanchor: "bottom", font: { color: t.ink, size: t.size - 1 } })] : [])],
      } };
    },
    rates(t, d) {
      const y = d.items.map((_, i) => i);
      const spread = (side) => d.items.map((item) => (item[side] === undefined ? 0 : Math.abs(item[side] - item.rate) * 100));
      return {
        data: [{ type: "scatter", mode: "markers", x: d.items.map((item) => item.rate * 100), y, marker: { color: t.accent, size: 9 }, error_x: { type: "data", symmetric: false, array: spread("high"), arrayminus: spread("low"), color: t.accent, thickness: 1.5, width: 4 }, hovertemplate: "%{x:.1f} %<extra></extra>" }],
        layout: {
          height: d.items.length * 32 + 70, showlegend: false, xaxis: axis(t, { ticksuffix: " %", rangemode: "tozero", title: titled(t, d.axis), nticks: t.narrow ? 5 : 9, showline: true }),
          yaxis: axis(t, { range: [d.items.length - 0.4, -0.6], tickvals: y, ticktext: d.items.map((item) => wrap(item.name, t.narrow ? 16 : 36) + (item.n === undefined ? "" : ` (${item.n})`)), tickfont: { color: t.ink, size: t.size }, ticklen: 8, tickcolor: "transparent", showgrid: false }),
          shapes: d.limit ? [rule(t, { x0: d.limit.at * 100, x1: d.limit.at * 100, yref: "paper", y0: 0, y1: 1, line: { color: t.ink, width: 1.5, dash: "dash" } })] : [],
          annotations: d.limit ? [note(t, { text: plain(d.limit.label), x: d.limit.at * 100, yref: "paper", y: 1, yanchor: "bottom", font: { color: t.ink, size: t.size - 1 } })] : [],
        },
      };
    },
  };

  /* ---- drawing ---- */
  const draw = async (el, printed = false) => {
    const text = document.getElementById(`${el.id}-data`)?.textContent;
    const kind = kinds[el.dataset.plot];
    if (!text || !kind || !el.clientWidth) return;
    const Plotly = window.Plotly ?? await plotly(); // no pause when it is here: the printer does not wait
    const t = theme(el, printed);
    const { data, layout } = kind(t, JSON.parse(text));
    const drawn = Plotly.react(el, data, {
      margin: { l: t.narrow ? 8 : 12, r: 12, t: 26, b: 44 }, paper_bgcolor: "transparent", plot_bgcolor: "transparent", showlegend: false, dragmode: false,
      font: { family: t.family, size: t.size, color: t.ink }, legend: { orientation: "h", traceorder: "normal", x: 0, y: 1.02, yanchor: "bottom", font: { color: t.ink } },
      hoverlabel: { namelength: -1, bgcolor: t.sheet, bordercolor: t.line, font: { color: t.ink, family: t.family } }, width: t.width, ...layout,
    }, { displayModeBar: false, scrollZoom: false, doubleClick: false, showTips: false });
    if (!printed) await drawn;
    for (const svg of el.querySelectorAll("svg.main-svg")) svg.setAttribute("viewBox", `0 0 ${t.width} ${layout.height}`);
    el.dataset.drawn = t.width;
  };
  const drawAll = (root) => {
    const plots = [...(root.matches?.("[data-plot]") ? [root] : []), ...root.querySelectorAll("[data-plot]")];
    for (const el of plots) { draw(el).catch(() => { el.hidden = true; }); watch.observe(el); } // the table beside it stays
  };
  const watch = new ResizeObserver((entries) => {
    for (const { target } of entries) if (target.dataset.drawn && Number(target.dataset.drawn) !== target.clientWidth && !matchMedia("print").matches) draw(target);
  });

  drawAll(document);
  document.addEventListener("htmx:load", (event) => { if (event.target !== document.body) drawAll(event.target); });
  document.addEventListener("htmx:beforeCleanupElement", (event) => { if (event.target.dataset?.drawn) window.Plotly?.purge(event.target); });
  addEventListener("beforeprint", () => { for (const el of document.querySelectorAll("[data-drawn]")) draw(el, true); });
  addEventListener("afterprint", () => drawAll(document));
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => drawAll(document));
})();
