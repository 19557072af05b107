// How much more load the instance takes, and which limit comes first (GET /api/v1/headroom).

import { h, fill, say, table, tag } from "./dom.js";
import { get } from "./api.js";
import { again } from "./again.js";
import * as f from "./format.js";

const everyMS = 3000;
const shownMax = 8;

// headroomFigure is the times in brief, of what the status says.
export function headroomFigure(brief) {
  return brief?.concluded ? timesOf(brief.times) : "–";
}

// headroomCard has the sentence and the limits, the first one first.
export function headroomCard() {
  const text = h("p", { class: "quiet" }, "Reading…");
  const limits = h("div");
  const holder = h("div", {}, text, limits);
  let last = "";
  const reading = again(everyMS, async () => {
    try {
      const now = await get("/api/v1/headroom");
      text.className = now.concluded ? "" : "quiet";
      say(text, now.summary);
      const made = JSON.stringify(now.limits);
      if (made !== last) {
        last = made;
        fill(limits, limitTable(now.limits));
      }
    } catch (error) {
      text.className = "quiet";
      say(text, error.message);
      last = "";
      fill(limits);
    }
  });
  return { holder, close: reading.stop, again: reading.now };
}

const timesOf = (n) => (n >= 100 ? "> 100x" : f.times(n));

function limitTable(list) {
  const told = list.filter((l) => l.concluded).slice(0, shownMax);
  return told.length > 0 && table("Limits, the first one first", ["Limit", "Used", "Load may grow to", "Between"], told.map((l) => [
    l.says, f.percent(l.most > 0 ? l.use / l.most : null),
    tag(timesOf(l.times), l.times < 1.1 ? "bad" : l.times < 1.5 ? "warn" : ""),
    l.low === undefined ? "–" : timesOf(l.low) + " – " + timesOf(l.high)]));
}
