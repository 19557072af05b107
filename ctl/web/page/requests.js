// Single exchanges: as they end (the tap), and those that the recorder keeps. A click says why.

import { h, fill, field, choice, say } from "./dom.js";
import { call, query, Problem } from "./api.js";
import { list } from "./list.js";
import { problemCard, show } from "./dialog.js";
import { recordOf } from "./record.js";
import * as f from "./format.js";

const rowsMax = 500; // of the tap: the oldest go

const columns = [
  { title: "At", sort: (r) => r.started, down: true, cell: (r) => f.clock(r.started) },
  { title: "Status", class: "number", sort: (r) => r.status, cell: (r) => ({ key: String(r.status), node: () => h("span", { class: r.status >= 500 || r.status === 0 ? "bad" : r.status >= 400 ? "warn" : "good" }, r.status) }) },
  { title: "Request", sort: (r) => r.host + r.path, cell: (r) => ({ key: r.method + r.host + r.path, title: r.host + r.path,
    node: () => h("button", { class: "link", type: "button", onclick: () => why(r) }, r.method + " " + r.path + (r.path_cut ? "…" : "")) }) },
  { title: "Host", class: "wide", sort: (r) => r.host, cell: (r) => r.host },
  { title: "Took", class: "number", down: true, sort: (r) => r.took_ms, cell: (r) => f.milliseconds(r.took_ms) },
  { title: "Cause", sort: (r) => r.cause, cell: (r) => r.cause },
  { title: "Route", class: "wide", sort: (r) => r.route || "", cell: (r) => r.route || "–" },
  { title: "Backend", class: "wide", sort: (r) => r.backend || "", cell: (r) => r.backend || "–" },
  { title: "Client", class: "wide", sort: (r) => r.client || "", cell: (r) => r.client || "–" },
];

function why(record) {
  show(record.method + " " + record.host + record.path, recordOf(record));
}

export function requestsPage([route]) {
  const input = (props) => h("input", { ...props, autocomplete: "off" });
  const filter = {
    route: input({ value: route || "" }), pool: input({}), backend: input({ placeholder: "10.0.0.1:8080" }), status: input({ placeholder: "5xx, 404" }),
    cause: input({}), client: input({ placeholder: "10.0.0.0/8" }), slower: input({ placeholder: "200ms" }),
  };
  const mode = choice([["tap", "live, as they end"], ["newest", "recorded, newest first"], ["slowest", "recorded, slowest first"], ["errors", "recorded, errors only"]], { onchange: () => begin() });
  const sample = choice([["", "all"], ["0.1", "1 of 10"], ["0.01", "1 of 100"]], {});
  const pause = h("button", { type: "button", "aria-pressed": "false", onclick: () => hold(!held) }, "Pause");
  const amount = h("span", { class: "count", role: "status" });
  const trouble = h("div");
  const rows = list(columns, { caption: "Requests", key: (r) => r.number, empty: "Nothing has come yet.", pick: why });
  let records = [];
  let number = 0;
  let dropped = 0;
  let held = false;
  let source = null;
  let round = 0;
  let frame = 0;

  function draw() {
    frame = 0;
    rows.show(records);
    say(amount, f.count(records.length) + " shown" + (dropped > 0 ? ", " + f.count(dropped) + " left out: they came faster than they are read" : ""));
  }

  function hold(on) {
    held = on;
    pause.textContent = held ? "Go on" : "Pause";
    pause.setAttribute("aria-pressed", String(held));
  }

  const values = () => Object.fromEntries(Object.entries(filter).map(([name, i]) => [name, i.value.trim()]));

  // begin asks anew, by the filters as they are.
  async function begin() {
    end();
    const mine = ++round;
    records = [];
    dropped = 0;
    hold(false);
    const isTap = mode.value === "tap";
    sample.disabled = pause.disabled = !isTap;
    fill(trouble);
    draw();
    try {
      if (isTap) {
        await tap(mine);
      } else {
        await recorded(mine);
      }
    } catch (error) {
      if (mine === round) {
        fill(trouble, problemCard(error));
      }
    }
  }

  async function recorded(mine) {
    const order = mode.value === "slowest" ? "slowest" : "";
    const { body } = await call("/api/v1/records" + query({ ...values(), order, errors: mode.value === "errors", limit: rowsMax }));
    if (mine === round) {
      records = body.map((r) => ({ ...r, number: ++number }));
      draw();
    }
  }

  // tap asks by HEAD first, as an EventSource does not say why it was refused.
  async function tap(mine) {
    const path = "/api/v1/tap" + query({ ...values(), sample: sample.value });
    await call(path, { method: "HEAD", headers: { Accept: "text/event-stream" } }).catch(() => explainRefusal(path));
    if (mine !== round) {
      return;
    }
    source = new EventSource(path);
    source.addEventListener("exchange", (event) => {
      if (!held) {
        records.unshift({ ...JSON.parse(event.data), number: ++number });
        records.length = Math.min(records.length, rowsMax);
        frame ||= requestAnimationFrame(draw);
      }
    });
    source.addEventListener("dropped", (event) => { dropped += JSON.parse(event.data).dropped; });
  }

  function end() {
    source?.close();
    source = null;
    cancelAnimationFrame(frame);
    frame = 0;
  }

  const form = h("form", { class: "bar", onsubmit: (event) => { event.preventDefault(); begin(); } },
    field("Show", mode), Object.entries(filter).map(([name, i]) => field(name[0].toUpperCase() + name.slice(1), i)), field("Share", sample),
    h("button", { type: "submit", class: "primary" }, "Filter"), pause, amount);
  const element = h("div", {}, h("h1", {}, "Requests"), form, trouble, rows.holder);
  begin();
  return { element, parts: [], back: begin, close: () => { round++; end(); } };
}

// explainRefusal reads the problem of a stream that was refused; a HEAD has no body.
async function explainRefusal(path) {
  const bound = new AbortController();
  const response = await fetch(path, { headers: { Accept: "text/event-stream" }, signal: bound.signal });
  if (!response.ok) {
    throw new Problem(response.status, await response.json());
  }
  bound.abort(); // it is taken by now
}
