// What can be done about a backend, each after a question. An error of the API is shown in it.

import { h, field, choice } from "./dom.js";
import { call, backendPath, overlayPath } from "./api.js";
import { ask, toast } from "./dialog.js";
import { store } from "./store.js";

const named = (b) => h("p", {}, h("strong", { class: "mono" }, b.address), " of pool ", h("strong", {}, b.pool));

async function patch(b, json, said) {
  await call(backendPath(b.pool, b.address), { method: "PATCH", json });
  toast(b.address + " of " + b.pool + ": " + said);
  store.refresh();
}

// state asks for drain, disabled or enabled; the first two may end by themselves.
export function state(b, to) {
  const texts = {
    drain: ["Drain", "It finishes what it has, keeps the clients that stick to it, and takes nothing new."],
    disabled: ["Disable", "It takes nothing at all, whatever its health."],
    enabled: ["Enable", "It takes traffic again, as soon as it is well."],
  };
  const [verb, meaning] = texts[to];
  const time = choice([["", "until somebody enables it"], ["10m", "10 minutes"], ["30m", "30 minutes"], ["2h", "2 hours"], ["24h", "a day"]], {});
  return ask({
    title: verb + " this backend?", yes: verb, danger: to !== "enabled",
    body: [named(b), h("p", {}, meaning), to !== "enabled" && field("For how long", time)],
    act: () => patch(b, time.value && to !== "enabled" ? { state: to, for: time.value } : { state: to }, to),
  });
}

export function weight(b, to) {
  return ask({
    title: "Change the weight?", yes: "Change", danger: to === 0,
    body: [named(b), h("p", {}, "From " + b.weight + " to " + to + "." + (to === 0 ? " With 0 it takes nothing new." : ""))],
    act: () => patch(b, { weight: to }, "weight " + to),
  });
}

// clear takes back what was asked of a backend at run time.
export function clear(b) {
  return ask({
    title: "Clear the override?", yes: "Clear",
    body: [named(b), h("p", {}, "What was changed at run time is taken back: the configuration alone says how it is.")],
    act: async () => {
      await call(overlayPath(b.pool, b.address), { method: "DELETE" });
      toast(b.address + " of " + b.pool + ": the override is cleared");
      store.refresh();
    },
  });
}

// sayOverride says what is asked of a backend beside the configuration.
export function sayOverride(o) {
  const parts = [];
  if (o.added) {
    parts.push("added");
  }
  if (o.removed) {
    parts.push("removed");
  }
  if (o.state) {
    parts.push(o.state + (o.until ? " until " + new Date(o.until).toLocaleString("en-GB") : ""));
  }
  if (o.weight !== undefined && o.weight !== null) {
    parts.push("weight " + o.weight);
  }
  return parts.join(", ");
}
