// The page for who has no session. The token goes into the body of one call and is kept nowhere.

import { h, fill, field } from "./dom.js";
import { call } from "./api.js";
import { problemCard } from "./dialog.js";

export function loginPage(done) {
  const trouble = h("div");
  const token = h("input", { type: "password", autocomplete: "current-password", required: true, name: "token" });
  const enter = h("button", { class: "primary", type: "submit" }, "Log in");
  const submit = async (event) => {
    event.preventDefault();
    enter.disabled = true;
    try {
      const { body } = await call("/api/v1/session", { method: "POST", json: { token: token.value } });
      localStorage.setItem("isame.session", body.name + " (" + body.role + ")");
      done();
    } catch (error) {
      fill(trouble, problemCard(error));
      enter.disabled = false;
      token.select();
    }
  };
  return h("form", { class: "card login", onsubmit: submit },
    h("h1", {}, "Log in"),
    h("p", { class: "quiet" }, "This endpoint has tokens (admin.tokens). A session lasts 12 hours; what it may do is what the role of the token may."),
    field("Token", token), enter, trouble);
}
