// Questions, refusals and what was done.

import { h, fill } from "./dom.js";
import { Problem, Unreachable } from "./api.js";

// problemCard shows an error of the API as it was said: title, detail, and every problem.
export function problemCard(error) {
  if (error instanceof Problem) {
    const b = error.body;
    return h("div", { class: "problem", role: "alert" },
      h("strong", {}, error.status + " " + (b.title || "")), b.code ? " (" + b.code + ")" : "",
      h("div", {}, b.detail || ""),
      b.errors && b.errors.length > 0 && h("ul", {}, b.errors.map((e) => h("li", { class: "mono" }, e.text))),
      b.referrers && b.referrers.length > 0 && h("ul", {}, b.referrers.map((r) => h("li", { class: "mono" }, r))));
  }
  const title = error instanceof Unreachable ? "Not reached" : "Failed";
  return h("div", { class: "problem", role: "alert" }, h("strong", {}, title), h("div", {}, error.message));
}

// ask shows a question with its body; act is done at the yes, and its failure is shown there.
// It gives true once act has succeeded, false where it was left.
export function ask({ title, body, yes, danger, act }) {
  return new Promise((resolve) => {
    let done = false;
    const trouble = h("div");
    const confirm = h("button", { class: danger ? "danger" : "primary", type: "submit" }, yes);
    const leave = h("button", { type: "button", onclick: () => dialog.close() }, "Cancel");
    const form = h("form", {
      method: "dialog",
      onsubmit: async (event) => {
        event.preventDefault();
        confirm.disabled = true;
        try {
          await act();
          done = true;
          dialog.close();
        } catch (error) {
          fill(trouble, problemCard(error));
        }
        confirm.disabled = false;
      },
    }, h("h2", { id: "dialog-title" }, title), body, trouble, h("div", { class: "bar" }, leave, confirm));
    const dialog = h("dialog", {
      "aria-labelledby": "dialog-title",
      onclose: () => {
        dialog.remove();
        resolve(done);
      },
    }, form);
    document.body.append(dialog);
    dialog.showModal();
  });
}

// show is a dialog that only shows something.
export function show(title, body) {
  const dialog = h("dialog", { "aria-labelledby": "dialog-title", onclose: () => dialog.remove() },
    h("h2", { id: "dialog-title" }, title), body,
    h("div", { class: "bar" }, h("button", { type: "button", onclick: () => dialog.close() }, "Close")));
  document.body.append(dialog);
  dialog.showModal();
  return dialog;
}

// trouble shows what has failed outside of a question, until it is dismissed.
export function trouble(error) {
  const card = problemCard(error);
  card.append(h("button", { type: "button", class: "small", onclick: () => card.remove() }, "Dismiss"));
  document.getElementById("toasts").append(card);
}

const toastMS = 6000;

// toast says what was done.
export function toast(text) {
  const note = h("div", { class: "toast" }, text);
  document.getElementById("toasts").append(note);
  setTimeout(() => note.remove(), toastMS);
}
