// What came before: each generation with its author, its differences and its document.

import { h, fill, table, tag, facts } from "./dom.js";
import { get, query } from "./api.js";
import { problemCard, show } from "./dialog.js";
import { changesOf } from "./diff.js";
import { rollback } from "./pending.js";
import { store } from "./store.js";
import * as f from "./format.js";

const shownMax = 100;
const kinds = { applied: "good", refused: "bad", unchanged: "", rolled_back: "warn", superseded: "" };

export function historyTab() {
  const holder = h("div", {}, h("p", { class: "quiet" }, "Reading…"));
  const read = async () => {
    try {
      const lines = await get("/api/v1/config/history" + query({ limit: shownMax }));
      const runs = store.data.status && store.data.status.generation;
      fill(holder, table("History", ["Generation", "When", "By", "Outcome", "Message", "Differences", "Do"], lines.map((g) => lineOf(g, runs))));
    } catch (error) {
      fill(holder, problemCard(error));
    }
  };
  read();
  return { element: holder, changed: read };
}

function lineOf(g, runs) {
  const name = g.generation ? String(g.generation) : "–";
  return [name + (g.generation === runs ? " (runs)" : ""), f.when(g.at), g.author + " (" + g.trigger + ")", tag(g.outcome, kinds[g.outcome]),
    g.message || g.reason || "", f.count(g.changes.length + (g.changes_beyond || 0)),
    g.generation ? [h("button", { class: "small", type: "button", "aria-label": "Look at generation " + name, onclick: () => look(g.generation) }, "Look"), " ",
      g.generation !== runs && h("button", { class: "small danger", type: "button", "aria-label": "Roll back to generation " + name, onclick: () => rollback(g.generation) }, "Roll back")] : ""];
}

async function look(number) {
  try {
    const g = await get("/api/v1/config/history/" + number);
    show("Generation " + number, [facts([["When", f.when(g.at)], ["By", g.author + " (" + g.trigger + ")"], ["Outcome", g.outcome], ["Reason", g.reason], ["Message", g.message]]),
      h("h3", {}, "Differences from the one before"), changesOf(g.changes, g.changes_beyond),
      g.document && [h("h3", {}, "Document"), h("pre", { tabindex: "0", "aria-label": "Document" }, g.document)]]);
  } catch (error) {
    show("Generation " + number, problemCard(error));
  }
}
