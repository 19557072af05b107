// Rates, errors and quantiles from the metrics of the process: the difference of two scrapes.

import { call, get } from "./api.js";

const bigBytes = 1 << 20; // a scrape of more is taken each slowEvery-th time
const slowEvery = 10;

// parse reads the families that are named; a line is name{labels} value.
export function parse(text, names) {
  const out = Object.fromEntries(names.map((n) => [n, []]));
  for (const line of text.split("\n")) {
    const open = line.indexOf("{");
    const space = line.lastIndexOf(" ");
    const name = line.slice(0, open > 0 ? open : space);
    if (line[0] !== "#" && out[name]) {
      out[name].push({ labels: open > 0 ? line.slice(open + 1, line.lastIndexOf("}")) : "", value: Number(line.slice(space + 1)) });
    }
  }
  return out;
}

// label is the value of one label; those that are asked for here have no quotes in them.
export function label(labels, name) {
  const found = new RegExp("(?:^|,)" + name + '="([^"]*)"').exec(labels);
  return found ? found[1] : "";
}

const families = ["isame_requests_total", "isame_request_duration_seconds_bucket", "process_cpu_seconds_total", "process_resident_memory_bytes",
  "isame_connections", "isame_bytes_total"];

// picture adds up one scrape.
function picture(text) {
  const f = parse(text, families);
  const sum = (list) => list.reduce((total, s) => total + s.value, 0);
  const codes = [0, 0, 0, 0, 0, 0];
  for (const s of f.isame_requests_total) {
    codes[Math.min(5, Math.floor(Number(label(s.labels, "code")) / 100)) || 0] += s.value;
  }
  const buckets = new Map();
  for (const s of f.isame_request_duration_seconds_bucket) {
    const le = label(s.labels, "le");
    buckets.set(le, (buckets.get(le) || 0) + s.value);
  }
  const bounds = [...buckets.keys()].map((le) => (le === "+Inf" ? Infinity : Number(le)));
  return {
    at: performance.now(), codes, requests: sum(f.isame_requests_total), bounds, counts: [...buckets.values()],
    cpu: sum(f.process_cpu_seconds_total), memory: sum(f.process_resident_memory_bytes),
    active: sum(f.isame_connections.filter((s) => label(s.labels, "state") === "active")),
    idle: sum(f.isame_connections.filter((s) => label(s.labels, "state") === "idle")),
    bytes: sum(f.isame_bytes_total),
  };
}

// quantile is between the bounds of the bucket that has it, in seconds; null where there is nothing.
export function quantile(q, bounds, cumulative) {
  const total = cumulative.at(-1);
  if (!total) {
    return null;
  }
  const rank = q * total;
  const i = cumulative.findIndex((c) => c >= rank);
  const low = i > 0 ? bounds[i - 1] : 0;
  if (bounds[i] === Infinity) {
    return low;
  }
  const below = i > 0 ? cumulative[i - 1] : 0;
  return low + (bounds[i] - low) * (rank - below) / (cumulative[i] - below);
}

// between is what happened from one picture to the next.
export function between(a, b) {
  const seconds = (b.at - a.at) / 1000;
  const codes = b.codes.map((n, i) => n - a.codes[i]);
  const requests = b.requests - a.requests;
  const grown = b.counts.map((n, i) => n - (a.counts[i] || 0));
  return {
    at: Date.now() / 1000, rate: requests / seconds, errors: (codes[5] + codes[0]) / seconds, clientErrors: codes[4] / seconds,
    share: requests > 0 ? (codes[5] + codes[0]) / requests : 0, requests, bounds: b.bounds,
    buckets: grown.map((n, i) => n - (i > 0 ? grown[i - 1] : 0)),
    p50: quantile(0.5, b.bounds, grown), p95: quantile(0.95, b.bounds, grown), p99: quantile(0.99, b.bounds, grown),
    cpu: (b.cpu - a.cpu) / seconds, memory: b.memory, active: b.active, idle: b.idle, bytes: (b.bytes - a.bytes) / seconds,
  };
}

// Scrape reads the metrics again and again.
export class Scrape {
  constructor() {
    this.forget();
    this.skip = 0;
  }

  // forget makes the next scrape a first one.
  forget() {
    this.last = null;
  }

  // next is what happened since the scrape before; null for the first one, and where it is not time yet.
  async next() {
    if (this.skip > 0) {
      this.skip--;
      return null;
    }
    if (this.path === undefined) {
      this.path = await metricsPath(); // only a restart changes it
    }
    if (!this.path) {
      throw new Error("metrics are off (metrics.enabled), so there are no rates and quantiles");
    }
    const text = (await call(this.path, { headers: { Accept: "text/plain" } })).body;
    this.skip = text.length > bigBytes ? slowEvery : 0;
    const now = picture(text);
    const before = this.last;
    this.last = now;
    const isSame = before && now.requests >= before.requests && now.cpu >= before.cpu; // else it was started anew
    return isSame ? between(before, now) : null;
  }
}

// metricsPath is where the metrics are: the API describes it. null where they are off.
async function metricsPath() {
  const { paths } = await get("/api/v1/openapi.json");
  return Object.keys(paths).find((p) => paths[p].get && paths[p].get.operationId === "getMetrics") || null;
}
