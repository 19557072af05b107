// Whose the time of the slowest exchanges is (GET /api/v1/blame): in words, ranked, by phase, by
// backend, by route and by client, and how exchanges have failed.

import { h, fill, say, field, choice, table, tag } from "./dom.js";
import { call, get, query } from "./api.js";
import { again } from "./again.js";
import { problemCard } from "./dialog.js";
import * as f from "./format.js";

const everyMS = 10000; // some milliseconds of the process each
const briefMS = 20000;
const rows = 10;
const spans = [["", "all that is kept"], ["1m", "the last minute"], ["5m", "the last 5 minutes"], ["10m", "the last 10 minutes"], ["1h", "the last hour"]];
const leastShare = 0.005; // less is not in the bar, nor in the sentences

// readBlame asks; route and since may be empty.
export async function readBlame(route, since, limit) {
  return (await call("/api/v1/blame" + query({ route, since, limit }))).body;
}

export function blamePage([asked]) {
  const names = h("datalist", { id: "blame-routes" });
  const route = h("input", { type: "search", list: "blame-routes", placeholder: "all", autocomplete: "off", value: asked || "", onchange: () => reading.now() });
  const since = choice(spans, { onchange: () => reading.now() });
  const trouble = h("div");
  const verdict = h("div", { role: "status" }, h("p", { class: "quiet" }, "Reading…"));
  const rest = h("div");
  const element = h("div", {}, h("h1", {}, "Blame"),
    h("p", { class: "quiet" }, "Whose the time of the slowest exchanges is, from what the recorder keeps. Tunnels are left out."),
    h("div", { class: "bar" }, field("Route", route), field("Ended in", since), h("button", { type: "button", onclick: () => reading.now() }, "Read anew"), names),
    trouble, verdict, rest);
  offerRoutes(names);
  let last = "";
  const read = async () => {
    const [name, span] = [route.value.trim(), since.value];
    try {
      const b = await readBlame(name, span, rows);
      if (name !== route.value.trim() || span !== since.value) {
        return; // another question was asked meanwhile
      }
      fill(trouble);
      const text = JSON.stringify(b);
      if (text !== last) {
        last = text;
        showVerdict(verdict, b);
        fill(rest, b.tail ? tailOf(b) : [], failuresOf(b));
      }
    } catch (error) {
      last = "";
      fill(trouble, problemCard(error));
      fill(verdict);
      fill(rest);
    }
  };
  const reading = again(everyMS, read);
  return { element, parts: [], back: reading.now, close: reading.stop };
}

const namesMax = 500; // others are typed

// offerRoutes completes what is typed. Without the names the field works all the same.
async function offerRoutes(holder) {
  try {
    fill(holder, (await get("/api/v1/routes" + query({ limit: namesMax }))).map((r) => h("option", { value: r.name })));
  } catch {
    fill(holder);
  }
}

// showVerdict says it in words: what is concluded, or that nothing can be, and what it rests on.
function showVerdict(holder, b) {
  const from = b.exchanges > 0 ? " that ended since " + f.clock(b.from) + " (" + f.ago(b.from) + ")" : "";
  fill(holder, h("p", { class: b.concluded ? "verdict" : "notice verdict" }, !b.concluded && h("strong", {}, "Nothing can be concluded yet. "), b.summary),
    b.exchanges > 0 && h("p", { class: "quiet" }, "It rests on " + f.count(b.exchanges) + (b.exchanges === 1 ? " exchange" : " exchanges") + from + ". " + timesOf(b)));
}

function timesOf(b) {
  const known = [["half", b.p50_ms], ["90 %", b.p90_ms], ["99 %", b.p99_ms]].filter(([, ms]) => ms !== undefined)
    .map(([name, ms]) => name + " within " + f.milliseconds(ms));
  const text = [...known, "the slowest took " + f.milliseconds(b.slowest_ms)].join(", ") + ".";
  return text[0].toUpperCase() + text.slice(1);
}

