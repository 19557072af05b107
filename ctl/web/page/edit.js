// The editor: it is checked as you type, says what would be different, plans, and applies with a
// time within which somebody has to confirm.

import { h, fill, field, choice, later, say } from "./dom.js";
import { call, query, Problem } from "./api.js";
import { problemCard, ask, toast } from "./dialog.js";
import { changesOf, notesOf, planOf } from "./diff.js";
import { store } from "./store.js";

const typeYAML = "application/yaml";
const quietMS = 600; // without a key before it is checked
const planPatienceMS = 60000;

// The text outlives a look at another page, until it is applied or read anew.
const draft = { text: null, base: "" };

export function editTab() {
  const text = h("textarea", { class: "editor", spellcheck: "false", "aria-label": "Configuration in YAML", "aria-describedby": "verdict", wrap: "off" });
  const verdict = h("p", { id: "verdict", role: "status" }, "Reading…");
  const outcome = h("div");
  const message = h("input", { placeholder: "why", maxlength: 200 });
  const confirm = choice([["60s", "within a minute, else it is rolled back"], ["5m", "within 5 minutes, else it is rolled back"], ["", "not needed: it stays"]], {});
  const apply = h("button", { type: "button", class: "primary", onclick: () => applyIt() }, "Apply…");
  const plan = h("button", { type: "button", onclick: () => planIt() }, "Plan");
  const again = h("button", { type: "button", onclick: () => read() }, "Read anew");
  let round = 0;

  async function read() {
    try {
      const { body, etag } = await call("/api/v1/config?format=yaml", { headers: { Accept: typeYAML } });
      draft.text = body;
      draft.base = etag;
      text.value = body;
      await check();
    } catch (error) {
      say(verdict, "");
      fill(outcome, problemCard(error));
    }
  }

  // check asks what is wrong and what would be different; only the last answer counts.
  async function check() {
    const mine = ++round;
    apply.disabled = plan.disabled = true;
    try {
      const { body } = await call("/api/v1/config" + query({ dry_run: true }), { method: "PUT", text: text.value, type: typeYAML });
      if (mine !== round) {
        return;
      }
      verdict.className = "good";
      say(verdict, body.unchanged ? "Valid, and what runs." : "Valid.");
      fill(outcome, notesOf(body), body.unchanged ? [] : [h("h2", {}, "What would be different"), changesOf(body.changes, body.changes_beyond)]);
      apply.disabled = plan.disabled = Boolean(body.unchanged);
    } catch (error) {
      if (mine === round) {
        refused(error);
      }
    }
  }

  function refused(error) {
    verdict.className = "bad";
    const problems = error instanceof Problem && error.body.errors;
    say(verdict, problems ? problems.length + (problems.length === 1 ? " problem" : " problems") : "Not checked");
    fill(outcome, problems && problems.length > 0 ? h("div", { class: "problem", role: "alert" }, h("strong", {}, error.body.title + ": "), error.body.detail,
      h("ul", {}, problems.map((p) => h("li", { class: "mono" }, p.line > 0 && [h("button", { type: "button", class: "small", onclick: () => jump(text, p.line, p.column) }, "line " + p.line), " "], p.text)))) : problemCard(error));
  }

  async function planIt() {
    try {
      const { body } = await call("/api/v1/config/plan", { method: "POST", text: text.value, type: typeYAML, patienceMS: planPatienceMS });
      fill(outcome, h("h2", {}, "Plan: nothing was done"), planOf(body));
      outcome.scrollIntoView({ block: "nearest" });
    } catch (error) {
      fill(outcome, problemCard(error));
    }
  }

  function applyIt() {
    return ask({
      title: "Apply this configuration?", yes: "Apply",
      body: [field("Confirmation", confirm), h("p", {}), field("Message for the history", message)],
      act: async () => {
        const { body } = await call("/api/v1/config" + query({ confirm: confirm.value, message: message.value.trim() }),
          { method: "PUT", text: text.value, type: typeYAML, headers: { "If-Match": draft.base }, patienceMS: planPatienceMS });
        draft.base = '"' + body.etag + '"';
        draft.text = text.value;
        toast("Generation " + body.generation + " serves" + (body.confirm_before ? ": confirm it above." : "."));
        store.refresh();
        await check();
      },
    });
  }

  const soon = later(check, quietMS);
  text.addEventListener("input", () => {
    draft.text = text.value;
    round++; // what is on its way is about another text
    apply.disabled = plan.disabled = true;
    soon();
  });
  if (draft.text === null) {
    read();
  } else {
    text.value = draft.text;
    check();
  }
  const element = h("section", { class: "card" }, text, verdict, h("div", { class: "bar" }, apply, plan, again), outcome);
  return { element, changed: () => check(), close: () => { round++; } };
}

// jump puts the caret at a place of the text.
function jump(text, line, column) {
  const lines = text.value.split("\n");
  const at = lines.slice(0, line - 1).reduce((sum, l) => sum + l.length + 1, 0) + Math.max(0, (column || 1) - 1);
  text.focus();
  text.setSelectionRange(at, at);
  text.scrollTop = (line - 5) * parseFloat(getComputedStyle(text).lineHeight);
}
