// The bar of a configuration that waits for its confirmation.

import { h, fill, say } from "./dom.js";
import { call, Problem } from "./api.js";
import { duration } from "./format.js";
import { ask, toast, trouble } from "./dialog.js";
import { store } from "./store.js";

// pendingBar shows it in the banner, or empties that.
export function pendingBar(banner, pending) {
  if (!pending) {
    banner.className = "";
    fill(banner);
    return;
  }
  const left = duration((Date.parse(pending.confirm_before) - Date.now()) / 1000);
  const text = "Generation " + pending.generation + " by " + pending.author + " waits for its confirmation. In " + left +
    " generation " + pending.previous + " comes back.";
  if (banner.dataset.generation === String(pending.generation) && banner.firstChild && banner.className === "pending") {
    say(banner.querySelector("span"), text);
    return;
  }
  banner.className = "pending";
  banner.dataset.generation = pending.generation;
  fill(banner, h("div", { class: "row" }, h("span", {}, text),
    h("button", { type: "button", class: "primary", onclick: (e) => confirm(e.target, pending.generation) }, "Confirm"),
    h("button", { type: "button", class: "danger", onclick: () => rollback(pending.previous) }, "Roll back")));
}

// A browser keeps up to six connections that are older than the change, and the confirmation has
// to come on a younger one: each refusal of an old one closes it.
const triesMax = 8;

async function confirm(button, generation) {
  button.disabled = true;
  try {
    for (let i = 1; ; i++) {
      try {
        await call("/api/v1/config/confirm", { method: "POST", json: { generation } });
        break;
      } catch (error) {
        if (i === triesMax || !(error instanceof Problem) || error.body.code !== "confirm_pending") {
          throw error;
        }
      }
    }
    toast("Generation " + generation + " stays.");
  } catch (error) {
    trouble(error);
  }
  button.disabled = false;
  store.refresh();
}

// rollback brings the content of a generation back, after a question. It gives true once it has.
export async function rollback(generation) {
  const done = await ask({
    title: "Roll back to generation " + generation + "?", yes: "Roll back", danger: true,
    body: h("p", {}, "Its content comes back as a new generation, at once."),
    act: async () => {
      const { body } = await call("/api/v1/config/rollback", { method: "POST", json: { generation }, patienceMS: 60000 });
      toast("Generation " + body.generation + " serves: the content of " + generation + ".");
    },
  });
  store.refresh();
  return done;
}
