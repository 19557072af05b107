// The instances that share the configuration (GET /api/v1/instances): who lags, and since when.

import { h, fill, table, tag } from "./dom.js";
import { get } from "./api.js";
import { again } from "./again.js";
import * as f from "./format.js";

const everyMS = 10000;
const shownMax = 200;
const kinds = { current: "good", behind: "bad", refuses: "bad", unknown: "warn", alone: "" };

// sayStanding says in words how an instance stands to the document.
function sayStanding(i) {
  switch (i.standing) {
    case "behind": return "lags: revision " + i.revision + " of " + i.latest;
    case "refuses": return "refuses revision " + i.latest;
    case "unknown": return "its report cannot be read";
    default: return i.standing;
  }
}

// instancesCard lists them; a process that shares nothing says how it would.
export function instancesCard() {
  const holder = h("div", {}, h("p", { class: "quiet" }, "Reading…"));
  let last = "";
  const reading = again(everyMS, async () => {
    let made;
    try {
      const list = await get("/api/v1/instances");
      made = { text: JSON.stringify(list), draw: () => draw(list) };
    } catch (error) {
      made = { text: "refused: " + error.message, draw: () => h("p", { class: "notice" }, error.message) };
    }
    if (made.text !== last && !holder.contains(document.activeElement)) {
      last = made.text;
      fill(holder, made.draw());
    }
  });
  return { holder, close: reading.stop, again: reading.now };
}

function draw(list) {
  if (list.every((i) => i.standing === "alone")) {
    return h("p", { class: "quiet" }, "This instance shares its configuration with no other. With ", h("code", {}, "source.etcd"), " several run one document, and are listed here.");
  }
  const lag = list.filter((i) => i.standing !== "current").length;
  return [h("p", { class: lag > 0 ? "bad" : "quiet" }, lag > 0 ? lag + " of " + list.length + " do not run the document as it lies in etcd." : "All " + list.length + " run revision " + list[0].latest + "."),
    table("Instances", ["Instance", "State", "Generation", "Since", "Version"], list.slice(0, shownMax).map((i) => [
      [i.name, i.self && " (this one)"], [tag(sayStanding(i), kinds[i.standing]), i.refused && h("div", { class: "quiet" }, i.refused.reason)],
      i.boot ? f.count(i.generation) : "–", i.since ? h("time", { datetime: i.since, title: f.when(i.since) }, f.when(i.since)) : "–", i.version || "–"])),
    list.length > shownMax && h("p", { class: "quiet" }, "and " + (list.length - shownMax) + " more: isame-ctl status --all")];
}
