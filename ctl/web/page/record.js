// One exchange in words and times: what came, who was asked, how it ended and what to do.

import { h, facts, table, tag } from "./dom.js";
import * as f from "./format.js";

export function recordOf(r) {
  const kind = r.cause === "ok" ? (r.status >= 500 ? "bad" : "good") : r.side === "client" ? "warn" : "bad";
  return h("div", {},
    h("p", {}, tag(r.cause, kind), " ", r.meaning),
    r.advice && h("p", { class: "notice" }, r.advice),
    facts([["Status", r.status || "none was sent"], ["Whose doing", r.side + ", in phase " + r.phase], ["At", f.when(r.started)], ["Took", f.milliseconds(r.took_ms)],
      ["Client", r.client], ["Spoken", r.protocol + (r.tls ? " over TLS" : "") + " to listener " + r.listener],
      ["Route", r.route], ["Pool", r.pool], ["Backend", r.backend], ["Generation", r.generation],
      ["Request id", r.request_id && r.request_id + (r.request_id_cut ? "…" : "")],
      ["Bytes", f.bytes(r.bytes_in) + " in, " + f.bytes(r.bytes_out) + " out"],
      ["Head came in", r.read_ms && f.milliseconds(r.read_ms)], ["Before an attempt", r.admit_ms && f.milliseconds(r.admit_ms)],
      ["Waited for the body", r.body_wait_ms && f.milliseconds(r.body_wait_ms)], ["Waited for the client", r.send_wait_ms && f.milliseconds(r.send_wait_ms)],
      ["No further attempt", r.no_retry]]),
    r.tries && r.tries.length > 0 && [h("h3", {}, r.attempts === 1 ? "The attempt" : "The attempts (" + r.attempts + ")"),
      table("Attempts", ["#", "Backend", "After", "Connected in", "Answered in", "Status", "Cause"], r.tries.map((t) => [
        t.attempt + (t.hedge ? (t.hedge_won ? " hedge, won" : " hedge") : ""), t.backend, f.milliseconds(t.began_ms),
        t.reused ? "reused" : f.milliseconds(t.connect_ms), f.milliseconds(t.answer_ms), t.status || "–", t.cause]))]);
}
