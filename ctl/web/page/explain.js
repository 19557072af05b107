// What would become of a request, and why. Nothing is sent.

import { h, fill, field, choice, facts, table, tag } from "./dom.js";
import { call } from "./api.js";
import { problemCard } from "./dialog.js";
import * as f from "./format.js";

const verdicts = { won: "good", failed: "bad", lost: "" };
const outcomes = { passes: "good", answers: "warn", resets: "bad", unsure: "warn", skipped: "", unreached: "" };

export function explainPage() {
  const method = h("input", { value: "GET", size: 8, required: true, spellcheck: "false" });
  const url = h("input", { value: "http://" + location.hostname + "/", required: true, size: 42, spellcheck: "false" });
  const peer = h("input", { placeholder: "127.0.0.1", size: 16 });
  const protocol = choice([["", "HTTP/1.1"], ["h2", "HTTP/2"], ["h3", "HTTP/3"], ["grpc", "gRPC"], ["websocket", "WebSocket"]], {});
  const headers = h("textarea", { rows: 3, cols: 60, placeholder: "X-Forwarded-For: 203.0.113.7", spellcheck: "false" });
  const answer = h("div", { "aria-live": "polite" });
  const submit = async (event) => {
    event.preventDefault();
    const json = { method: method.value.trim(), url: url.value.trim(), headers: headersOf(headers.value) };
    if (peer.value.trim()) {
      json.peer_ip = peer.value.trim();
    }
    if (protocol.value) {
      json.protocol = protocol.value;
    }
    try {
      fill(answer, explanation((await call("/api/v1/explain", { method: "POST", json })).body));
    } catch (error) {
      fill(answer, problemCard(error));
    }
  };
  const element = h("div", {}, h("h1", {}, "Explain a request"),
    h("p", { class: "quiet" }, "What would become of it, and why. Nothing is sent, counted or taken from a limit."),
    h("form", { class: "card", onsubmit: submit },
      h("div", { class: "bar" }, field("Method", method), field("URL", url), field("From", peer), field("Protocol", protocol)),
      h("div", { class: "bar" }, field("Header fields, one a line", headers), h("button", { class: "primary", type: "submit" }, "Explain"))),
    answer);
  return { element, parts: [] };
}

// headersOf reads lines of Name: value; a name that comes twice has a list.
export function headersOf(text) {
  const out = {};
  for (const line of text.split("\n")) {
    const colon = line.indexOf(":");
    if (colon > 0) {
      (out[line.slice(0, colon).trim()] ??= []).push(line.slice(colon + 1).trim());
    }
  }
  return out;
}

function explanation(e) {
  const card = (title, ...body) => h("section", { class: "card" }, h("h2", {}, title), body);
  return [
    card("Outcome", h("p", {}, h("strong", {}, e.summary)), facts([["Generation", e.generation],
      ["Listener", e.listener.name && e.listener.name + " at " + e.listener.address + ": " + e.listener.why],
      ["Client", e.client.client || e.client.peer], ["On the way", e.client.hops.length > 0 && h("ul", { class: "steps" }, e.client.hops.map((hop) => h("li", {}, hop.address + " " + hop.says)))],
      ["Certificate", e.certificate && (e.certificate.name || "none") + ": " + e.certificate.why],
      ["Path that is matched", e.request.path]])),
    card("Routes, in the order in which they are tried", e.candidates.length === 0 ? h("p", { class: "quiet" }, "None has this host and path.") :
      table("Routes", ["Route", "Host", "Path", "Verdict", "Reason"], e.candidates.map((c) => [c.route, c.host, c.path, tag(c.verdict, verdicts[c.verdict]), c.reason]))),
    e.route && card("Route " + e.route.name, h("p", {}, e.route.action + ". " + e.route.why)),
    e.middleware.length > 0 && card("Stages", table("Stages", ["Stage", "Type", "Outcome", "Says"], e.middleware.map((m) => [m.name, m.type, tag(m.outcome, outcomes[m.outcome]), m.says]))),
    e.answer && card("Answer of the proxy", facts([["Status", e.answer.status], ["Cause", e.answer.cause], ["In words", e.answer.detail], ["Location", e.answer.location], ["By", e.answer.by]])),
    e.forward && forwarded(card, e.forward),
  ].filter(Boolean);
}

function forwarded(card, w) {
  const lines = [w.method + " " + w.target, "Host: " + w.host, ...w.headers.map((x) => x.name + ": " + x.value)];
  return [
    card("What the backend sees", h("pre", { tabindex: "0", "aria-label": "Request as the backend sees it" }, lines.join("\n")),
      facts([["Tries", w.attempts + (w.retry_on.length > 0 ? ", again after " + w.retry_on.join(", ") : "")],
        ["Timeout", w.timeout_seconds > 0 && f.duration(w.timeout_seconds) + " until the answer begins"], ["Hedge", w.hedge], ["Copy", w.mirror]])),
    w.pools.map((p) => card("Pool " + p.name + (p.share < 1 ? ", " + f.percent(p.share) : ""), h("p", {}, p.why), h("p", {}, p.pick ? "Picked: " + p.pick + ". " + p.pick_why : p.pick_why),
      p.cause && h("p", { class: "problem" }, p.cause), p.limit && h("p", {}, p.limit),
      table("Backends of " + p.name, ["Backend", "State", "Health", "Breaker", "Weight", "In flight", "Share"], p.backends.map((b) => [b.address, tag(b.up ? "up" : b.state === "enabled" ? "down" : b.state, b.up ? "good" : "bad"), b.health, b.breaker,
        b.weight, b.in_flight, b.share === undefined ? "–" : f.percent(b.share)])),
      p.backends_cut > 0 && h("p", { class: "quiet" }, "and " + p.backends_cut + " more"))),
  ];
}
