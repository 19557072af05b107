// Differences of configurations, and what they would do.

import { h, tag, table } from "./dom.js";
import * as f from "./format.js";

const kinds = { added: "good", changed: "warn", removed: "bad" };

// changesOf lists what is different, old above new.
export function changesOf(changes, beyond) {
  if (!changes || changes.length === 0) {
    return h("p", { class: "quiet" }, "Nothing is different.");
  }
  return [h("ul", { class: "diff" }, changes.map((c) => h("li", {}, tag(c.action, kinds[c.action]), " ", h("code", {}, c.path),
    c.old && h("pre", { class: "old" }, "- " + c.old), c.new && h("pre", { class: "new" }, "+ " + c.new)))),
  beyond > 0 && h("p", {}, "and " + f.count(beyond) + " more")].filter(Boolean);
}

// notesOf is what a change comes with beside its differences.
export function notesOf(answer) {
  const block = (title, lines) => lines && lines.length > 0 && h("div", { class: "notice" }, h("strong", {}, title), h("ul", {}, lines.map((l) => h("li", {}, l))));
  return [block("Only a restart changes", (answer.restart_needed || []).map((p) => p.text)),
    block("The environment or a flag says otherwise", (answer.overridden || []).map((o) => o.path + " by " + (o.env || "--set " + o.flag))),
    block("Warnings", (answer.warnings || []).map((p) => p.text))].filter(Boolean);
}

// planOf shows a plan: what it touches, what lives on that, and what the last requests would get.
export function planOf(plan) {
  return h("div", {}, h("h3", {}, "Differences"), changesOf(plan.changes, plan.changes_beyond), notesOf(plan),
    plan.effects && effectsOf(plan.effects), plan.replay && replayOf(plan.replay));
}

function effectsOf(e) {
  const lines = [
    ...e.connections.map((c) => c.kind + " " + c.name + " (" + c.change + "): " + [[c.active, "active"], [c.idle, "idle"], [c.streams, "streams"], [c.tunnels, "tunnels"], [c.in_progress, "in progress"]]
      .filter(([n]) => n > 0).map(([n, what]) => f.count(n) + " " + what).join(", ") + ". " + c.then),
    ...e.keys.map((k) => k.kind + " " + k.name + ", " + k.by + ": " + (k.share === undefined ? "an unknown part" : f.percent(k.share)) + " of the keys move (" + k.says + ")"),
    ...e.limiters.map((l) => l.type + " " + l.stage + ": the counts of " + f.count(l.keys) + " keys begin anew, " + l.says),
    ...e.sockets.map((s) => s.network + " " + s.address + " of " + s.listener + " is " + s.action),
  ];
  return [h("h3", {}, "What lives now"), lines.length > 0 ? h("ul", { class: "steps" }, lines.map((l) => h("li", {}, l))) : h("p", { class: "quiet" }, "No connection, key, limit or socket is concerned.")];
}

function replayOf(r) {
  const examples = [["answer", r.answers], ["route", r.routes], ["pool", r.pools], ["stages", r.stages]]
    .flatMap(([kind, c]) => c.examples.map((x) => [kind, f.count(x.requests), x.before, x.after, x.method + " " + x.host + x.path]));
  return [h("h3", {}, "Requests as they came"),
    h("p", {}, f.count(r.requests) + " requests of the last " + f.duration(r.window_seconds) + " were tried: something changes for " + f.count(r.changed) + " of them."),
    examples.length > 0 && table("Requests that get something else", ["What", "Requests", "Before", "After", "Such as"], examples),
    r.blind.length > 0 && h("p", { class: "quiet" }, "It cannot say anything of what is decided by " + r.blind.join(", ") + ".")];
}
