// Pools, and the backends of all of them in one list that is filtered as you type.

import { h, fill, field, choice, tag, say } from "./dom.js";
import { store } from "./store.js";
import { list } from "./list.js";
import { problemCard } from "./dialog.js";
import * as actions from "./actions.js";
import * as f from "./format.js";

// verdict is the state of a backend in a word and its colour.
export function verdict(b) {
  if (b.state !== "enabled") {
    return [b.state === "drain" ? "drains" : b.state, "warn"];
  }
  return b.up ? ["up", "good"] : ["down", "bad"];
}

const badge = (text, kind) => ({ key: text + kind, node: () => tag(text, kind) });
export const linkTo = (b) => "#/backend/" + encodeURIComponent(b.pool) + "/" + encodeURIComponent(b.address);

const columns = [
  { title: "Backend", sort: (b) => b.address, cell: (b) => ({ key: b.address, title: b.address, node: () => h("a", { class: "mono", href: linkTo(b) }, b.address) }) },
  { title: "Pool", sort: (b) => b.pool, cell: (b) => b.pool },
  { title: "State", sort: (b) => verdict(b)[0], cell: (b) => badge(...verdict(b)) },
  { title: "Breaker", class: "wide", sort: (b) => b.breaker, cell: (b) => (b.breaker === "closed" ? "closed" : badge(b.breaker, b.breaker === "open" ? "bad" : "warn")) },
  { title: "Weight", class: "number wide", sort: (b) => b.weight, cell: (b) => String(b.weight) },
  { title: "Rate", class: "number wide", down: true, sort: (b) => rateOf(b) || 0, cell: (b) => f.rate(rateOf(b)) },
  { title: "In flight", class: "number wide", down: true, sort: (b) => b.in_flight, cell: (b) => f.count(b.in_flight) },
  { title: "Failed", class: "number wide", down: true, sort: (b) => b.failures, cell: (b) => f.count(b.failures) },
  { title: "Why", class: "wide", cell: (b) => b.reason || "–" },
  { title: "Override", class: "wide", cell: (b) => (b.override ? actions.sayOverride(b.override) : "–") },
  { title: "Do", cell: (b) => quick(b) },
];

function rateOf(b) {
  return store.rates.get("backend " + b.pool + " " + b.address);
}

// quick is the one button of a row: the rest stands on the page of the backend.
function quick(b) {
  const [to, verb] = b.state === "enabled" ? ["drain", "Drain"] : ["enabled", "Enable"];
  return { key: to, node: () => h("button", { class: "small", type: "button", "aria-label": verb + " " + b.address + " of " + b.pool, onclick: () => actions.state(current(b), to) }, verb) };
}

// current is the backend as it is by now.
export function current(b) {
  return all().find((other) => other.pool === b.pool && other.address === b.address) || b;
}

export function all() {
  return (store.data.pools && store.picture.backends) || [];
}

export function poolsPage([pool]) {
  const search = h("input", { type: "search", placeholder: "address, zone, reason", oninput: () => update() });
  const which = h("select", { onchange: () => update() }, h("option", { value: "" }, "all pools"));
  const kind = choice([["", "any state"], ["down", "not up"], ["override", "with an override"], ["breaker", "breaker not closed"]], { onchange: () => update() });
  const amount = h("span", { class: "count", role: "status" });
  const about = h("div");
  const trouble = h("div");
  const rows = list(columns, { caption: "Backends", key: (b) => b.pool + "\n" + b.address, empty: "No backend is like that.",
    pick: (b) => { location.hash = linkTo(b); } });
  let wanted = pool || "";
  which.addEventListener("change", () => { wanted = which.value; });
  const element = h("div", {}, h("h1", {}, "Pools and backends"), trouble,
    h("div", { class: "bar" }, field("Search", search), field("Pool", which), field("State", kind), amount), about, rows.holder);

  function matches(b) {
    const text = search.value.trim().toLowerCase();
    return (!wanted || b.pool === wanted) &&
      (!text || (b.address + " " + (b.zone || "") + " " + b.reason).toLowerCase().includes(text)) &&
      (kind.value !== "down" || !b.up || b.state !== "enabled") && (kind.value !== "override" || b.override) &&
      (kind.value !== "breaker" || b.breaker !== "closed");
  }

  function update() {
    fill(trouble, store.problems.stream ? problemCard(store.problems.stream) : []);
    if (!store.data.pools) {
      return;
    }
    offer(which, wanted, store.data.pools);
    showPool(about, store.data.pools.find((p) => p.name === wanted));
    const everything = all();
    const found = everything.filter(matches);
    say(amount, f.count(found.length) + " of " + f.count(everything.length) + " backends");
    rows.show(found);
  }
  return { element, parts: ["pools"], update };
}

// offer keeps the names in the choice of pools.
function offer(select, wanted, pools) {
  const names = pools.map((p) => p.name);
  if (select.dataset.names !== names.join("\n")) {
    select.dataset.names = names.join("\n");
    fill(select, h("option", { value: "" }, "all pools"), names.map((n) => h("option", { value: n }, n)));
  }
  if (document.activeElement !== select) {
    select.value = names.includes(wanted) ? wanted : "";
  }
}

function showPool(holder, p) {
  const facts = p && [p.algorithm, p.healthy + " of " + p.members + " up", f.count(p.in_flight) + " in flight", f.count(p.requests) + " requests",
    f.count(p.failures) + " failed", p.panic && "panic: health is ignored",
    p.concurrency && "limit " + p.concurrency.limit + ", " + p.concurrency.waiting + " wait",
    p.discovery && "found by " + p.discovery.type + " " + p.discovery.name];
  const text = p ? facts.filter(Boolean).join(" · ") : "";
  if (holder.textContent !== text) {
    fill(holder, p ? h("p", {}, text) : []);
  }
}