function tailOf(b) {
  const t = b.tail;
  const phases = t.phases.filter((p) => p.share >= leastShare);
  const about = "The slowest " + t.percent + " %: " + f.count(t.exchanges) + " exchanges of " + f.milliseconds(t.above_ms) + " and more" +
    (t.kept_longer > 0 ? ", and " + f.count(t.kept_longer) + " from before, each the slowest of its second, the oldest " + f.ago(t.kept_from) : "") + ".";
  return [
    h("section", { class: "card" }, h("h2", {}, "Where their time goes"), h("p", { class: "quiet" }, about), phaseBar(phases),
      h("ol", { class: "ranked" }, phases.map(phaseLine))),
    h("div", { class: "cards" },
      t.backends.length > 0 && card("Backends that have it", backendTable(t.backends)),
      t.routes && t.routes.length > 1 && card("Routes that have it", shareTable("Routes that have it", "Route", t.routes.map((r) => [r.route || "none", r, r.route && "#/blame/" + encodeURIComponent(r.route)]))),
      t.clients.length > 0 && card("Clients that were waited for", shareTable("Clients that were waited for", "Client", t.clients.map((c) => [c.client || "of a unix socket", c, null])))),
  ];
}

const card = (title, body) => h("section", { class: "card" }, h("h2", {}, title), body);

// phaseBar is all of the time from the left to the right; the list below says it in words.
function phaseBar(phases) {
  return h("div", { class: "stack", role: "img", "aria-label": "The time by phase: " + phases.map((p) => f.percent(p.share) + " " + p.phase).join(", ") },
    phases.map((p) => {
      const part = h("i", { class: "of-" + p.side, title: f.percent(p.share) + " " + p.phase });
      part.style.width = 100 * p.share + "%";
      fill(part, p.share > 0.12 ? p.phase : "");
      return part;
    }));
}

function phaseLine(p) {
  const who = p.backend && [", ", p.backends > 1 && f.percent(p.backend_share) + " of that for ", h("a", { class: "mono", href: hrefOf(p) }, p.backend),
    p.backends > 1 && " of " + f.count(p.backends)];
  return h("li", {}, h("strong", {}, f.percent(p.share)), " ", h("span", { class: "mark of-" + p.side }), p.side + ": " + p.meaning, who,
    h("span", { class: "quiet" }, " (" + p.phase + ": " + f.milliseconds(p.mean_ms) + " in each, " + f.milliseconds(p.usual_ms) + " in others)"));
}

const hrefOf = (b) => "#/backend/" + encodeURIComponent(b.pool) + "/" + encodeURIComponent(b.backend);

function backendTable(list) {
  return table("Backends that have the time", ["Backend", "Pool", "Share", "In the tail", "Its siblings", "Median", "Slower"], list.map((b) => [
    h("a", { class: "mono", href: hrefOf(b) }, b.backend), b.pool, shareOf(b.share),
    f.percent(b.tail_rate), b.siblings > 0 ? f.percent(b.siblings_tail_rate) : "has none", f.milliseconds(b.median_ms),
    b.slower === undefined ? "–" : tag(f.times(b.slower), b.slower >= 2 ? "bad" : "")]));
}

function shareOf(share) {
  const bar = h("i");
  bar.style.width = Math.min(100, share * 100) + "%";
  return [h("span", { class: "meter short", "aria-hidden": "true" }, bar), " ", f.percent(share)];
}

function shareTable(caption, head, list) {
  return table(caption, [head, "Share", "Exchanges"], list.map(([name, x, href]) => [href ? h("a", { href }, name) : name, shareOf(x.share), f.count(x.tail_exchanges)]));
}

function failuresOf(b) {
  if (b.failures.length === 0) {
    return h("p", { class: "quiet spaced" }, b.exchanges > 0 ? "None of them failed." : "");
  }
  return h("section", { class: "card spaced" }, h("h2", {}, "How exchanges failed"), table("How exchanges failed", ["Exchanges", "Share", "From before", "Cause", "Whose doing", "Meaning"],
    b.failures.map((x) => [f.count(x.exchanges), f.percent(x.share), f.count(x.kept_longer), tag(x.status ? "status " + x.status : x.cause, "bad"), x.side, x.meaning])));
}

// blameCard says it in one sentence, for the overview. Who may not see single exchanges is told so.
export function blameCard() {
  const text = h("p", { class: "quiet" }, "Reading…");
  const holder = h("div", {}, text, h("p", {}, h("a", { href: "#/blame" }, "Phases, backends, routes and failures")));
  const reading = again(briefMS, async () => {
    try {
      const b = await readBlame("", "", 1);
      text.className = b.concluded ? "" : "quiet";
      say(text, b.concluded ? b.summary : "Nothing can be concluded yet. " + b.summary);
    } catch (error) {
      text.className = "quiet";
      say(text, error.message);
    }
  });
  return { holder, close: reading.stop, again: reading.now };
}
