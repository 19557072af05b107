// What happens to the process, as it happens (GET /api/v1/events).

import { h, fill } from "./dom.js";
import { store } from "./store.js";
import { clock } from "./format.js";

const linesMax = 100;
const types = ["generation", "reload", "backend", "breaker", "certificate", "overlay", "reset", "dropped"];

// sentence says an event in words.
export function sentence(type, e) {
  switch (type) {
    case "generation":
      return "generation " + e.generation + " serves (" + e.trigger + ", " + e.author + ")" + (e.message ? ": " + e.message : "");
    case "reload":
      return "change " + e.result + " (" + e.trigger + ", " + e.author + ")" + (e.unchanged ? ", nothing is different" : "") + (e.reason ? ": " + e.reason : "");
    case "backend":
      return "backend " + e.backend + " of " + e.pool + ": " + (e.change === "state" ? e.state : e.change === "weight" ? "weight " + e.weight : e.change) + (e.reason ? ", " + e.reason : "");
    case "breaker":
      return "breaker of " + e.backend + " in " + e.pool + " " + e.change + (e.last ? " after " + e.last : "");
    case "certificate":
      return "certificate " + e.name + " of " + e.listener + " " + e.change + (e.failure ? ": " + e.failure : "");
    case "overlay":
      return "override of " + e.backend + " in " + e.pool + ": " + e.change + (e.state ? " " + e.state : "") + (e.author ? " by " + e.author : "");
    case "reset":
      return "events before this one are missing";
    default:
      return e.dropped + " events were lost";
  }
}

export function feed() {
  const holder = h("ul", { class: "feed", tabindex: "0", "aria-label": "Events" }, h("li", { class: "quiet" }, "Nothing yet: events come from now on."));
  let source = null;
  let empty = true;
  const line = (type, data) => {
    if (empty) {
      fill(holder);
      empty = false;
    }
    const at = data.at || new Date().toISOString();
    holder.prepend(h("li", {}, h("time", { datetime: at }, clock(at)), sentence(type, data)));
    while (holder.children.length > linesMax) {
      holder.lastChild.remove();
    }
    store.refresh(); // what is shown elsewhere has changed
  };
  const open = () => {
    source = new EventSource("/api/v1/events");
    types.forEach((type) => source.addEventListener(type, (event) => line(type, JSON.parse(event.data))));
  };
  open();
  return {
    holder,
    // again opens a stream that the browser has given up on.
    again: () => {
      if (source.readyState === EventSource.CLOSED) {
        open();
      }
    },
    close: () => source.close(),
  };
}
