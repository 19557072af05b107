// Charts over time (uPlot), and a heat map of latencies on a canvas.

import { h } from "./dom.js";

function colour(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

// chart draws series over the last samples. series: {label, colour (a CSS variable), value(sample), format(value), whole}; the first
// one says how the axis is written, and whether its steps are whole.
// show draws what is given, close ends it; it is drawn anew when the theme or the width changes.
export function chart(title, series) {
  const note = awaiting();
  const holder = h("div", { class: "chart", role: "img", "aria-label": title }, note);
  let plot = null;
  let samples = [];
  const make = () => {
    if (plot) {
      plot.destroy();
    }
    note.remove();
    plot = new uPlot(options(series, holder), columns(series, samples), holder);
  };
  const show = (list) => {
    samples = list;
    if (!holder.isConnected || samples.length < 2) {
      return;
    }
    if (plot) {
      plot.setData(columns(series, samples));
    } else {
      make();
    }
  };
  const theme = matchMedia("(prefers-color-scheme: dark)");
  const redraw = () => plot && make();
  theme.addEventListener("change", redraw);
  const watch = new ResizeObserver(() => plot && plot.setSize(size(holder)));
  watch.observe(holder);
  const close = () => {
    theme.removeEventListener("change", redraw);
    watch.disconnect();
    if (plot) {
      plot.destroy();
    }
  };
  return { holder, show, close };
}

// awaiting stands where nothing can be drawn yet.
function awaiting() {
  return h("p", { class: "quiet" }, "It begins with the second reading, a second after the first.");
}

const heightPixels = 165; // without the legend
const wholeSteps = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10000, 20000, 50000, 100000]; // of an axis that counts

function size(holder) {
  return { width: Math.max(120, holder.clientWidth), height: heightPixels };
}

function columns(series, samples) {
  return [samples.map((s) => s.at), ...series.map((one) => samples.map((s) => one.value(s)))];
}

// isAlone reports that a series has one value, which makes no line: it is shown as a point.
function isAlone(plot, series) {
  return plot.data[series].filter((v) => v !== null).length === 1;
}

function options(series, holder) {
  const text = colour("--quiet");
  const line = { stroke: colour("--line"), width: 1 };
  const axis = { stroke: text, grid: line, ticks: line, font: "12px system-ui" };
  return {
    ...size(holder),
    legend: { live: true },
    cursor: { drag: { x: false, y: false } },
    scales: { y: { range: (_, low, high) => [0, high > 0 ? high * 1.1 : 1] } },
    axes: [{ ...axis, values: (_, ticks) => ticks.map((t) => new Date(t * 1000).toLocaleTimeString("en-GB")), space: 80 },
      { ...axis, size: 64, ...(series[0].whole ? { incrs: wholeSteps } : {}), values: (_, ticks) => ticks.map((t) => series[0].format(t)) }],
    series: [{ label: "at", value: (_, t) => (t ? new Date(t * 1000).toLocaleTimeString("en-GB") : "–") },
      ...series.map((one) => ({
        label: one.label, stroke: colour(one.colour), width: 2, points: { show: isAlone }, spanGaps: true,
        value: (_, v) => one.format(v),
      }))],
  };
}

const heatColumns = 120; // the last two minutes

// heat draws how many exchanges of each second took how long: time goes to the right, latency up.
export function heat(title) {
  const canvas = h("canvas", { class: "heat", role: "img", "aria-label": title });
  const note = awaiting();
  let samples = [];
  const draw = () => {
    if (canvas.isConnected && samples.length > 0) {
      note.remove();
      drawHeat(canvas, samples.slice(-heatColumns));
    }
  };
  const show = (list) => {
    samples = list;
    draw();
  };
  const theme = matchMedia("(prefers-color-scheme: dark)");
  theme.addEventListener("change", draw);
  const watch = new ResizeObserver(draw);
  watch.observe(canvas);
  return { holder: h("div", {}, note, canvas), show, close: () => {
    theme.removeEventListener("change", draw);
    watch.disconnect();
  } };
}

const labelPixels = 64;

function drawHeat(canvas, samples) {
  const scale = devicePixelRatio || 1;
  const width = canvas.clientWidth;
  const height = canvas.clientHeight;
  canvas.width = width * scale;
  canvas.height = height * scale;
  const pen = canvas.getContext("2d");
  pen.scale(scale, scale);
  const bounds = samples.at(-1).bounds;
  const rows = bounds.length;
  const rowHeight = height / Math.max(1, rows);
  const columnWidth = (width - labelPixels) / heatColumns;
  const most = Math.max(1, ...samples.flatMap((s) => s.buckets));
  pen.fillStyle = colour("--chart-1");
  samples.forEach((s, i) => {
    const x = width - (samples.length - i) * columnWidth;
    s.buckets.forEach((n, row) => {
      if (n > 0) {
        pen.globalAlpha = 0.15 + 0.85 * Math.log1p(n) / Math.log1p(most);
        pen.fillRect(x, height - (row + 1) * rowHeight, Math.ceil(columnWidth), Math.max(1, rowHeight - 1));
      }
    });
  });
  pen.globalAlpha = 1;
  pen.fillStyle = colour("--quiet");
  pen.font = "11px system-ui";
  pen.textAlign = "right";
  pen.textBaseline = "middle";
  for (let row = 0; row < rows; row += 3) {
    const text = bounds[row] === Infinity ? "more" : bounds[row] >= 1 ? bounds[row] + " s" : bounds[row] * 1000 + " ms";
    pen.fillText(text, labelPixels - 8, height - (row + 0.5) * rowHeight);
  }
}
