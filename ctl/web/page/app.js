// The frame: which page is shown, whether the process is reached, who looks.

import { h, fill, say } from "./dom.js";
import { store } from "./store.js";
import { call } from "./api.js";
import { clock } from "./format.js";
import { toast } from "./dialog.js";
import { loginPage } from "./login.js";
import { pendingBar } from "./pending.js";
import { overviewPage } from "./overview.js";
import { poolsPage } from "./pools.js";
import { backendPage } from "./backend.js";
import { routesPage } from "./routes.js";
import { blamePage } from "./blame.js";
import { requestsPage } from "./requests.js";
import { explainPage } from "./explain.js";
import { configPage } from "./config.js";
import { certificatesPage, limitsPage } from "./inventory.js";

// Pages by the first word behind #/; a page is {element, parts, update(), close()}.
const pages = {
  overview: ["Overview", overviewPage], pools: ["Pools", poolsPage], routes: ["Routes", routesPage], requests: ["Requests", requestsPage],
  blame: ["Blame", blamePage],
  explain: ["Explain", explainPage], config: ["Configuration", configPage], certificates: ["Certificates", certificatesPage],
  limits: ["Limits", limitsPage], backend: [null, backendPage],
};

const main = document.getElementById("main");
const banner = document.getElementById("banner");
let shown = null;

const links = Object.entries(pages).filter(([, [title]]) => title).map(([name, [title]]) => h("a", { href: "#/" + name, id: "nav-" + name }, title));
fill(document.getElementById("nav"), links);

// turn shows the page that the address names.
function turn(isFirst) {
  const words = location.hash.replace(/^#\/?/, "").split("?")[0].split("/").map(decodeURIComponent);
  const name = pages[words[0]] ? words[0] : "overview";
  if (shown) {
    shown.close?.();
    shown = null;
  }
  if (store.needsLogin) {
    fill(main, loginPage(() => store.setLogin(false)));
    main.querySelector("input").focus();
    return;
  }
  const title = pages[name][0] || "Backend";
  document.title = title + " – Isame";
  const current = name === "backend" ? "pools" : name;
  links.forEach((a) => (a.id === "nav-" + current ? a.setAttribute("aria-current", "page") : a.removeAttribute("aria-current")));
  links.find((a) => a.id === "nav-" + current).scrollIntoView({ block: "nearest", inline: "nearest" });
  shown = pages[name][1](words.slice(1));
  fill(main, shown.element);
  if (!isFirst) {
    main.focus({ preventScroll: true });
    scrollTo(0, 0);
  }
  store.need(...(shown.parts || []));
  shown.update?.();
}

function frame() {
  const s = store.data.status;
  if (s) {
    say(document.getElementById("instance"), s.instance + (s.state === "running" ? "" : " (" + s.state + ")"));
  }
  sayBanner();
}

// sayBanner says what stands above every page: a lost connection, or a change that waits.
function sayBanner() {
  if (!store.online) {
    banner.className = "";
    say(banner, "The connection to " + location.host + " was lost at " + clock(store.lostAt) + ". What is shown is from then. Trying again each second.");
    return;
  }
  const s = store.data.status;
  pendingBar(banner, s && s.config && s.config.pending);
}

function sayWho() {
  const name = localStorage.getItem("isame.session");
  fill(document.getElementById("who"), name ? [name, " ", h("button", { class: "small", type: "button", onclick: logout }, "Log out")] : []);
}

async function logout() {
  try {
    await call("/api/v1/session", { method: "DELETE" });
  } catch (error) {
    toast("Not logged out: " + error.message);
    return;
  }
  localStorage.removeItem("isame.session");
  store.setLogin(true);
  store.restart();
}

store.addEventListener("change", () => {
  frame();
  shown?.update?.();
});
store.addEventListener("online", () => {
  sayBanner();
  if (store.online) {
    toast("The connection is back.");
    shown?.back?.();
  }
});
store.addEventListener("login", () => {
  sayWho();
  turn(true);
});
addEventListener("hashchange", () => turn(false));
sayWho();
turn(true);
