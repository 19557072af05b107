// The overview: how much traffic there is, how it ends, how long it takes, and what has happened.

import { h, fill, say, tag, table } from "./dom.js";
import { store } from "./store.js";
import { chart, heat } from "./chart.js";
import { feed } from "./feed.js";
import { blameCard } from "./blame.js";
import { headroomCard, headroomFigure } from "./headroom.js";
import { instancesCard } from "./instances.js";
import { problemCard } from "./dialog.js";
import * as f from "./format.js";

const figures = [
  ["Requests", (s, t) => (t ? f.rate(t.rate) : "–")],
  ["Server errors", (s, t) => (t ? f.percent(t.share) : "–")],
  ["p50", (s, t) => (t && t.p50 !== null ? f.milliseconds(t.p50 * 1000) : "–")],
  ["p95", (s, t) => (t && t.p95 !== null ? f.milliseconds(t.p95 * 1000) : "–")],
  ["p99", (s, t) => (t && t.p99 !== null ? f.milliseconds(t.p99 * 1000) : "–")],
  ["Connections", (s) => f.count(s.connections)],
  ["CPU", (s, t) => (t ? f.percent(t.cpu) : "–")],
  ["Memory", (s, t) => (t ? f.bytes(t.memory) : "–")],
  ["Throughput", (s, t) => (t ? f.bytes(t.bytes) + "/s" : "–")],
  ["Exchanges", (s) => f.count(s.requests_total)],
  ["Up for", (s) => f.duration(s.uptime_seconds)],
  ["Headroom", (s) => headroomFigure(s.headroom)],
];

const windowSamples = 5; // figures are of so many seconds, charts of each

// recent adds up the last samples, for figures that can be read.
function recent(samples) {
  const last = samples.slice(-windowSamples);
  if (last.length === 0) {
    return null;
  }
  const mean = (get) => last.reduce((sum, s) => sum + get(s), 0) / last.length;
  const newest = last.at(-1);
  const requests = last.reduce((sum, s) => sum + s.requests, 0);
  const failed = last.reduce((sum, s) => sum + s.share * s.requests, 0);
  const busiest = last.reduce((a, b) => (b.requests > a.requests ? b : a));
  return { ...newest, p50: busiest.p50, p95: busiest.p95, p99: busiest.p99, rate: mean((s) => s.rate), cpu: mean((s) => s.cpu),
    bytes: mean((s) => s.bytes), share: requests > 0 ? failed / requests : 0 };
}

export function overviewPage() {
  const values = figures.map(() => h("dd", {}, "–"));
  const grid = h("dl", { class: "figures" }, figures.map(([name], i) => h("div", { class: "figure" }, h("dt", {}, name), values[i])));
  const ms = (v) => (v === null || v === undefined ? "–" : f.milliseconds(v));
  const charts = [
    ["Requests and errors", chart("Requests, client errors and server errors a second", [
      { label: "requests", colour: "--chart-1", value: (s) => s.rate, format: f.rate },
      { label: "5xx", colour: "--chart-2", value: (s) => s.errors, format: f.rate },
      { label: "4xx", colour: "--chart-3", value: (s) => s.clientErrors, format: f.rate }])],
    ["Latency", chart("Latency: median, 95th and 99th percentile", [
      { label: "p50", colour: "--chart-4", value: (s) => (s.p50 === null ? null : s.p50 * 1000), format: ms },
      { label: "p95", colour: "--chart-3", value: (s) => (s.p95 === null ? null : s.p95 * 1000), format: ms },
      { label: "p99", colour: "--chart-2", value: (s) => (s.p99 === null ? null : s.p99 * 1000), format: ms }])],
    ["Latency by second", heat("How many exchanges of each second took how long")],
    ["Connections", chart("Connections that carry an exchange, and idle ones", [
      { label: "active", colour: "--chart-1", value: (s) => s.active, format: f.count, whole: true },
      { label: "idle", colour: "--chart-3", value: (s) => s.idle, format: f.count }])],
  ];
  const trouble = h("div");
  const pools = h("div");
  const showPools = poolTable(pools);
  const events = feed();
  const blame = blameCard();
  const instances = instancesCard();
  const headroom = headroomCard();
  // The cards below the charts, in their order: what else can be said of the whole process is one more line here.
  const cards = [["Whose the time of slow ones is", blame.holder], ["How much more it takes", headroom.holder], ["Pools", pools], ["What happens", events.holder], ["Instances", instances.holder]];
  const element = h("div", {}, h("h1", {}, "Overview"), trouble, grid,
    h("div", { class: "cards" }, charts.map(([title, c]) => h("section", { class: "card" }, h("h2", {}, title), c.holder))),
    h("div", { class: "cards" }, cards.map(([title, holder]) => h("section", { class: "card" }, h("h2", {}, title), holder))));
  let drawn = null;
  const update = () => {
    const s = store.data.status;
    const problem = store.problems.stream;
    fill(trouble, problem ? problemCard(problem) : []);
    if (!s) {
      return;
    }
    const now = recent(store.traffic);
    figures.forEach(([, value], i) => say(values[i], value(s, now)));
    const newest = store.traffic.at(-1);
    if (newest !== drawn) { // charts are drawn once a second
      drawn = newest;
      charts.forEach(([, c]) => c.show(store.traffic));
    }
    showPools(s.pools);
  };
  return { element, parts: [], update, back: () => {
    blame.again();
    headroom.again();
    instances.again();
  }, close: () => {
    blame.close();
    headroom.close();
    instances.close();
    charts.forEach(([, c]) => c.close());
    events.close();
  } };
}

const poolsShown = 50;

// poolTable is kept up in place: a link keeps the focus, and a selection stays.
function poolTable(holder) {
  let names = null;
  let rows = [];
  const line = (p) => {
    const up = tag("");
    const [flight, requests, failures] = [h("span"), h("span"), h("span")];
    return { cells: [h("a", { href: "#/pools/" + encodeURIComponent(p.name) }, p.name), up, flight, requests, failures], up, flight, requests, failures };
  };
  return (pools) => {
    const shown = pools.slice(0, poolsShown);
    const text = JSON.stringify([pools.length, shown.map((p) => p.name)]);
    if (text !== names) {
      names = text;
      rows = shown.map(line);
      fill(holder, table("Pools", ["Pool", "Up", "In flight", "Requests", "Failed"], rows.map((r) => r.cells)),
        pools.length > poolsShown && h("p", { class: "quiet" }, "and " + (pools.length - poolsShown) + " more: see ", h("a", { href: "#/pools" }, "Pools")));
    }
    shown.forEach((p, i) => {
      const r = rows[i];
      r.up.className = "tag " + (p.healthy === p.members ? "good" : p.healthy === 0 ? "bad" : "warn");
      say(r.up, p.healthy + " of " + p.members);
      say(r.flight, f.count(p.in_flight));
      say(r.requests, f.count(p.requests));
      say(r.failures, f.count(p.failures));
    });
  };
}
