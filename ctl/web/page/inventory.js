// What the configuration has made: certificates with their ends, limits with their fullest keys.

import { h, fill, table, tag, facts } from "./dom.js";
import { store } from "./store.js";
import { problemCard } from "./dialog.js";
import * as f from "./format.js";

// redrawn is a page that is drawn again where its part is different, or a time in it has moved on.
function redrawn(title, part, draw) {
  const holder = h("div", {}, h("p", { class: "quiet" }, "Reading…"));
  let last = null;
  const update = () => {
    const problem = store.problems[part];
    const text = problem ? "problem " + problem.message : JSON.stringify(store.data[part]);
    if (text !== undefined && text !== last && !holder.contains(document.activeElement)) {
      last = text;
      fill(holder, problem ? problemCard(problem) : draw(store.data[part]));
    }
  };
  return { element: h("div", {}, h("h1", {}, title), holder), parts: [part], update };
}

const soonMS = 14 * 86400 * 1000;

// certificateKind is the colour of a certificate: what is over, what has failed, what ends soon.
export function certificateKind(c, now) {
  if (c.state !== "valid") {
    return "bad";
  }
  return c.failure || Date.parse(c.not_after) - now < soonMS ? "warn" : "good";
}

export function certificatesPage() {
  return redrawn("Certificates", "certificates", (all) => (all.length === 0 ? h("p", { class: "empty card" }, "No listener has a certificate (listeners.*.tls).") :
    table("Certificates", ["Name", "Listener", "State", "Expires", "Renewed", "From", "Key"], all.map((c) => [
      c.names.length > 1 ? c.name + " and " + (c.names.length - 1) + " more" : c.name, c.listener,
      [tag(c.state.replaceAll("_", " "), certificateKind(c, Date.now())), c.failure && h("div", { class: "bad" }, c.failure)],
      c.not_after ? f.when(c.not_after) + " (" + f.until(c.not_after) + ")" : "–",
      c.renewal ? f.when(c.renewal) + " by " + c.renewal_by : c.file ? "when the file changes" : "–",
      c.file || c.issuer || "–", c.key || "–"]))));
}

export function limitsPage() {
  return redrawn("Limits", "limits", (all) => (all.length === 0 ? h("p", { class: "empty card" }, "No stage limits clients (rate_limit, concurrency_limit).") :
    all.map(limiter)));
}

function limiter(l) {
  return h("section", { class: "card" }, h("h2", {}, l.stage + " ", tag(l.type), " ", l.dry_run && tag("dry run", "warn")),
    facts([["Limits", (l.limits || []).map((x) => x.name + ": " + f.count(x.rate) + " per " + f.duration(x.per_seconds) + ", burst " + f.count(x.burst)).join("; ")],
      ["Requests in progress", l.max_requests > 0 && f.count(l.in_progress) + ", at most " + f.count(l.max_requests) + " for a key"],
      ["Keys", f.count(l.keys) + " of at most " + f.count(l.max_keys)], ["Evicted", l.evicted > 0 && f.count(l.evicted)],
      ["Store", l.store && l.store.address + (l.store.down ? " (down)" : "")], ["Last failure", l.store && l.store.failure]]),
    l.fullest.length > 0 && [h("h3", {}, "Fullest keys"), table("Fullest keys of " + l.stage, ["Key", "Limit", "Used", "Left", "At rest in"], l.fullest.map((k) => [
      h("code", {}, k.key || "secret " + k.id), k.limit, [meter(k.used), " " + f.percent(k.used)], f.count(k.remaining), f.duration(k.reset_seconds)]))]);
}

function meter(share) {
  const bar = h("i", { class: share >= 1 ? "high" : "" });
  bar.style.width = Math.min(100, share * 100) + "%";
  return h("span", { class: "meter", "aria-hidden": "true" }, bar);
}
