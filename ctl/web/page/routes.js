// Routes: what each takes, how much, and which are not used at all.

import { h, fill, field, choice, say } from "./dom.js";
import { store } from "./store.js";
import { list } from "./list.js";
import { problemCard, show } from "./dialog.js";
import * as f from "./format.js";

// pathOf is the pattern of a path as isame-ctl writes it.
export function pathOf(p) {
  return { any: "*", exact: "= " + p.value, prefix: p.value, regex: "~ " + p.value }[p.kind];
}

export function actionOf(a) {
  switch (a.kind) {
    case "pool": return "pool " + a.pool;
    case "split": return "split " + Object.entries(a.split).map(([name, weight]) => name + " " + weight).join(", ");
    case "redirect": return a.redirect.status + " to " + a.redirect.to;
    case "respond": return "answers " + a.respond.status;
    case "files": return "files of " + a.files.root;
    default: return a.kind;
  }
}

const hostsOf = (r) => [...r.hosts, ...(r.hosts_regex || []).map((x) => "~ " + x)].join(", ") || "*";
const words = new WeakMap(); // what is searched in, by route: made once for each reading

function wordsOf(r) {
  let text = words.get(r);
  if (text === undefined) {
    text = (r.name + " " + hostsOf(r) + " " + pathOf(r.path) + " " + actionOf(r.action)).toLowerCase();
    words.set(r, text);
  }
  return text;
}

const rateOf = (r) => store.rates.get("route " + r.name);

const columns = [
  { title: "Route", sort: (r) => r.name, cell: (r) => ({ key: JSON.stringify({ ...r, requests: 0, last_used: 0 }), title: r.name, node: () => h("button", { class: "link", type: "button", onclick: () => detail(r) }, r.name) }) },
  { title: "Hosts", class: "wide", sort: hostsOf, cell: hostsOf },
  { title: "Path", sort: (r) => pathOf(r.path), cell: (r) => pathOf(r.path) },
  { title: "Does", class: "wide", sort: (r) => actionOf(r.action), cell: (r) => actionOf(r.action) },
  { title: "Rate", class: "number", down: true, sort: (r) => rateOf(r) || 0, cell: (r) => f.rate(rateOf(r)) },
  { title: "Requests", class: "number wide", down: true, sort: (r) => r.requests, cell: (r) => f.count(r.requests) },
  { title: "Last used", down: true, sort: (r) => r.last_used || 0, cell: (r) => (r.last_used ? f.ago(r.last_used) : "never") },
];

const unusedSeconds = { never: Infinity, "10m": 600, "1h": 3600, "24h": 86400, "720h": 2592000 };

// isUnused says that a route had no request for so long. One that had none since the process
// began is, where the process is old enough to say so.
export function isUnused(route, seconds, uptime) {
  if (!route.last_used) {
    return seconds === Infinity || uptime >= seconds;
  }
  return seconds !== Infinity && (Date.now() - route.last_used) / 1000 >= seconds;
}

export function routesPage() {
  const search = h("input", { type: "search", placeholder: "name, host, path, pool", oninput: () => update() });
  const unused = choice([["", "all"], ["never", "never used"], ["10m", "unused for 10 minutes"], ["1h", "unused for an hour"], ["24h", "unused for a day"],
    ["720h", "unused for 30 days"]], { onchange: () => update() });
  const amount = h("span", { class: "count", role: "status" });
  const note = h("div");
  const rows = list(columns, { caption: "Routes", key: (r) => r.name, empty: "No route is like that.", pick: detail });
  const element = h("div", {}, h("h1", {}, "Routes"), note,
    h("div", { class: "bar" }, field("Search", search), field("Use", unused), amount), rows.holder,
    h("p", { class: "quiet" }, "Counted since the process began. A click on a route shows all of it."));

  function update() {
    const routes = store.data.routes;
    const uptime = store.data.status ? store.data.status.uptime_seconds : 0;
    const seconds = unusedSeconds[unused.value];
    const young = seconds !== undefined && seconds !== Infinity && uptime < seconds;
    fill(note, store.problems.routes || store.problems.stream ? problemCard(store.problems.routes || store.problems.stream) : [],
      young ? h("p", { class: "notice" }, "The process is up for " + f.duration(uptime) + " only, so it cannot say so yet: see “never used”.") : []);
    if (!routes) {
      return;
    }
    const text = search.value.trim().toLowerCase();
    const found = routes.filter((r) => (!text || wordsOf(r).includes(text)) &&
      (seconds === undefined || isUnused(r, seconds, uptime)));
    say(amount, f.count(found.length) + " of " + f.count(routes.length) + " routes");
    rows.show(found);
  }
  return { element, parts: ["routes"], update };
}

function detail(r) {
  show("Route " + r.name, [h("pre", { tabindex: "0", "aria-label": "Route " + r.name }, JSON.stringify({ ...r, last_used: r.last_used && new Date(r.last_used).toISOString() }, null, 2)),
    h("p", {}, h("a", { href: "#/requests/" + encodeURIComponent(r.name), onclick: (e) => e.target.closest("dialog").close() }, "Its requests"))]);
}
