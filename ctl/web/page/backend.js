// One backend: the evidence of its health, and everything that can be done about it.

import { h, fill, facts, tag, table, field } from "./dom.js";
import { get, backendPath } from "./api.js";
import { store } from "./store.js";
import { again } from "./again.js";
import { problemCard } from "./dialog.js";
import { all, verdict } from "./pools.js";
import * as actions from "./actions.js";
import * as f from "./format.js";

const probesEveryMS = 3000;
const sliderMax = 100; // larger weights are typed

export function backendPage([pool, address]) {
  let b = null;
  const about = h("div");
  const probes = h("div");
  const override = h("div");
  const trouble = h("div");
  const number = h("input", { type: "number", min: 0, max: 65535, step: 1, id: "weight" });
  const slider = h("input", { type: "range", min: 0, max: sliderMax, step: 1, "aria-label": "Weight by slider" });
  slider.addEventListener("input", () => { number.value = slider.value; });
  number.addEventListener("input", () => { slider.value = number.value; });
  const button = (text, act, kind) => h("button", { type: "button", class: kind, onclick: act }, text);
  const drain = button("Drain", () => actions.state(b, "drain"), "danger");
  const disable = button("Disable", () => actions.state(b, "disabled"), "danger");
  const enable = button("Enable", () => actions.state(b, "enabled"), "primary");
  const change = h("form", {
    class: "bar",
    onsubmit: async (event) => {
      event.preventDefault();
      await actions.weight(b, number.valueAsNumber);
      known = null;
      update();
    },
  }, field("Weight", number), slider, h("button", { type: "submit" }, "Change the weight"));
  let shown = ""; // of the facts
  let known = null; // the weight that the inputs were set to

  const element = h("div", {},
    h("p", {}, h("a", { href: "#/pools/" + encodeURIComponent(pool) }, "← pool " + pool)),
    h("h1", { class: "mono" }, address), trouble,
    h("div", { class: "cards" },
      h("section", { class: "card" }, h("h2", {}, "Now"), about),
      h("section", { class: "card" }, h("h2", {}, "Do"), h("div", { class: "bar" }, drain, disable, enable), change, override)),
    h("section", { class: "card" }, h("h2", {}, "Last probes"), probes));

  function update() {
    const problem = store.problems.stream;
    b = all().find((one) => one.pool === pool && one.address === address) || null;
    fill(trouble, problem ? problemCard(problem) : !b && store.data.pools ? h("p", { class: "notice" }, "No pool " + pool + " has this backend now.") : []);
    [drain, disable, enable, number, slider].forEach((e) => { e.disabled = !b; });
    if (!b) {
      return;
    }
    drain.disabled = b.state === "drain";
    disable.disabled = b.state === "disabled";
    enable.disabled = b.state === "enabled";
    if (known !== b.weight) {
      known = b.weight;
      number.value = b.weight;
      slider.value = b.weight;
    }
    const pairs = factsOf(b);
    const text = JSON.stringify(pairs.map(([, v]) => (v instanceof Node ? v.textContent : v)));
    if (text !== shown) {
      shown = text;
      fill(about, facts(pairs));
    }
    showOverride(override, b);
  }
  const reading = again(probesEveryMS, async () => {
    try {
      showProbes(probes, (await get(backendPath(pool, address))).probes || []);
    } catch (error) {
      delete probes.dataset.newest;
      fill(probes, h("p", { class: "quiet" }, error.message));
    }
  });
  return { element, parts: ["pools"], update, back: reading.now, close: reading.stop };
}

function factsOf(b) {
  return [["State", tag(...verdict(b))], ["Why", b.reason], ["Since", f.ago(b.since)], ["Health", b.health],
    ["Breaker", tag(b.breaker, b.breaker === "closed" ? "good" : b.breaker === "open" ? "bad" : "warn")], ["Asked for", b.state],
    ["Rate", f.rate(store.rates.get("backend " + b.pool + " " + b.address))], ["In flight", f.count(b.in_flight)],
    ["Requests", f.count(b.requests)], ["Failed", f.count(b.failures)],
    ["Connections", b.connections_open + " open, " + b.connections_idle + " idle"],
    ["Zone", b.zone], ["Rank", b.rank || (b.backup ? "backup" : "")], ["Found by", b.discovered && "discovery"], ["TLS", b.tls], ["TLS error", b.tls_error],
    ["PROXY header", b.proxy_protocol]];
}

function showOverride(holder, b) {
  const text = b.override ? actions.sayOverride(b.override) + ", by " + b.override.author + " " + f.when(b.override.since) : "";
  if (holder.dataset.text === text) {
    return;
  }
  holder.dataset.text = text;
  fill(holder, b.override ? h("div", { class: "notice" }, "Different at run time: " + text + ". ",
    h("button", { type: "button", class: "small", onclick: () => actions.clear(b) }, "Clear")) : h("p", { class: "quiet" }, "It is as the configuration says."));
}

function showProbes(holder, probes) {
  const newest = probes.length > 0 ? probes[0].at : "none";
  if (holder.dataset.newest === newest) {
    return;
  }
  holder.dataset.newest = newest;
  fill(holder, probes.length === 0 ? h("p", { class: "quiet" }, "It is not probed (health_check).") :
    table("Last probes", ["At", "Took", "Result", "Seen"], probes.map((p) => [f.clock(p.at), f.milliseconds(p.duration_ms),
      tag(p.live ? "traffic" : p.ok ? "good" : "failed", p.ok ? "good" : "bad"), p.reason])));
}
