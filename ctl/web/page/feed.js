// What happens to the process, as it happens.

import { h, fill } from "./dom.js";
import { store } from "./store.js";
import { clock } from "./format.js";

const linesMax = 100;

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

// feed lists what has happened since the dashboard was opened, newest first.
export function feed() {
  const holder = h("ul", { class: "feed", tabindex: "0", "aria-label": "Events" });
  const line = ({ type, data }) => {
    const at = data.at || new Date().toISOString();
    return h("li", {}, h("time", { datetime: at }, clock(at)), sentence(type, data));
  };
  const nothing = h("li", { class: "quiet" }, "Nothing yet: events come from now on.");
  fill(holder, store.events.length > 0 ? store.events.map(line) : nothing);
  const add = (event) => {
    nothing.remove();
    holder.prepend(line(event.detail));
    while (holder.children.length > linesMax) {
      holder.lastChild.remove();
    }
  };
  store.addEventListener("event", add);
  return { holder, close: () => store.removeEventListener("event", add) };
}
