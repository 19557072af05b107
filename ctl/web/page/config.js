// The configuration: as it was written, with everything merged, where a value comes from, what
// came before, and the editor.

import { h, fill, facts, field } from "./dom.js";
import { call, get, query } from "./api.js";
import { store } from "./store.js";
import { problemCard } from "./dialog.js";
import { editTab } from "./edit.js";
import { historyTab } from "./history.js";
import * as f from "./format.js";

const tabs = { document: ["As written", documentTab], effective: ["Effective", effectiveTab], why: ["Where from", whyTab], history: ["History", historyTab], edit: ["Edit", editTab] };

export function configPage([name]) {
  const which = tabs[name] ? name : "document";
  const about = h("div");
  const tab = tabs[which][1]();
  const element = h("div", {}, h("h1", {}, "Configuration"), about,
    h("nav", { class: "tabs", "aria-label": "Parts of the configuration" }, Object.entries(tabs).map(([key, [title]]) =>
      h("a", { href: "#/config/" + key, "aria-current": key === which ? "page" : null }, title))),
    tab.element);
  let last = "";
  const update = () => {
    const s = store.data.status;
    const text = s && JSON.stringify([s.generation, s.config, s.config_file, s.last_reload, s.overlay]);
    if (text && text !== last) {
      const isNew = last !== "";
      last = text;
      fill(about, stateOf(s));
      if (isNew) {
        tab.changed?.();
      }
    }
  };
  return { element, parts: [], update, close: tab.close };
}

// stateOf says where the running configuration comes from, and what the fleet has.
function stateOf(s) {
  const c = s.config || {};
  const e = c.etcd;
  return h("section", { class: "card" }, facts([
    ["Generation", s.generation + ", from " + (c.source === "default" ? "the embedded default" : c.source)],
    ["File", s.config_file], ["Instance", s.instance], ["Applied changes", { memory: "end with the process", state: "survive a restart", file: "are written into the file" }[c.persist]],
    ["Drift", c.drift && "what runs is not what the " + (e ? "document in etcd" : "file") + " says"], ["Held back", c.held_back && "a rollback left the content of the file: only a reload with force takes it"],
    ["At run time", s.overlay && h("a", { href: "#/pools" }, f.count(s.overlay.backends) + " backends are overridden" + (s.overlay.persisted ? "" : ", until the process ends"))],
    ["Last reload", s.last_reload && s.last_reload.result + " " + f.when(s.last_reload.at) + (s.last_reload.reason ? ": " + s.last_reload.reason : "")],
    ["Shared document", e && e.key + " at " + e.endpoints.join(", ") + (e.connected ? "" : " (not reached)")],
    ["Revision", e && e.revision + (e.latest === e.revision ? "" : ", the latest is " + e.latest)],
    ["Refused", e && e.refused && "revision " + e.refused.revision + ": " + e.refused.reason], ["Trouble", e && e.problem],
    ["Same name", e && e.same_name], ["From a copy", e && e.cached && "etcd was not reached since the start"],
  ]));
}

// textTab shows the document of a path, and reads it anew when another one serves.
function textTab(path, label) {
  const holder = h("div", {}, h("p", { class: "quiet" }, "Reading…"));
  const read = async () => {
    try {
      const { body } = await call(path, { headers: { Accept: "application/yaml" } });
      fill(holder, h("pre", { tabindex: "0", "aria-label": label }, body));
    } catch (error) {
      fill(holder, problemCard(error));
    }
  };
  read();
  return { element: holder, changed: read };
}

function documentTab() {
  return textTab("/api/v1/config?format=yaml", "The configuration as it was written");
}

function effectiveTab() {
  return textTab("/api/v1/config?format=yaml&view=effective", "The effective configuration");
}

function whyTab() {
  const path = h("input", { placeholder: "pools.api.algorithm", size: 40, required: true, spellcheck: "false" });
  const answer = h("div", { "aria-live": "polite" });
  const submit = async (event) => {
    event.preventDefault();
    try {
      const w = await get("/api/v1/config/why" + query({ path: path.value.trim() }));
      fill(answer, facts([["Key", h("code", {}, w.path)], ["Value", h("code", {}, w.value)], ["Origin", w.origin],
        ["Since generation", w.since || "an older one than the history has"], ["Runs", "generation " + w.generation + " by " + w.author + " (" + w.trigger + ")"]]));
    } catch (error) {
      fill(answer, problemCard(error));
    }
  };
  return { element: h("form", { class: "card", onsubmit: submit }, h("div", { class: "bar" }, field("Key", path), h("button", { class: "primary", type: "submit" }, "Where from?")), answer) };
}
